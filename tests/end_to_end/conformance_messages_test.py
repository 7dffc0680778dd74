"""RFC 9113 §8 and RFC 7541: what a request may be made of, and how its fields are compressed."""

import raw_h2
from conformance import (EVENTS, TOPIC, Conformance, Frames, Row, answered, cases, complaints, connection_error, ok, serves,
                         stream_error)
from raw_h2 import COMPRESSION_ERROR, END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR

malformed = stream_error(PROTOCOL_ERROR)
broken = connection_error(COMPRESSION_ERROR)


def block(fragment: bytes) -> bytes:
    return raw_h2.frame(HEADERS, END_HEADERS | END_STREAM, 1, fragment)


MESSAGES = [
    # Exchanges.
    Row("8.1", "GET is answered", lambda f: f.get(), ok),
    Row("8.1", "GET of an event stream is answered", lambda f: f.get(), ok, EVENTS),
    Row("8.1", "HEAD is answered", lambda f: f.get(method="HEAD"), ok),
    Row("8.1", "POST to a page is answered", lambda f: f.upload() + f.data(), answered),
    Row("8.1", "POST to a topic is answered", lambda f: f.upload() + f.data(), ok, TOPIC),
    Row("8.1", "POST with trailers is answered",
        lambda f: f.upload(("trailer", "x-check")) + f.data(flags=0) + f.trailers(("x-check", "ok")), ok, TOPIC),
    Row("8.1", "POST with trailers in pieces is answered",
        lambda f: f.upload() + f.data(flags=0) + f.trailers(("x-check", "ok"), flags=END_STREAM) + f.continuation(f.filler()),
        ok, TOPIC),
    Row("8.1", "GET with a body is answered", lambda f: f.headers(flags=END_HEADERS) + f.data(), answered),
    Row("8.1", "an unknown method is answered", lambda f: f.get(method="BREW"), answered),
    *(row for path, target in (("/", "a page"), (TOPIC, "a topic")) for row in (
        Row("8.1", f"trailers that do not end the request to {target}",
            lambda f: f.upload() + f.data(flags=0) + f.trailers(("x-check", "ok"), flags=END_HEADERS), malformed, path),
        Row("8.1", f"a pseudo-header field in the trailers to {target}",
            lambda f: f.upload() + f.data(flags=0) + f.trailers((":method", "POST")), malformed, path),
        # Content-length.
        Row("8.1.1", f"a body longer than content-length to {target}",
            lambda f: f.upload(("content-length", "1")) + f.data(), malformed, path),
        Row("8.1.1", f"a body of several frames longer than content-length to {target}",
            lambda f: f.upload(("content-length", "5")) + f.data(flags=0) + f.data(), malformed, path),
        Row("8.1.1", f"a body shorter than content-length to {target}",
            lambda f: f.upload(("content-length", "5")) + f.data(), malformed, path),
        Row("8.1.1", f"a body that its trailers make shorter than content-length to {target}",
            lambda f: f.upload(("content-length", "5")) + f.data(flags=0) + f.trailers(("x", "y")), malformed, path),
        Row("8.1.1", f"content-length without a body to {target}",
            lambda f: f.upload(("content-length", "5"), flags=END_HEADERS | END_STREAM), malformed, path),
        Row("8.1.1", f"two content-lengths to {target}",
            lambda f: f.upload(("content-length", "4"), ("content-length", "5")), malformed, path),
        Row("8.1.1", f"a content-length that is no number to {target}",
            lambda f: f.upload(("content-length", "4x")), malformed, path),
        Row("8.1.1", f"a negative content-length to {target}", lambda f: f.upload(("content-length", "-4")), malformed, path),
    )),
    # Fields.
    Row("8.2.1", "a field name in upper case", lambda f: f.get(("X-UPPER", "ok")), malformed),
    Row("8.2.1", "an upper-case letter at the end of a name", lambda f: f.get(("x-uppeR", "ok")), malformed),
    Row("8.2.1", "an empty field name", lambda f: f.get(("", "ok")), malformed),
    Row("8.2.1", "a field name with a space", lambda f: f.get(("x y", "ok")), malformed),
    Row("8.2.1", "a field name with a colon inside", lambda f: f.get(("x:y", "ok")), malformed),
    Row("8.2.1", "a field name with a byte above 0x7f", lambda f: f.get((b"x\xe9", "ok")), malformed),
    Row("8.2.1", "a field value with a line feed", lambda f: f.get(("x", "a\nb")), malformed),
    Row("8.2.1", "a field value with a carriage return", lambda f: f.get(("x", "a\rb")), malformed),
    Row("8.2.1", "a field value with NUL", lambda f: f.get(("x", "a\0b")), malformed),
    Row("8.2.1", "a field value that begins with a space", lambda f: f.get(("x", " a")), malformed),
    Row("8.2.1", "a field value that ends with a tab", lambda f: f.get(("x", "a\t")), malformed),
    Row("8.2.1", "a bad field in trailers", lambda f: f.upload() + f.data(flags=0) + f.trailers(("X", "1")), malformed, TOPIC),
    Row("8.2.1", "an empty value and one of bytes above 0x7f are taken", lambda f: f.get(("x", ""), ("y", b"\xe9\xff")), ok),
    *(Row("8.2.2", f"the connection-specific field {name}", lambda f, name=name, value=value: f.get((name, value)), malformed)
      for name, value in (("connection", "keep-alive"), ("keep-alive", "timeout=5"), ("proxy-connection", "close"),
                          ("transfer-encoding", "chunked"), ("upgrade", "h2c"))),
    Row("8.2.2", "te: trailers is taken", lambda f: f.get(("te", "trailers")), ok),
    Row("8.2.2", "te with another value", lambda f: f.get(("trailers", "test"), ("te", "trailers, deflate")), malformed),
    Row("8.2.2", "te: gzip to an event stream", lambda f: f.get(("te", "gzip")), malformed, EVENTS),
    Row("8.2.3", "cookies in crumbs are taken", lambda f: f.get(("cookie", "a=1"), ("cookie", "b=2")), ok),
    # Pseudo-header fields.
    Row("8.3", "an unknown pseudo-header field", lambda f: f.get((":test", "ok")), malformed),
    Row("8.3", "a response's pseudo-header field", lambda f: f.get((":status", "200")), malformed),
    Row("8.3", "a pseudo-header field after a field", lambda f: f.headers([("x-test", "ok"), *f.fields()]), malformed),
    Row("8.3", "a pseudo-header field after others and a field",
        lambda f: f.headers([*f.fields(without=":path"), ("x-test", "ok"), (":path", "/")]), malformed),
    *(Row("8.3.1", f"a second {name}",
          lambda f, name=name: f.get(*(field for field in f.fields() if field[0] == name)), malformed)
      for name in (":method", ":scheme", ":path", ":authority")),
    *(Row("8.3.1", f"no {name}", lambda f, name=name: f.headers(f.fields(without=name)), malformed)
      for name in (":method", ":scheme", ":path", ":authority")),
    Row("8.3.1", "no :method and no :scheme", lambda f: f.headers(f.fields(without=":method")[1:]), malformed),
    Row("8.3.1", "host in the place of :authority is taken",
        lambda f: f.headers([*f.fields(without=":authority"), ("host", dict(f.fields())[":authority"])]), ok),
    Row("8.3.1", "a host that contradicts :authority", lambda f: f.get(("host", "other.example")), malformed),
    Row("8.3.1", "an :authority with user information",
        lambda f: f.get(authority="user@" + dict(f.fields())[":authority"]), malformed),
    Row("8.3.1", "an empty :method", lambda f: f.get(method=""), malformed),
    Row("8.3.1", "a :method that is no token", lambda f: f.get(method="GET /"), malformed),
    Row("8.3.1", "an empty :path", lambda f: f.get(path=""), malformed),
    Row("8.3.1", "a :path without a slash", lambda f: f.get(path="page"), malformed),
    Row("8.3.1", "a :path with a space", lambda f: f.get(path="/a b"), malformed),
    Row("8.3.1", "a :path with a line feed", lambda f: f.get(path="/a\nb"), malformed),
    Row("8.3.1", "the path * without OPTIONS", lambda f: f.get(path="*"), malformed),
    Row("8.3.1", "the path * with OPTIONS is answered", lambda f: f.get(method="OPTIONS", path="*"), answered),
    Row("8.5", "CONNECT with a path", lambda f: f.get(method="CONNECT"), malformed),
    Row("8.5", "CONNECT is answered", lambda f: f.headers([(":method", "CONNECT"), (":authority", "localhost:1")]), answered),
    Row("8441-3", "extended CONNECT, which is not offered",
        lambda f: f.get((":protocol", "websocket"), method="CONNECT"), malformed),

    # Compression.
    Row("7541-2.3.3", "an index beyond both tables", lambda f: block(f.block() + b"\xc6"), broken),
    Row("7541-2.3.3", "a name's index beyond both tables", lambda f: block(f.block() + b"\x7f\x07\x01a"), broken),
    Row("7541-6.1", "the index 0", lambda f: block(f.block() + b"\x80"), broken),
    Row("7541-6.1", "an index of the static table is taken", lambda f: block(f.block() + b"\xba"), ok),
    Row("7541-6.1", "an index of the dynamic table is taken",
        lambda f: block(f.block() + b"\x40\x06x-test\x02ok" + b"\xbe"), ok),
    *(Row(f"7541-6.2.{kind}", f"a literal {indexing}, {what} is taken",
          lambda f, first=first, wire=wire: block(f.block() + first + wire), ok)
      for kind, indexing, index, first in ((1, "with indexing", b"\x7a", b"\x40"), (2, "without indexing", b"\x0f\x2b", b"\x00"),
                                           (3, "never indexed", b"\x1f\x2b", b"\x10"))
      for what, first, wire in (("new name", first, b"\x06x-test\x06a text"),
                                ("new name in Huffman code", first, b"\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x9f"),
                                ("indexed name", index, b"\x06a text"),
                                ("indexed name in Huffman code", index, b"\x83\x49\x50\x9f"))),
    Row("7541-6.3", "a table size update is taken", lambda f: block(b"\x20" + f.block()), ok),
    Row("7541-4.2", "two table size updates are taken", lambda f: block(b"\x20\x3f\xe1\x1f" + f.block()), ok),
    Row("7541-4.2", "a table size update after the fields", lambda f: block(f.block() + b"\x21"), broken),
    Row("7541-4.2", "a table size update between the fields", lambda f: block((b"\x82" + b"\x20" + f.block())), broken),
    Row("7541-6.3", "a table size update above the announced size", lambda f: block(b"\x3f\xe2\x1f" + f.block()), broken),
    Row("7541-5.1", "an integer without end", lambda f: block(f.block() + b"\x7f" + b"\xff" * 20), broken),
    Row("7541-5.2", "a string longer than the block", lambda f: block(f.block() + b"\x00\x06x-test\x7fshort"), broken),
    Row("7541-5.2", "Huffman padding of more than 7 bits",
        lambda f: block(f.block() + b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"), broken),
    Row("7541-5.2", "Huffman padding of zeros",
        lambda f: block(f.block() + b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"), broken),
    Row("7541-5.2", "the Huffman code's end symbol",
        lambda f: block(f.block() + b"\x00\x85\xf2\xb2\x4a\x87\xff\xff\xff\xfd\x25\x42\x7f"), broken),
    Row("7541-2.2", "a broken block in trailers",
        lambda f: f.upload() + f.data(flags=0) + block(b"\x80"), broken, TOPIC),
]


@cases(MESSAGES)
class Messages(Conformance):
    def test_8_1_an_answer_may_come_before_the_request_is_complete(self):
        # A header block over its limit is refused at once: RST_STREAM(NO_ERROR) after the answer asks to stop the body.
        peer = self.shaken()
        frames = Frames(peer.authority, TOPIC)
        peer.send(frames.upload(*((f"x-{number}", "") for number in range(120))))
        self.assertEqual(peer.status(1), 431)
        self.assertEqual(peer.wait_reset(1), raw_h2.NO_ERROR)
        peer.send(frames.data(b"in flight", flags=0) + frames.data())
        serves(self, peer, 1)

    def test_8_1_1_nothing_of_a_malformed_publish_is_published(self):
        reader = self.subscribe("/topics/malformed")
        reader.opened()
        peer = self.shaken()
        frames = Frames(peer.authority, "/topics/malformed")
        peer.send(frames.upload(("content-length", "5")) + frames.data() + frames.upload(stream=3)
                  + frames.data(stream=3, flags=0) + frames.trailers((":path", "/"), stream=3))
        self.assertEqual([peer.wait_reset(1), peer.wait_reset(3)], [PROTOCOL_ERROR] * 2)
        self.publish("/topics/malformed", "whole")
        self.assertEqual(reader.next().data, "whole")

    def test_7541_4_3_the_tables_survive_a_malformed_request(self):
        peer = self.shaken()
        frames = Frames(peer.authority)
        peer.send(frames.get(("x-kept", "in the table"), ("UPPER", "case")) + frames.get(("x-kept", "in the table"), stream=3))
        self.assertEqual(peer.wait_reset(1), PROTOCOL_ERROR)
        self.assertEqual(peer.status(3), 200)
        self.assertEqual(len(complaints(peer)), 1)

    def test_7541_4_2_our_encoder_takes_the_table_size_that_it_is_given(self):
        for size in (0, 100, 1 << 20):
            with self.subTest(size=size):
                peer = self.shaken(settings={raw_h2.HEADER_TABLE_SIZE: size})
                for stream in (1, 3, 5):
                    peer.send(Frames(peer.authority).headers([(name, value, True) for name, value
                                                              in Frames(peer.authority).fields()], stream))
                    self.assertEqual(peer.status(stream), 200)
                    peer.wait_end(stream)
