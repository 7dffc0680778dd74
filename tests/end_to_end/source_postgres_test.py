"""PostgreSQL's outbox tables as sources: the order of rows, resuming on every node, publishing."""

import json
import tempfile

import case
from gateway import run_verb
from outbox import COLUMNS, OutboxCase, config


class Rows(OutboxCase):
    def test_rows_come_in_the_order_of_their_transactions_with_their_places_as_ids(self):
        self.create()
        self.gateway = self.gateway_over_table()
        reader = self.subscribe("/audit")
        reader.opened()
        places = self.insert("one", "two", "three")
        self.assert_events(reader, ["one", "two", "three"], places)

    def test_a_row_names_its_event_and_its_topic(self):
        self.create()
        self.gateway = self.gateway_over_table()
        reader, own, every = self.subscribe("/audit/eu"), self.subscribe("/audit"), self.subscribe("/all?topic=audit/**")
        for subscriber in (reader, own, every):
            subscriber.opened()
        self.insert("moved", topic="eu", event="ship")
        self.insert("elsewhere", topic="us")
        self.insert("its own", topic="")
        self.insert("last", topic="eu")
        self.assertEqual([(event.type, event.data) for event in reader.take(2)], [("ship", "moved"), ("message", "last")])
        self.assertEqual(own.next().data, "its own")
        self.assertEqual([event.data for event in every.take(3)], ["moved", "elsewhere", "last"])

    def test_a_row_that_commits_late_is_not_lost(self):
        self.create()
        self.gateway = self.gateway_over_table()
        reader = self.subscribe("/audit")
        reader.opened()
        late, slow = self.session(), self.session()
        late.run("BEGIN")
        late_place, = self.insert("late", sql=late)
        with self.counts("sluice_source_lag_events"):  # the gateway has seen the row that waits
            early_place, = self.insert("early")
        slow.run("BEGIN")
        slow.run("SELECT pg_current_xact_id()")
        later_place, = self.insert("later")
        late.run("COMMIT")
        self.assert_events(reader, ["late", "early"], [late_place, early_place])
        slow.run("ROLLBACK")
        self.assert_events(reader, ["later"], [later_place])

    def test_a_transaction_that_holds_rows_back_is_named(self):
        self.create()
        self.gateway = self.gateway_over_table()
        reader = self.subscribe("/audit")
        reader.opened()
        holder = self.session()
        holder.run("SET application_name = 'the one that forgot to commit'")
        holder.run("BEGIN")
        holder.run("SELECT pg_current_xact_id()")
        self.insert("held back")
        self.gateway.wait_for_line("rows wait for a write transaction.*the one that forgot to commit", 15)
        holder.run("COMMIT")
        self.assert_events(reader, ["held back"])

    def test_a_trigger_that_notifies_wakes_the_source(self):
        self.create()
        self.sql.run(f"CREATE FUNCTION {self.table}_tell() RETURNS trigger LANGUAGE plpgsql AS "
                     "'BEGIN PERFORM pg_notify(TG_TABLE_NAME, ''''); RETURN NULL; END'")
        self.sql.run(f"CREATE TRIGGER tell AFTER INSERT ON {self.table} FOR EACH STATEMENT EXECUTE FUNCTION {self.table}_tell()")
        self.gateway = self.gateway_over_table()
        reader = self.subscribe("/audit")
        reader.opened()
        for number in range(50):  # by asking alone they would take 10 s
            self.insert(str(number))
            self.assert_events(reader, [str(number)])

    def test_columns_of_other_names_and_parts_of_json_are_mapped(self):
        self.create(COLUMNS.replace("data text", "payload jsonb"))
        self.gateway = self.gateway_over_table('map.data = "payload"\nmap.topic = "/region"\nmap.event = "/kind"')
        reader = self.subscribe("/audit/eu")
        reader.opened()
        self.sql.run(f"""INSERT INTO {self.table} (payload) VALUES ('{{"region":"eu","kind":"sale","n":1e2}}')""")
        event = reader.next()
        self.assertEqual((event.type, json.loads(event.data)), ("sale", {"region": "eu", "kind": "sale", "n": 100}))
        again = self.subscribe("/audit/eu", last_event_id="earliest")
        again.opened()
        self.assertEqual(again.next(), event)

    def test_poison_is_mended_or_dropped_and_counted_and_blocks_nothing(self):
        self.create(COLUMNS.replace("data text", "data bytea"))
        self.gateway = self.gateway_over_table(settings={"limits.event_size": "1KiB"})
        reader = self.subscribe("/audit")
        reader.opened()
        with self.counts("sluice_source_poison_total", least=5):
            for event, topic, data in [
                ("NULL", "NULL", r"'\xff00610d0a62'"),  # not UTF-8, a NUL, a line end
                (r"E'a\rid: 9'", "NULL", "'forged'"),
                ("'sluice.gap'", "NULL", "'posing'"),
                ("NULL", "NULL", "repeat('x', 1025)::bytea"),
                ("NULL", "'a//b'", "'no such name'"),
                ("'fine'", "NULL", "'fine'"),
            ]:
                self.sql.run(f"INSERT INTO {self.table} (event, topic, data) VALUES ({event}, {topic}, {data})")
            events = reader.take(4)
        self.assertEqual([(event.type, event.data) for event in events],
                         [("message", "\ufffda\nb"), ("message", "forged"), ("message", "posing"), ("fine", "fine")])
        replayed = self.subscribe("/audit", last_event_id="earliest")
        replayed.opened()
        self.assertEqual(replayed.take(4), events)


