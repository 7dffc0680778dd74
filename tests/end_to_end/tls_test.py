"""TLS at the listener: who is let in, who is refused and how, and that neither kind disturbs those who are there."""

import contextlib
import socket
import ssl

import case
import raw_h2

NO_APPLICATION_PROTOCOL, PROTOCOL_VERSION = "no application protocol", "protocol version"


class Tls(case.SharedCase):
    def context(self, alpn=("h2",), least=ssl.TLSVersion.TLSv1_2, most=ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        context = raw_h2.tls_context(self.gateway, alpn)
        if least < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")  # or this side would not even offer it
        context.minimum_version, context.maximum_version = least, most
        return context

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=raw_h2.WAIT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(connection.close)
        return connection

    def wrap(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        return context.wrap_socket(self.connect(), server_hostname="localhost")

    @contextlib.contextmanager
    def unharmed(self, topic: str):
        """What happens inside is a failed handshake, which a subscriber of before does not notice."""
        reader = self.subscribe(topic)
        reader.opened()
        before = self.gateway.descriptors()
        with self.counts("failed"):
            yield
        self.publish(topic, "still here")
        self.assertEqual(reader.next().data, "still here")
        self.assert_descriptors_back(before)

    def assert_served(self, connection: ssl.SSLSocket):
        peer = raw_h2.Peer(self.gateway, connection=connection)
        self.addCleanup(peer.close)
        self.assertEqual(peer.status(peer.get("/")), 200)

    def test_TLS_1_2_and_1_3_are_served(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name):
                connection = self.wrap(self.context(least=version, most=version))
                self.assertEqual(connection.selected_alpn_protocol(), "h2")
                self.assertIsNone(connection.compression())
                self.assert_served(connection)

    def test_h2_is_chosen_wherever_it_stands_in_the_clients_list(self):
        for alpn in (("h2", "http/1.1"), ("http/1.1", "spdy/3", "h2")):
            connection = self.wrap(self.context(alpn))
            self.assertEqual(connection.selected_alpn_protocol(), "h2")
            self.assert_served(connection)

    def test_older_versions_are_told_that_they_are_too_old(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.subTest(version.name), self.unharmed("/topics/old"), self.assertRaises(ssl.SSLError) as refused:
                self.wrap(self.context(least=version, most=version))
            self.assertIn(PROTOCOL_VERSION, str(refused.exception).lower())

    def test_a_client_that_offers_only_other_protocols_is_told_so(self):
        for alpn in (("http/1.1",), ("http/1.0", "h2c", "h3", "h", "h22")):
            with self.subTest(alpn), self.unharmed("/topics/alpn"), self.assertRaises(ssl.SSLError) as refused:
                self.wrap(self.context(alpn))
            self.assertIn(NO_APPLICATION_PROTOCOL, str(refused.exception).lower())

    def test_a_client_that_offers_nothing_is_closed_in_good_order(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name), self.unharmed("/topics/none"):
                context = ssl.create_default_context(cafile=self.gateway.ca)  # without ALPN
                context.minimum_version = context.maximum_version = version
                connection = self.wrap(context)
                connection.settimeout(raw_h2.WAIT)
                self.assertEqual(connection.recv(100), b"", "close_notify, not a reset and not HTTP/2")

    def test_what_is_no_ClientHello_is_closed_at_once(self):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        for name, garbage in (("HTTP/1.1", b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"),
                              ("HTTP/2 without TLS", raw_h2.PREFACE),
                              ("zeros", bytes(100)), ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
                              ("a hello of zeros", hello + bytes(506)),
                              ("an alert first", b"\x15\x03\x03\x00\x02\x02\x28"), ("data first", b"\x17\x03\x03\x00\x05hello"),
                              ("a record above the maximum", b"\x16\x03\x01\xff\xff" + bytes(1000))):
            with self.subTest(name), self.unharmed("/topics/garbage"):
                connection = self.connect()
                connection.sendall(garbage)
                with contextlib.suppress(ConnectionResetError):  # it had not read all of it
                    while connection.recv(1000):
                        pass

    def test_a_handshake_that_is_left_in_the_middle_leaves_nothing_behind(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = outgoing.read()
        reader = self.subscribe("/topics/left")
        reader.opened()
        before = self.gateway.descriptors()
        for count in (0, 1, 5, 100, len(hello)):
            connection = self.connect()
            connection.sendall(hello[:count])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(10_000):
                pass
        self.publish("/topics/left", "still here")
        self.assertEqual(reader.next().data, "still here")
        self.assert_descriptors_back(before)

    def test_a_handshake_and_a_request_may_come_byte_by_byte(self):
        connection = self.connect()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")

        def exchange(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    for byte in outgoing.read():
                        connection.sendall(bytes([byte]))
                    incoming.write(connection.recv(65_536))

        exchange(client.do_handshake)
        self.assertEqual(client.selected_alpn_protocol(), "h2")
        client.write(raw_h2.PREFACE + raw_h2.settings() + raw_h2.frame(raw_h2.PING, 0, 0, b"a letter"))
        answer = b""
        while raw_h2.frame(raw_h2.PING, raw_h2.ACK, 0, b"a letter") not in answer:
            answer += exchange(client.read)

    def test_a_client_that_says_goodbye_is_answered_and_forgotten(self):
        reader = self.subscribe("/topics/goodbye")
        reader.opened()
        before = self.gateway.descriptors()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            peer = raw_h2.Peer(self.gateway, connection=self.wrap(self.context(least=version, most=version)))
            peer.wait_body(peer.get("/topics/goodbye"), b"sluice.open")
            peer.socket.unwrap().close()  # close_notify, and the gateway's
        self.publish("/topics/goodbye", "still here")
        self.assertEqual(reader.next().data, "still here")
        self.assert_descriptors_back(before)
