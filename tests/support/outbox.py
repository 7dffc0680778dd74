"""What the cases of PostgreSQL sources share: a server for the class, an outbox table for each case, gateways over it."""

import itertools
import threading

import case
from postgres_server import PostgresServer

COLUMNS = """id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    topic text, event text, key text, data text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()"""
_numbers = itertools.count(1)
_lock = threading.Lock()


def config(url: str, what='table = "outbox"', more="", routes="") -> str:
    """`what`: the keys that choose the table or channel; `more`: others of the source."""
    return f"""
access = {{ publish_secret = "{case.SECRET}" }}
[source.audit]
url = "{url}"
{what}
{more}
[[route]]
path = "/audit"
source = "audit"
[[route]]
path = "/audit/{{region}}"
source = "audit"
[[route]]
path = "/all"
topics = ["audit", "audit/**"]
{routes}
"""


class OutboxCase(case.Case):
    """Cases that share one server; each has a table of its own."""

    server: PostgresServer
    variant: dict = {}

    @classmethod
    def setUpClass(cls):
        cls.server = PostgresServer(**cls.variant)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def session(self):
        session = self.server.session()
        self.addCleanup(session.close)
        return session

    def create(self, columns=COLUMNS, indexed=True) -> str:
        """A new table's name; self.sql is a session."""
        with _lock:
            self.table = f"outbox_{next(_numbers)}"
        self.sql = self.session()
        self.sql.run(f"CREATE TABLE {self.table} ({columns})")
        if indexed:
            self.sql.run(f"CREATE INDEX ON {self.table} (xid, id)")
        return self.table

    def gateway_over_table(self, more="", url=None, **others):
        return self.start(config(url or self.server.url, f'table = "{self.table}"', more), **others)

    def insert(self, *data, topic=None, event=None, sql=None) -> list[str]:
        """One row, one transaction for each; their positions."""
        texts = {name: "NULL" if text is None else f"'{text}'" for name, text in (("topic", topic), ("event", event))}
        rows = [(sql or self.sql).run(f"INSERT INTO {self.table} (topic, event, data) VALUES "
                                      f"({texts['topic']}, {texts['event']}, '{text}') RETURNING xid, id")[0]
                for text in data]
        return [f"{xid}.{id}" for xid, id in rows]

    def insert_many(self, count: int):
        """Rows of one transaction: their data is 1, 2, …"""
        self.sql.run(f"INSERT INTO {self.table} (data) SELECT n FROM generate_series(1, {count}) AS n")

    def assert_events(self, reader, data, positions=None):
        events = reader.take(len(data))
        self.assertEqual([event.data for event in events], list(data))
        self.assertEqual([event.type for event in events], ["message"] * len(data))
        if positions is not None:
            self.assertEqual([event.id for event in events], positions)

    def wait_until(self, gateway, state: str, timeout=15):
        gateway.wait_for_line(f"source {state}", timeout)