class Resuming(OutboxCase):
    def test_another_gateway_goes_on_from_every_position(self):
        self.create()
        first, second = self.gateway_over_table(), self.gateway_over_table()
        reader = self.subscribe("/audit", gateway=first)
        ids = [reader.opened().id]
        data = [str(number) for number in range(8)]
        places = self.insert(*data)
        self.assert_events(reader, data, places)
        third = self.gateway_over_table(more="history.entries = 2")  # has none of it in its ring
        for gateway in (first, second, third):
            for done, position in enumerate(ids + places):
                with self.subTest(done=done, position=position), \
                        self.subscribe("/audit", gateway=gateway, last_event_id=position) as resumed:
                    opened = resumed.opened()
                    self.assertTrue(json.loads(opened.data)["resumed"])
                    self.assertEqual(opened.id, position)
                    self.assert_events(resumed, data[done:], places[done:])
        last = self.insert("the next")
        self.assert_events(reader, ["the next"], last)

    def test_the_oldest_and_a_time_are_where_a_stream_may_begin(self):
        self.create()
        self.sql.run(f"INSERT INTO {self.table} (data, created_at) SELECT n, '2026-01-01T00:00:00Z'::timestamptz + "
                     "n * interval '1 hour' FROM generate_series(1, 5) AS n")
        self.gateway = self.gateway_over_table()
        for query, data in [("last_event_id=earliest", "12345"), ("since=2026-01-01T03:00:00Z", "345"),
                            ("since=2026-01-01T03:00:01Z", "45"), ("since=2027-01-01T00:00:00Z", "")]:
            with self.subTest(query), self.subscribe("/audit?" + query) as reader:
                reader.opened()
                self.assert_events(reader, data)
                mark = f"after {query}"
                self.insert(mark)
                self.assert_events(reader, [mark])
                self.sql.run(f"DELETE FROM {self.table} WHERE data = '{mark}'")

    def test_what_was_deleted_is_announced_as_a_gap(self):
        self.create()
        places = self.insert(*"abcdef")
        self.sql.run(f"DELETE FROM {self.table} WHERE data < 'd'")
        self.gateway = self.gateway_over_table()
        for position, lost in [(places[0], True), (places[1], True), (places[3], False), (places[4], False)]:
            with self.subTest(position), self.subscribe("/audit", last_event_id=position) as reader:
                reader.opened()
                if lost:
                    gap = self.gap(event := reader.next())
                    self.assertEqual((gap["reason"], gap["from"], gap["topic"]), ("trimmed", position, "audit"))
                    with self.subscribe("/audit", last_event_id=event.id) as again:
                        again.opened()
                        self.assert_events(again, "def", places[3:])  # told once
                    self.assert_events(reader, "def", places[3:])
                else:
                    rest = places.index(position) + 1
                    self.assert_events(reader, "abcdef"[rest:], places[rest:])

    def test_a_table_that_was_emptied_may_have_lost_something(self):
        self.create()
        places = self.insert("a", "b")
        self.sql.run(f"DELETE FROM {self.table}")
        self.gateway = self.gateway_over_table()
        readers = [self.subscribe("/audit", last_event_id=place) for place in places]
        for reader in readers:
            reader.opened()
            self.assertEqual(self.gap(reader.next())["reason"], "trimmed")
        place = self.insert("c")
        for reader in readers:
            self.assert_events(reader, ["c"], place)

    def test_a_row_of_a_late_commit_that_was_deleted_is_announced_although_its_id_is_smaller(self):
        self.create()
        late, early = self.session(), self.session()
        early.run("BEGIN")
        early.run("SELECT pg_current_xact_id()")
        late.run("BEGIN")
        late.run(f"INSERT INTO {self.table} (data) VALUES ('late')")
        [(xid, id)] = early.run(f"INSERT INTO {self.table} (data) VALUES ('early') RETURNING xid, id")
        early.run("COMMIT")
        late.run("COMMIT")
        last = self.insert("next")
        self.sql.run(f"DELETE FROM {self.table} WHERE id < (SELECT max(id) FROM {self.table})")
        self.gateway = self.gateway_over_table()
        with self.subscribe("/audit", last_event_id=f"{xid}.{id}") as reader:
            reader.opened()
            self.assertEqual(self.gap(reader.next())["reason"], "trimmed")
            self.assert_events(reader, ["next"], last)

    def test_a_position_that_the_server_has_never_reached_means_that_it_was_restored(self):
        self.create()
        places = self.insert("a", "b")
        self.gateway = self.gateway_over_table()
        reader = self.subscribe("/audit", last_event_id="99999999999.7")
        reader.opened()
        self.assertEqual(self.gap(reader.next())["reason"], "recreated")
        self.assert_events(reader, "ab", places)

    def test_texts_that_are_no_positions_are_answered_with_a_gap(self):
        self.create()
        self.insert("a")
        self.gateway = self.gateway_over_table()
        for position in ["7", "07.1", "7.1.1", "x4f9v.12", "1-1", "18446744073709551616.1", "-1.1"]:
            with self.subTest(position), self.subscribe("/audit", last_event_id=position) as reader:
                reader.opened()
                self.assertEqual(self.gap(reader.next())["reason"], "unknown_position")
                self.assert_events(reader, "a")

    def test_a_long_past_is_read_by_pages_that_many_share(self):
        self.create()
        start, = self.insert("0")
        self.insert_many(5_000)
        self.insert("eu", topic="eu")
        self.gateway = self.gateway_over_table("history.entries = 10")
        readers = [self.subscribe("/audit", last_event_id=start) for _ in range(10)]
        wanted = [str(number) for number in range(1, 5_001)]
        for reader in readers:
            reader.opened()
            self.assert_events(reader, wanted)
        self.assertLess(case.metric(self.gateway, "sluice_source_pages_total"), 25)
        other = self.subscribe("/audit/eu", last_event_id="earliest")
        other.opened()
        self.assert_events(other, ["eu"])


