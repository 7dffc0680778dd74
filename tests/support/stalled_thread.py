"""One thread of a gateway that does not run, as when its core is taken away, while the others go on.

with stalled_thread(gateway, "worker 1"): ... ptrace stops a single thread, which no signal does. It is a child of ours,
so no privilege is needed. To be left on the thread that entered it.
"""

import contextlib
import ctypes
import os
import pathlib

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
ALL_CHILDREN = 0x40000000  # __WALL: threads that somebody else made

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long] * 4
_libc.ptrace.restype = ctypes.c_long


@contextlib.contextmanager
def stalled_thread(gateway, name: str):
    thread = find_thread(gateway.process.pid, name)
    _ptrace(SEIZE, thread)
    try:
        _ptrace(INTERRUPT, thread)
        os.waitpid(thread, ALL_CHILDREN)  # it has stopped
        yield
    finally:
        _ptrace(DETACH, thread)


def find_thread(process: int, name: str) -> int:
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        if (task / "comm").read_text(encoding="utf-8").rstrip("\n") == name:
            return int(task.name)
    raise AssertionError(f"no thread of process {process} is called {name}")


def _ptrace(request: int, thread: int):
    if _libc.ptrace(request, thread, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of thread {thread}")
