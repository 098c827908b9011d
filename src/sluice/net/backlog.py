"""What the kernel knows of bytes that one end gave and the other has not taken.

A client that does not read shows nowhere else: its kernel answers for it until its window is shut, and a write buffer
here only fills after that. Each look costs system calls: it is for looks that are seconds apart.
Source: ioctl SIOCOUTQ and socket option TCP_INFO, tcp(7), linux/tcp.h (read 2026-11-21).
"""

import asyncio
import fcntl
import socket
import struct
import sys
import termios

_ACKNOWLEDGED_AT = 120
"""Where `tcpi_bytes_acked` stands in struct tcp_info: 8 one-byte and 24 four-byte fields, then two rates."""


def unacknowledged(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes the kernel holds because the other end has not acknowledged them; 0 if it cannot tell."""
    descriptor = _descriptor(transport)
    if descriptor < 0:
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def acknowledged(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes the other end has acknowledged since the connection began; 0 if the kernel cannot tell."""
    descriptor = _descriptor(transport)
    if descriptor < 0:
        return 0
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        return 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED_AT + 8)
        return int(struct.unpack_from("=Q", info, _ACKNOWLEDGED_AT)[0])
    except (OSError, struct.error):
        return 0
    finally:
        sock.detach()  # the descriptor is the transport's


def _descriptor(transport: asyncio.BaseTransport) -> int:
    """The socket's, or -1: a transport that is closed has none, and its number may already be somebody else's."""
    sock = transport.get_extra_info("socket")
    return -1 if sock is None else int(sock.fileno())