class Publishing(OutboxCase):
    def test_a_post_is_a_row_and_comes_back_with_the_position_that_it_was_answered_with(self):
        self.create()
        self.gateway = self.gateway_over_table("publish = true")
        other = self.gateway_over_table()
        reader, elsewhere = self.subscribe("/audit/eu"), self.subscribe("/audit/eu", gateway=other)
        reader.opened(), elsewhere.opened()
        ids = self.ids(self.publish("/audit/eu", json.dumps([{"data": "a", "event": "sale"}, {"data": 'q"\\{b}', "key": "k"}]),
                                    headers={"content-type": "application/json"}))
        for subscriber in (reader, elsewhere):
            events = subscriber.take(2)
            self.assertEqual([(event.id, event.type, event.data) for event in events],
                             [(ids[0], "sale", "a"), (ids[1], "message", 'q"\\{b}')])
        self.assertEqual(self.sql.run(f"SELECT topic, key, data FROM {self.table} ORDER BY id"),
                         [("eu", "", "a"), ("eu", "k", 'q"\\{b}')])
        self.assertEqual(self.sql.run(f"SELECT count(DISTINCT xid) FROM {self.table}"), [("1",)])

    def test_an_id_keeps_an_event_from_being_written_twice(self):
        self.create(COLUMNS + ", idempotency_key text UNIQUE")
        self.gateway = self.gateway_over_table("publish = true")
        reader = self.subscribe("/audit")
        reader.opened()
        first, = self.ids(self.publish("/audit?id=a", "once"))
        again = self.publish("/audit", json.dumps([{"data": "twice", "id": "a"}, {"data": "new", "id": "b"},
                                                   {"data": "none"}, {"data": "same", "id": "b"}]),
                             headers={"content-type": "application/json"})
        ids = self.ids(again)
        self.assertEqual((ids[0], ids[1] == ids[3], again.json["repeated"]), (first, True, 2))
        self.assert_events(reader, ["once", "new", "none"], [first, ids[1], ids[2]])
        refused = self.assert_refused(self.post("/audit/eu?id=a", "of another topic"), 400)
        self.assertIn("another topic", refused["detail"])

    def test_what_the_table_cannot_take_is_refused_with_the_remedy(self):
        self.create("id bigserial PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), data jsonb CHECK (data <> '13')")
        self.gateway = self.gateway_over_table("publish = true")
        self.wait_for_source()
        for path, body, text in [
            ("/audit/eu", "1", "no column for a topic below"),
            ("/audit?event=sale", "1", "no column for an event's name"),
            ("/audit?id=a", "1", "ADD COLUMN idempotency_key text UNIQUE"),
            ("/audit", "not JSON", "invalid input syntax for type json"),
            ("/audit", "13", "violates check constraint"),
        ]:
            with self.subTest(path=path, body=body):
                self.assertIn(text, self.assert_refused(self.post(path, body), 400)["detail"])
        self.publish("/audit", "[1,2]")
        self.assertEqual(self.sql.run(f"SELECT data FROM {self.table}"), [("[1, 2]",)])

    def test_a_source_without_publish_takes_no_post(self):
        self.create()
        self.gateway = self.gateway_over_table()
        self.assert_refused(self.post("/audit", "x"), 405)

    def post(self, path, body):
        return self.fetch(path, body=body, headers=case.BEARER)

    def wait_for_source(self):
        with self.subscribe("/audit") as reader:
            reader.opened()


