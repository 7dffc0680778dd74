"""A TCP relay between a client and a server, which does to their connections what networks do: cuts, delays, loses a
direction, goes silent, refuses. Everything can be switched while connections are open; go_on() undoes all of it.

It runs on a thread of its own and is commanded from the test's: when a command returns, it is in force.
"""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
import threading

from loop_thread import LoopThread, cancel
from ports import free_port

TO_CLIENT, TO_SERVER = "to client", "to server"
CHUNK = 65536
RESET = None  # in the place of a chunk; b"": the end
CHUNKS_HELD = 16  # of one direction; then its sender is no longer read and feels it


class Relay:
    def __init__(self, port: int):
        """`port`: the server's, on loopback. It may be down now, or at any time."""
        self.port = free_port()
        self.accepted = 0
        self.forwarded = {TO_CLIENT: 0, TO_SERVER: 0}  # bytes
        self._server_port = port
        self._pairs: set[Pair] = set()
        self._delay = 0.0
        self._until_cut: int | None = None  # bytes that may still pass in the direction of _cut_direction
        self._cut_direction = TO_CLIENT
        self._cutting: asyncio.Task | None = None
        self._was_cut = threading.Event()
        self._thread = LoopThread()
        self._open = self._thread.call(lambda: {TO_CLIENT: asyncio.Event(), TO_SERVER: asyncio.Event()})
        self._listening: asyncio.Task | None = None
        self.go_on()

    # --- Commands ---

    def go_on(self):
        """Accepts, forwards everything at once, cuts nothing; what was held goes out now."""
        self._thread.run(self._go_on())

    def cut(self) -> int:
        """Resets every connection on both sides; how many there were."""
        return self._thread.run(self._cut())

    def cut_after(self, count: int, direction=TO_CLIENT):
        """The next `count` bytes of a direction, over all connections, arrive; then every connection is reset."""
        self._was_cut.clear()
        self._thread.call(self._set_cut, count, direction)

    def wait_cut(self, timeout=15):
        """Returns once cut_after() has cut."""
        if not self._was_cut.wait(timeout):
            raise AssertionError(f"{self._until_cut} bytes {self._cut_direction} still pass before the cut")

    def stall(self):
        """Takes connections and bytes and forwards nothing."""
        self.partition(TO_CLIENT)
        self.partition(TO_SERVER)

    def partition(self, direction):
        """What is sent in this direction does not arrive; nobody is told."""
        self._thread.call(self._open[direction].clear)

    def delay(self, milliseconds: int):
        """What is sent from now on arrives so much later, in both directions; later, not slower."""
        self._thread.call(setattr, self, "_delay", milliseconds / 1000)

    def refuse(self):
        """Nobody listens on the port; open connections stay."""
        self._thread.run(self._refuse())

    def close(self):
        if self._thread.closed:
            return
        try:
            self._thread.run(self._refuse())
            self.cut()
        finally:
            self._thread.close()

    # --- On its own thread ---

    async def _go_on(self):
        self._delay = 0.0
        self._until_cut = None
        for gate in self._open.values():
            gate.set()
        if self._listening is None:
            listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
            listener.setblocking(False)
            self._listening = asyncio.create_task(self._accept(listener))

    async def _refuse(self):
        if self._listening:
            await cancel([self._listening])
            self._listening = None

    def _set_cut(self, count: int, direction):
        self._until_cut, self._cut_direction = count, direction

    async def _accept(self, listener: socket.socket):
        with listener:
            while True:
                near, _ = await asyncio.get_running_loop().sock_accept(listener)
                self.accepted += 1
                pair = Pair(near)
                self._pairs.add(pair)
                pair.tasks.append(asyncio.create_task(self._join(pair)))

    async def _join(self, pair: "Pair"):
        """Connects the far end and forwards both ways; ends the pair with an end of its own kind."""
        pair.far.setblocking(False)
        try:
            await self._connect(pair.far)
            for end in (pair.near, pair.far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            flows = [asyncio.create_task(flow) for source, target, direction in
                     ((pair.near, pair.far, TO_SERVER), (pair.far, pair.near, TO_CLIENT))
                     for flow in self._flow(source, target, direction)]
            pair.tasks += flows
            await asyncio.gather(*flows)
            pair.close()
        except OSError:  # refused, or one end was reset: so is the other
            await cancel(pair.tasks)
            pair.reset()
        self._pairs.discard(pair)

    async def _connect(self, far: socket.socket):
        try:
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._server_port))
        except OSError:
            await self._open[TO_CLIENT].wait()
            raise

    def _flow(self, source: socket.socket, target: socket.socket, direction):
        """One direction: what reads it and what writes it."""
        held: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue(CHUNKS_HELD)
        return self._receive(source, held), self._send(held, target, direction)

    async def _receive(self, source: socket.socket, held: asyncio.Queue):
        loop = asyncio.get_running_loop()
        chunk: bytes | None = b"?"
        while chunk:
            try:
                chunk = await loop.sock_recv(source, CHUNK)
            except OSError:
                chunk = RESET
            await held.put((loop.time() + self._delay, chunk))

    async def _send(self, held: asyncio.Queue, target: socket.socket, direction):
        loop = asyncio.get_running_loop()
        while True:
            due, chunk = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self._open[direction].wait()
            if chunk is RESET:
                raise ConnectionResetError
            if not chunk:
                with contextlib.suppress(OSError):  # its other half ended first
                    target.shutdown(socket.SHUT_WR)
                return
            if self._until_cut is not None and self._cut_direction == direction:
                if len(chunk) >= self._until_cut:
                    self._cutting = self._cutting or asyncio.create_task(self._send_and_cut(target, chunk[:self._until_cut]))
                    return
                self._until_cut -= len(chunk)
            try:
                await loop.sock_sendall(target, chunk)
            except OSError:  # the target ended, which its peer learns by the other direction
                await self._open[TO_SERVER if direction == TO_CLIENT else TO_CLIENT].wait()
                raise
            self.forwarded[direction] += len(chunk)

    async def _send_and_cut(self, target: socket.socket, rest: bytes):
        with contextlib.suppress(OSError, ValueError):  # its connection ended meanwhile
            await asyncio.get_running_loop().sock_sendall(target, rest)
            self.forwarded[self._cut_direction] += len(rest)
            await arrived(target)
        self._cutting = None
        await self._cut()
        self._until_cut = None
        self._was_cut.set()

    async def _cut(self) -> int:
        pairs, self._pairs = self._pairs, set()
        await cancel([task for pair in pairs for task in pair.tasks])
        for pair in pairs:
            pair.reset()
        return len(pairs)


class Pair:
    """One connection through the relay: an end at the client, one at the server, and what runs between them."""

    def __init__(self, near: socket.socket):
        self.near = near
        self.far = socket.socket()
        self.tasks: list[asyncio.Task] = []

    def close(self):
        self.near.close()
        self.far.close()

    def reset(self):
        for end in (self.near, self.far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


async def arrived(end: socket.socket):
    """Returns once the peer's system has all that was sent, which a reset would take back; at most a second later."""
    for _ in range(1_000):
        if struct.unpack("i", fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)))[0] == 0:
            return
        await asyncio.sleep(0.001)
