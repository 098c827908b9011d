"""Shows the load client answers with known faults, before anything is measured: a client that is blind proves nothing.

Each case is one answer, sent byte for byte by a server in this process; what the client must have seen stands beside
it. An answer without a fault is sent in pieces that cut lines, framing and deltas.
"""

import json
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import asked, compare, rig
from bench.asked import Form, Lane

DELTAS = 4
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_DONE = b"data: [DONE]\n\n"
_END: dict[Form, bytes] = {
    "chat": _DONE,
    "messages": b'data: {"type":"message_stop"}\n\n',
    "whole": b"",
    "prose": _DONE,
    "guarded": _DONE,
}


class Case(msgspec.Struct, frozen=True):
    """One answer: its deltas by number, and what has to be counted."""

    what: str
    form: Form = "chat"
    deltas: tuple[int, ...] = (0, 1, 2, 3)
    written_as: Form | None = None
    """The form that it really has."""
    marker: bool = True
    """The success marker comes."""
    framing_ends: bool = True
    """The last chunk comes; otherwise the connection is closed."""
    status: bytes = b"200 OK"
    mail: bool = False
    """The address of mail stands in the prose, not what a guard puts in its place."""
    piece: int = 0
    """Bytes per write; 0 = all in one."""
    bad: int = 0
    disorder: int = 0

    def answer(self) -> bytes:
        """The whole answer, as it is sent."""
        form = self.written_as or self.form
        mail = "ada@example.org" if self.mail else "<EMAIL_ADDRESS>"
        events = [_event(form, number, mail) for number in self.deltas] + ([_END[form]] if self.marker else [])
        body = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events)
        return _HEAD.replace(b"200 OK", self.status) + body + (b"0\r\n\r\n" if self.framing_ends else b"")


CASES = (
    Case("a whole answer, chat"),
    Case("a whole answer, Messages", form="messages"),
    Case("a whole answer cut everywhere, chat", piece=7),
    Case("a whole answer cut everywhere, Messages", form="messages", piece=1),
    Case("a delta is lost", deltas=(0, 1, 3), disorder=1),
    Case("the last deltas are lost", deltas=(0, 1), disorder=2),
    Case("a delta is repeated", deltas=(0, 1, 1, 2, 3), disorder=1),
    Case("two deltas are exchanged", deltas=(0, 2, 1, 3), disorder=4),
    Case("Messages instead of chat", written_as="messages", bad=1, disorder=DELTAS),
    Case("no success marker", marker=False, bad=1),
    Case("no success marker, Messages", form="messages", marker=False, bad=1),
    Case("the framing breaks off", framing_ends=False, bad=1),
    Case("an error", status=b"503 Unavailable", bad=1),
    Case("prose", form="prose", mail=True),
    Case("prose cut everywhere", form="prose", mail=True, piece=1),
    Case("prose that something was masked in", form="prose", bad=1),
    Case("prose of which a delta is lost", form="prose", mail=True, deltas=(0, 1, 3), disorder=1),
    Case("guarded prose", form="guarded"),
    Case("guarded prose cut everywhere", form="guarded", piece=1),
    Case("guarded prose that shows an address", form="guarded", mail=True, bad=1),
    Case("guarded prose with two deltas exchanged", form="guarded", deltas=(0, 2, 1, 3), disorder=4),
)


def run(folder: Path) -> None:
    """Check the load client in `folder`.

    Raises:
        rig.RigError: it overlooked a fault, or saw one where there is none.
    """
    for case in CASES:
        seen = _show(case, folder)
        if (seen.bad, seen.disorder) != (case.bad, case.disorder):
            raise rig.RigError(
                f"the load client cannot be trusted: {case.what}: bad {seen.bad}, disorder {seen.disorder}, "
                f"not {case.bad} and {case.disorder}"
            )


def _show(case: Case, folder: Path) -> compare.Seen:
    """Send the answer to one client once, and return what it saw."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        target = rig.Target(name="case", command=(), port=server.getsockname()[1])
        (folder / "body.json").write_bytes(asked.body(case.form, "any"))
        thread = threading.Thread(target=_serve, args=(server, _pieces(case)))
        thread.start()
        try:
            # Zero seconds: one request on one connection, and no second after it.
            return compare.push(Lane("case", target, case.form, "any"), folder, 1, 0.0, DELTAS)
        finally:
            thread.join()


def _pieces(case: Case) -> Sequence[bytes]:
    answer = case.answer()
    step = case.piece or len(answer)
    return [answer[at : at + step] for at in range(0, len(answer), step)]


def _serve(server: socket.socket, pieces: Sequence[bytes]) -> None:
    with server.accept()[0] as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(65536)
        for piece in pieces:
            connection.sendall(piece)


def _event(form: Form, number: int, mail: str) -> bytes:
    text = f"S={number};T=1;"
    if form in ("prose", "guarded"):
        text = f"to {mail}, Queen Q{_letters(number, 3)}{_letters(1, 8)} of the"
    said = {"delta": {"type": "text_delta", "text": text}} if form == "messages" else {"delta": {"content": text}}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def _letters(number: int, width: int) -> str:
    """A number as prose.h writes it."""
    return "".join(chr(ord("a") + int(digit, 16)) for digit in f"{number:0{width}x}")