class Mistakes(OutboxCase):
    variant = {"password": 'sp ace/"@:quote'}

    def says(self, pattern, table=None, more="", url=None):
        gateway = self.start(config(url or self.server.url, f'table = "{table or self.table}"', more))
        gateway.wait_for_line("source down.*" + pattern, 15)
        return gateway

    def test_a_missing_table_is_told_with_the_statement_that_makes_it(self):
        gateway = self.says(r"no table outbox_new.*CREATE TABLE outbox_new \(id bigint", table="outbox_new")
        line = next(line for line in gateway.lines if "CREATE TABLE" in line)
        statements = line[line.index("CREATE TABLE"):line.rindex(";") + 1].replace('\\"', '"')
        self.session().run(statements)
        self.wait_until(gateway, "up", 40)
        self.assertEqual(self.session().run("SELECT count(*) FROM outbox_new"), [("0",)])

    def test_a_table_that_lacks_something_is_told_with_the_remedy(self):
        for columns, more, pattern in [
            ("id bigserial, data text", "", r"no column xid.*ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id\(\)"),
            ("id bigserial, xid bigint, data text", "", r"xid of .* is of type bigint, not xid8"),
            ("id bigserial, xid xid8, data text", "", "xid of .* may be NULL"),
            ("id uuid, xid xid8 NOT NULL, data text", "", "id of .* is of type uuid"),
            ("xid xid8 NOT NULL, data text", "", "no column id"),
            ("id bigserial, xid xid8 NOT NULL, body text", "", "no column data.*map.data"),
            ("id bigserial, xid xid8 NOT NULL, data text", 'map.event = "kind"', "no column kind, which map.event names"),
        ]:
            with self.subTest(columns):
                self.create(columns, indexed=False)
                self.says(pattern, more=more)

    def test_a_wrong_password_user_database_or_port_is_told_without_the_password(self):
        self.create()
        url = self.server.url
        for wrong, pattern in [
            (url.replace("sp%20ace", "wrong"), "refuses the password of user sluice: mend it in the source's url"),
            (url.replace("/postgres", "/none", 1) if url.endswith("/none") else url.rsplit("/", 1)[0] + "/none",
             "has no database none"),
            (url.replace(f":{self.server.port}/", ":1/"), "nobody listens"),
            (url.replace("localhost", "no-such-host.invalid"), "no host of the name"),
            (url + "?sslmode=require", "has no TLS"),
        ]:
            with self.subTest(pattern):
                gateway = self.says(pattern, url=wrong)
                self.assertNotIn("quote", gateway.tail(100))
                self.assertNotIn("wrong", gateway.tail(100))

    def test_check_connect_tells_whether_the_table_can_be_read(self):
        self.create()
        for table, status, text in [(self.table, 0, "source audit: up"), ("missing", 1, "CREATE TABLE missing")]:
            with self.subTest(table), tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(config(self.server.url, f'table = "{table}"'))
                file.flush()
                checked = run_verb("check", "-c", file.name, "--connect")
                self.assertEqual(checked.returncode, status, checked.stdout + checked.stderr)
                self.assertIn(text, checked.stdout + checked.stderr)

    def test_a_url_that_is_none_stops_the_start(self):
        for url, pattern in [("postgres://u:geheim@[::1", "`source.audit`: `url`: not a PostgreSQL URL"),
                             ("postgres://localhost/x?sslmod=require", "sslmod")]:
            with self.subTest(url), self.assertRaisesRegex(AssertionError, pattern) as raised:
                self.start(config(url))
            self.assertNotIn("geheim", str(raised.exception))

    def test_keys_that_a_channel_cannot_have_stop_the_start(self):
        for what, pattern in [('channel = "news:{topic}"', "no captures"), ('channel = "' + "n" * 64 + '"', "at most 63 bytes"),
                              ('channel = "news"\nmap.topic = "topic"', "JSON pointer"), ("", "needs exactly one")]:
            with self.subTest(what), self.assertRaisesRegex(AssertionError, pattern):
                self.start(config(self.server.url, what))


class Secured(OutboxCase):
    variant = {"password": 'sp ace/"@:quote', "tls": True}

    def test_tls_and_a_password_by_url_or_by_keys(self):
        self.create()
        bare = self.server.url.split("?")[0]
        for url, more in [(self.server.url, ""), (bare, f'tls.ca = "{self.server.ca}"')]:
            with self.subTest(url):
                self.gateway = self.gateway_over_table(more, url=url)
                reader = self.subscribe("/audit")
                reader.opened()
                self.assert_events(reader, ["sealed"], self.insert("sealed"))
        self.assertEqual(self.sql.run("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                                      "WHERE application_name LIKE 'sluice%'"), [("t",)])

    def test_a_certificate_that_is_not_trusted_is_told(self):
        self.create()
        gateway = self.start(config(self.server.url.split("?")[0] + "?sslmode=verify-full", f'table = "{self.table}"'))
        gateway.wait_for_line("source down.*tls.ca", 15)
