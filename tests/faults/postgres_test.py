"""An outbox table of PostgreSQL (every commit on disk) through a storm of faults: nothing lost, repeated, out of order."""

import case
from engine import EngineError
from fault_storm import Storm, relays_to
from outbox import COLUMNS
from postgres_server import PostgresServer

CONFIG = """
[source.audit]
url = "{url}"
table = "outbox"
history = {{ entries = 50 }}
[[route]]
path = "/audit"
source = "audit"
"""


class PostgresOutbox(case.Case):
    def test_every_acknowledged_event_reaches_every_subscriber_once_in_order(self):
        server = PostgresServer()
        self.addCleanup(server.close)
        server.start()
        with server.session() as sql:
            sql.run(f"CREATE TABLE outbox ({COLUMNS})")
            sql.run("CREATE INDEX ON outbox (xid, id)")
        relays = relays_to(self, server.port)
        gateways = [self.start(CONFIG.format(url=server.url_at(relay.port))) for relay in relays]
        sessions = []

        def write(data):
            try:
                if not sessions:
                    sessions.append(server.session())
                sessions[0].run(f"INSERT INTO outbox (data) VALUES ('{data}')", timeout=3)
            except (OSError, EngineError) as error:
                sessions.pop().close()
                raise OSError("not acknowledged") from error

        def truth():
            with server.session() as sql:
                return [data for data, in sql.run("SELECT data FROM outbox ORDER BY xid, id")]

        storm = Storm(self, gateways, "/audit", relays, server)
        storm.check_exact(storm.run(write, truth))
        for session in sessions:
            session.close()
