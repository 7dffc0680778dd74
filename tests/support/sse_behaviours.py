"""What a server of event streams does with one request: as it should, or one of the things that backends do wrong.

A behaviour is `async def name(server, exchange)`: the MisbehavingSse and an exchange of http_exchange.py. Those that
write raw() are for HTTP/1.1 alone.
"""

import asyncio

STREAM = {"content-type": "text/event-stream", "cache-control": "no-cache"}
ENDLESS_BYTES_MAX = 64 << 20  # of what never ends, so that a test does


# --- As they should be ---


async def good(server, exchange):
    await exchange.head(200, STREAM)
    await exchange.body(b": open\n\n")
    async for sent in server.stream(exchange.request.last_event_id):
        await exchange.body(sent.wire())
    await exchange.end()


def bytes_of_a_stream(wire: bytes, then="hold"):
    """An event stream of exactly these bytes; then "hold", "end" or "reset"."""
    async def behave(_, exchange):
        await exchange.head(200, STREAM)
        await exchange.body(wire)
        if then == "hold":
            await asyncio.Event().wait()
        elif then == "end":
            await exchange.end()
        else:
            exchange.reset()
    return behave


def slow_bytes(seconds: float):
    """As `good`, a byte at a time."""
    async def behave(server, exchange):
        await exchange.head(200, STREAM)
        async for sent in server.stream(exchange.request.last_event_id):
            for byte in sent.wire():
                await exchange.body(bytes((byte,)))
                await asyncio.sleep(seconds)
        await exchange.end()
    return behave


# --- Another answer ---


def status(code: int, body=b"", **fields: str):
    async def behave(_, exchange):
        length = {} if code == 204 else {"content-length": str(len(body))}
        await exchange.head(code, {**{name.replace("_", "-"): value for name, value in fields.items()}, **length})
        if body:
            await exchange.body(body)
        await exchange.end()
    return behave


unavailable = status(503, b"later", retry_after="1")
no_content = status(204)
# It looks like an event, but its type says that it is none.
wrong_type = status(200, b"data: not an event\n\n", content_type="text/html")


def redirect(location: str, code=307):
    return status(code, location=location)


async def retry_zero(_, exchange):
    """Asks for a reconnect at once, and ends: whoever obeys comes back a hundred times a second."""
    await exchange.head(200, STREAM)
    await exchange.body(b"retry: 0\n\n")
    await exchange.end()


# --- Broken ---


async def hang(_, exchange):
    """No answer at all."""
    await asyncio.Event().wait()


async def closed(_, exchange):
    """The connection, or the stream, is reset instead of an answer."""
    exchange.reset()


def huge_head(size=1 << 20):
    async def behave(_, exchange):
        await exchange.head(200, {**STREAM, **{f"x-filler-{number}": "x" * 8_000 for number in range(size // 8_000 + 1)}})
        await exchange.body(b"data: after a huge head\n\n")
        await exchange.end()
    return behave


def endless(start: bytes, again: bytes):
    """Bytes without an end of the line, or of the event, as fast as they are taken."""
    async def behave(_, exchange):
        await exchange.head(200, STREAM)
        if start:  # an empty chunk would be the end
            await exchange.body(start)
        for _ in range(ENDLESS_BYTES_MAX // len(again)):
            await exchange.body(again)
        await asyncio.Event().wait()
    return behave


endless_line = endless(b"data: ", b"x" * 65536)
endless_event = endless(b"", b"data: x\n" * 8192)


async def cut_inside_event(server, exchange):
    """The events so far, and the first half of one more; then a reset."""
    await exchange.head(200, STREAM)
    await exchange.body(b"".join(sent.wire() for sent in server.events) + b"id: cut\ndata: half an ev")
    exchange.reset()


async def cut_chunk(_, exchange):
    """HTTP/1.1: a chunk that announces more than comes before the connection ends."""
    await exchange.head(200, STREAM)
    await exchange.raw(b"400\r\nid: cut\ndata: half a chunk\n\n")


async def length_and_chunked(_, exchange):
    """HTTP/1.1: content-length and transfer-encoding, the start of request smuggling (RFC 9112 §6.3)."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 26\r\n"
                       b"transfer-encoding: chunked\r\n\r\n1a\r\nid: two\ndata: two lengths\n\n\r\n0\r\n\r\n")


async def garbage(_, exchange):
    """HTTP/1.1: not HTTP."""
    await exchange.raw(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
