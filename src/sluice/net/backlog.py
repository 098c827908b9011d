"""What the kernel knows of bytes that one end gave and the other has not taken.

A client that does not read shows nowhere else: its kernel answers for it until its window is shut, and a write buffer
here only fills after that. Each look costs system calls: it is for looks that are seconds apart.
Source: ioctl SIOCOUTQ and SIOCINQ, tcp(7) (read 2026-11-21).
"""

import asyncio
import fcntl
import sys
import termios


def unacknowledged(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes the kernel holds because the other end has not acknowledged them; 0 if it cannot tell."""
    return _bytes(transport, termios.TIOCOUTQ)


def arrived(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes of the other end the kernel holds because we have not read them; 0 if it cannot tell."""
    return _bytes(transport, termios.FIONREAD)


def may_hold_more(transport: asyncio.Transport, *, encrypted: bool) -> bool:
    """Whether more may have come than we have read, since we read no further; what is encrypted nobody can count."""
    return not transport.is_reading() and (encrypted or arrived(transport) > 0)


def _bytes(transport: asyncio.BaseTransport, which: int) -> int:
    descriptor = _descriptor(transport)
    if descriptor < 0:
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, which, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def _descriptor(transport: asyncio.BaseTransport) -> int:
    """The socket's, or -1: a transport that is closed has none, and its number may already be somebody else's."""
    sock = transport.get_extra_info("socket")
    return -1 if sock is None else int(sock.fileno())
