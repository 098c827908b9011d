"""Plays an answer of the golden corpus to a client: a relay, put together as the gateway does it, fed with the bytes.

No socket, no clock: the same bytes give the same answer and the same record at any time.
"""

from collections.abc import Iterable

import msgspec

from sluice.chat.events import Started
from sluice.chat.request import Framing
from sluice.dialects.dialect import Dialect
from sluice.gateway.answers import chat_relay
from sluice.gateway.ports import UpstreamHead
from sluice.relay.actions import Action, End, Send
from sluice.relay.outcome import Outcome
from sluice.relay.relay import Relay
from sluice.relay.terms import TERMS
from tools.golden_cases import CLIENTS, MODEL, Case

OPENING = Started("req-golden", MODEL, 1700000000)
"""What an answer is called whose provider names nothing."""

Json = dict[str, object]


class Played(msgspec.Struct, frozen=True):
    """What became of one answer for one client."""

    data: bytes
    """All that the client was sent: the body of an error if `status` is one."""
    status: int
    outcome: Outcome
    record: Json

    @property
    def seen(self) -> tuple[bytes, Json]:
        """All that anybody sees of it."""
        return self.data, self.record


def players(case: Case) -> list[tuple[Dialect, bool]]:
    """Every client of a case, once streaming and once not. An array is sent to none who does not stream."""
    both = [(client, stream) for stream in (True, False) for client in CLIENTS]
    return [(client, stream) for client, stream in both if stream or not (case.array and client is case.provider)]


def relay(case: Case, client: Dialect, *, stream: bool, whole: bool = False, framing: Framing | None = None) -> Relay:
    """Return the relay that the gateway would build when the head of this answer comes, for a client who streams or
    does not. `framing` is what the client wants, if it is not what the provider sends."""
    kind = "application/json" if whole else case.content_type
    request = case.request(client, stream=stream)
    return chat_relay(
        UpstreamHead(status=200, headers=((b"content-type", kind.encode()),), length=None),
        request if framing is None else msgspec.structs.replace(request, framing=framing),
        client=client,
        provider=case.provider,
        opening=OPENING,
        terms=TERMS,
    )


def run(machine: Relay, pieces: Iterable[bytes]) -> tuple[bytes, Outcome]:
    """Feed a relay with a whole body, cut like this; return what it sent, and how it ended."""
    actions: list[Action] = []
    for piece in pieces:
        actions += machine.feed(piece, 0.0)
    actions += machine.eof(0.0)
    end = actions.pop()
    assert isinstance(end, End)
    return b"".join([action.data for action in actions if isinstance(action, Send)]), end.outcome


def play(
    case: Case,
    client: Dialect,
    *,
    stream: bool,
    pieces: Iterable[bytes] = (),
    whole: bool = False,
    framing: Framing | None = None,
) -> Played:
    """Play a case to a client: its stream, cut into these pieces if there are any, or its whole answer."""
    if whole:
        assert case.whole is not None
        pieces = [case.whole]
    machine = relay(case, client, stream=stream, whole=whole, framing=framing)
    data, outcome = run(machine, pieces or (case.stream,))
    status = 200
    if not data:
        assert outcome.error is not None
        data, status = client.write_error(outcome.error), client.error_status(outcome.error)
    return Played(data, status, outcome, _record(machine, outcome, status, stream=stream))


def _record(machine: Relay, outcome: Outcome, status: int, *, stream: bool) -> Json:
    """The facts of the exchange's record that depend on the answer."""
    said, facts = machine.said, machine.meter.facts(streaming=stream)
    counts: Json = {"chunks": facts.chunks, "tokens": facts.tokens} if stream else {}
    return {
        "outcome": outcome.kind,
        "status": status,
        "error": None if outcome.error is None else {"code": outcome.error.code, "message": str(outcome.error)},
        "finish_reason": said.finish_reason,
        "model": said.model,
        "usage": None if said.usage is None else _counted(msgspec.structs.asdict(said.usage)),
        **counts,
        "malformed": facts.malformed,
        "unrecognised": said.unrecognised,
    }


def _counted(usage: dict[str, int]) -> dict[str, int]:
    """Zeros of the rarer counts say nothing."""
    return {name: n for name, n in usage.items() if n or name in ("input_tokens", "output_tokens")}
