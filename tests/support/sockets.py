"""Ports in states that tests need: free ones, and one that never accepts."""

import contextlib
import socket
from collections.abc import Iterator


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
    """Ports that are free now. Another process may take one before we do: the kernel hands them out in turn."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()
