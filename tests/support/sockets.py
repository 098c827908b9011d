"""Ports in states that tests need: free ones, and one that never accepts."""

import contextlib
import random
import socket
from collections.abc import Iterator

_QUIET = (20_000, 32_000)
_DICE = random.SystemRandom()  # tests seed the other one: several processes would ask for the same ports


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port that accepts no connection: its queue is full, so the kernel drops every SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()[1]


def free_ports(number: int) -> list[int]:
    """Ports that are free now, below those that the kernel gives to connections that go out: nobody has one of them
    by chance when whoever they are for begins to listen."""
    found: set[int] = set()
    while len(found) < number:
        port = _DICE.randrange(*_QUIET)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            found.add(port)
    return list(found)
