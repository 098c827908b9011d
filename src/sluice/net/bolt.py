"""A listening socket that lets nobody else in, and loses nobody who is on the way in.

Closing one resets whoever the kernel has let in and we have not, and whoever is in the middle of a handshake. A backlog
of 0 is no help: the kernel still lets in one after the other, and drops the last packet of handshakes that are under
way. So it is told to drop the first packet (SYN) of each new one instead: its sender tries again a second later, and
finds whoever listens by then, or is refused. Connections that the socket lets in have the filter too, and nothing of
theirs fits it.
Source: SO_ATTACH_FILTER, socket(7) (read 2026-11-21). The flags' place in the header: RFC 9293, 3.1.
"""

import contextlib
import socket
import struct
import sys
from array import array
from collections.abc import Iterator

_SO_ATTACH_FILTER = 26
"""Of Linux; Python has no name for it."""
_FLAGS_AT = 13
_SYN = 0x02
_NO_SYN = (  # code, jump if true, jump if false, operand; the packet begins with TCP's header
    (0x30, 0, 0, _FLAGS_AT),  # load a byte
    (0x45, 0, 1, _SYN),  # has it this bit?
    (0x06, 0, 0, 0),  # keep no byte of the packet: drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # keep all
)


def bolt(listening: socket.socket) -> None:
    """Let nobody else in. Where the kernel cannot do that, they come in until the socket is closed."""
    if sys.platform != "linux":
        return
    program = array("B", b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    with contextlib.suppress(OSError):
        address = struct.pack("HP", len(_NO_SYN), program.buffer_info()[0])
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, address)


def queued(listening: socket.socket) -> Iterator[socket.socket]:
    """Accept whoever the kernel has let in, all at once: uvloop takes one in each turn of the loop, and a turn is long
    when there is much to do. The socket must not block."""
    with contextlib.suppress(OSError):  # nobody is left, or no descriptor
        while True:
            client, _ = listening.accept()
            client.setblocking(False)
            yield client
