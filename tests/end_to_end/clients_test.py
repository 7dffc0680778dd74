"""Other clients than curl: nghttp and h2load, python3-httpx, and TLS as OpenSSL's own client speaks it."""

import re
import socket
import ssl
import subprocess

import case
import httpx
import raw_h2
from event_stream import Parser


class RealClients(case.SharedCase):
    def test_nghttp_reads_the_page_and_sees_our_settings(self):
        done = subprocess.run(["nghttp", "-nv", self.gateway.url("/")], capture_output=True, text=True, timeout=30, check=True)
        self.assertRegex(done.stdout, r"SETTINGS_MAX_CONCURRENT_STREAMS\(0x03\):256")
        self.assertRegex(done.stdout, r":status: 200")
        self.assertNotIn("GOAWAY", done.stdout.split("; END_STREAM")[0])

    def test_h2load_gets_every_answer(self):
        done = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "50", self.gateway.url("/")], capture_output=True,
                              text=True, timeout=60, check=True)
        self.assertIn("2000 succeeded, 0 failed, 0 errored, 0 timeout", done.stdout)

    def test_httpx_publishes_and_subscribes(self):
        with httpx.Client(http2=True, verify=self.gateway.ca, base_url=self.gateway.url(""), timeout=15) as client, \
                client.stream("GET", "/topics/httpx", headers={"accept": "text/event-stream"}) as stream:
            self.assertEqual((stream.http_version, stream.status_code), ("HTTP/2", 200))
            parser, events = Parser(), []
            for chunk in stream.iter_raw():
                events += parser.feed(chunk)
                if [event.type for event in events] == ["sluice.open"]:
                    with httpx.Client(http2=True, verify=self.gateway.ca) as publisher:
                        answer = publisher.post(self.gateway.url("/topics/httpx"), json=[{"data": "1"}, {"data": "2"}])
                        self.assertIn(answer.status_code, (200, 201), answer.text)
                if len(events) == 3:
                    break
        self.assertEqual([event.data for event in events[1:]], ["1", "2"])

    def test_two_hundred_streams_of_one_connection_all_get_the_event(self):
        with raw_h2.Peer(self.gateway) as peer:
            streams = [peer.get("/topics/many") for _ in range(200)]
            for stream in streams:
                peer.wait_body(stream, b"sluice.open")
            self.publish("/topics/many", "to all")
            for stream in streams:
                peer.wait_body(stream, b"data: to all\n")


class Tls(case.SharedCase):
    def connect(self, least, most, alpn=("h2",), name="localhost"):
        context = raw_h2.tls_context(self.gateway, alpn)
        context.minimum_version, context.maximum_version = least, most
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=15) as raw, \
                context.wrap_socket(raw, server_hostname=name) as secured:
            return secured.version(), secured.selected_alpn_protocol(), secured.cipher()[0]

    def test_tls_1_3_and_1_2_with_h2(self):
        version = ssl.TLSVersion
        self.assertEqual(self.connect(version.TLSv1_3, version.TLSv1_3)[:2], ("TLSv1.3", "h2"))
        negotiated = self.connect(version.TLSv1_2, version.TLSv1_2)
        self.assertEqual(negotiated[:2], ("TLSv1.2", "h2"))
        self.assertRegex(negotiated[2], r"^ECDHE-.*(GCM|POLY1305)")

    def test_the_certificate_is_for_every_name_of_loopback(self):
        for name in ("localhost", "127.0.0.1"):
            self.connect(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3, name=name)

    def openssl(self, *arguments) -> str:
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.gateway.port}", "-CAfile", self.gateway.ca,
                               *arguments], input=b"", capture_output=True, timeout=30, check=False)
        return (done.stdout + done.stderr).decode("latin-1")

    def test_what_is_not_modern_is_refused(self):
        for arguments in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-alpn", "h2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
                          ["-alpn", "http/1.1"]):
            with self.subTest(arguments):
                self.assertRegex(self.openssl(*arguments), "alert|Cipher is \\(NONE\\)")

    def test_a_session_is_resumed_by_ticket(self):
        said = self.openssl("-alpn", "h2", "-tls1_2", "-reconnect")
        self.assertEqual(len(re.findall(r"^Reused, ", said, re.MULTILINE)), 5, said[-2000:])

    def test_early_data_is_not_accepted(self):
        self.assertNotRegex(self.openssl("-alpn", "h2", "-tls1_3"), r"Max Early Data: [1-9]")

    def test_bytes_that_are_not_tls_hurt_nobody(self):
        for junk in (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\x16\x03\x01\xff\xff" + bytes(20000)):
            with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=15) as raw:
                raw.sendall(junk)
                try:
                    while raw.recv(1000):
                        pass
                except ConnectionResetError:
                    pass
        self.assertEqual(self.fetch("/").status, 200)
