"""The relay between a client and an engine does what its commands say, and nothing after go_on()."""

import contextlib
import socket
import threading
import time
import unittest

from ports import free_port
from redis_server import RedisServer
from relay import TO_CLIENT, TO_SERVER, Relay


class EchoServer:
    """Sends back what it gets."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                threading.Thread(target=self._echo, args=(self._listener.accept()[0],), daemon=True).start()

    @staticmethod
    def _echo(peer: socket.socket):
        with peer, contextlib.suppress(OSError):
            while chunk := peer.recv(65536):
                peer.sendall(chunk)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class RelayModes(unittest.TestCase):
    def setUp(self):
        self.server = EchoServer()
        self.addCleanup(self.server.close)
        self.relay = self.start(self.server.port)

    def start(self, port: int) -> Relay:
        relay = Relay(port)
        self.addCleanup(relay.close)
        return relay

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.relay.port), 15)
        self.addCleanup(client.close)
        return client

    def echoed(self, client: socket.socket, data: bytes):
        client.sendall(data)
        self.assert_comes(client, data)

    def assert_comes(self, client: socket.socket, data: bytes):
        client.settimeout(15)
        received = b""
        while len(received) < len(data):
            chunk = client.recv(65536)
            self.assertTrue(chunk, "the connection ended early")
            received += chunk
        self.assertEqual(received, data)

    def assert_silent(self, client: socket.socket):
        client.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            client.recv(1)

    def assert_reset(self, client: socket.socket):
        client.settimeout(15)
        with self.assertRaises(ConnectionResetError):
            client.recv(1)

    def test_relay_forwards_large_bodies_and_half_ends(self):
        client = self.connect()
        body = bytes(range(256)) * 20_000
        threading.Thread(target=lambda: (client.sendall(body), client.shutdown(socket.SHUT_WR)), daemon=True).start()
        self.assert_comes(client, body)
        self.assertEqual(client.recv(1), b"", "the server's end arrives after the last byte")
        self.assertEqual(self.relay.forwarded, {TO_CLIENT: len(body), TO_SERVER: len(body)})

    def test_relay_cut_resets_every_connection_and_takes_new_ones(self):
        clients = [self.connect() for _ in range(3)]
        for client in clients:
            self.echoed(client, b"x")
        self.assertEqual(self.relay.cut(), 3)
        for client in clients:
            self.assert_reset(client)
        self.assertEqual(self.relay.cut(), 0)
        self.echoed(self.connect(), b"again")
        self.assertEqual(self.relay.accepted, 4)

    def test_relay_cut_after_a_count_lets_exactly_so_many_bytes_through(self):
        for count in (0, 1, 3, 5, 100_000):
            with self.subTest(count):
                client = self.connect()
                self.echoed(client, b"before")
                self.relay.cut_after(count)
                client.sendall(b"y" * (count + 10))
                self.relay.wait_cut()
                self.assert_comes(client, b"y" * count)
                self.assert_reset(client)
                self.echoed(self.connect(), b"after")

    def test_relay_cut_after_a_count_towards_the_server(self):
        client = self.connect()
        self.relay.cut_after(4, TO_SERVER)
        client.sendall(b"123456")
        self.relay.wait_cut()
        self.assertEqual(self.relay.forwarded[TO_SERVER], 4)
        self.assert_reset(client)

    def test_relay_stalled_takes_connections_and_bytes_and_gives_them_later(self):
        early = self.connect()
        self.echoed(early, b"x")
        self.relay.stall()
        late = self.connect()
        for client in (early, late):
            client.sendall(b"held")
            self.assert_silent(client)
        self.relay.go_on()
        for client in (early, late):
            self.assert_comes(client, b"held")

    def test_relay_stalled_lets_the_sender_feel_it(self):
        client = self.connect()
        self.relay.stall()
        client.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            client.sendall(b"x" * (64 << 20))

    def test_relay_partition_of_one_direction_loses_nothing_but_time(self):
        for direction in (TO_CLIENT, TO_SERVER):
            with self.subTest(direction):
                client = self.connect()
                before = self.relay.forwarded[TO_SERVER]
                self.relay.partition(direction)
                client.sendall(b"held")
                self.assert_silent(client)
                self.assertEqual(self.relay.forwarded[TO_SERVER] - before, 4 if direction == TO_CLIENT else 0)
                self.relay.go_on()
                self.assert_comes(client, b"held")

    def test_relay_partition_hides_the_servers_end(self):
        with RedisServer() as server:
            relay = self.start(server.port)
            with socket.create_connection(("127.0.0.1", relay.port), 15) as client:
                client.sendall(b"PING\r\n")
                self.assert_comes(client, b"+PONG\r\n")
                relay.stall()
                server.kill()
                client.sendall(b"PING\r\n")
                self.assert_silent(client)
                relay.go_on()
                client.settimeout(15)
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(client.recv(1), b"")

    def test_relay_delay_makes_bytes_late_not_slow(self):
        client = self.connect()
        self.echoed(client, b"x")
        self.relay.delay(150)
        began = time.monotonic()
        for _ in range(20):
            client.sendall(b"abc")
        self.assert_comes(client, b"abc" * 20)
        self.assertGreaterEqual(time.monotonic() - began, 0.3, "both ways")
        self.assertLess(time.monotonic() - began, 3, "not once for each")
        self.relay.go_on()
        self.echoed(client, b"soon")

    def test_relay_refuses_and_accepts_again_on_the_same_port(self):
        client = self.connect()
        self.echoed(client, b"x")
        self.relay.refuse()
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.echoed(client, b"open connections stay")
        self.relay.go_on()
        self.echoed(self.connect(), b"again")

    def test_relay_resets_its_client_while_the_server_is_down(self):
        relay = self.start(free_port())
        with self.assertRaises(ConnectionResetError), socket.create_connection(("127.0.0.1", relay.port), 15) as client:
            client.recv(1)
