"""Ports for servers that must come back on the same port after they were killed."""

import pathlib
import random
import socket

PORTS_FROM = 10_000


def free_port() -> int:
    """A free port of 127.0.0.1 below those that the kernel gives to outgoing connections: while the server is down, no
    client's own end can take the port, and a client that keeps trying cannot be joined to itself."""
    first_outgoing = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    while True:
        port = random.randrange(PORTS_FROM, max(first_outgoing, PORTS_FROM + 1_000))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:  # taken
                continue
