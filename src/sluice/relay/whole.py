"""An answer that comes as one JSON body: collected, judged as a whole, then passed on in one piece.

Nothing is sent before the body is complete and was read, so every failure is still a real HTTP status, and another
target may be tried. The same events as a stream's; an answer that could be read is complete.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from sluice.chat.events import ChoiceFinished, Event, Failed
from sluice.errors import ProtocolError, SluiceError, TimedOut, Truncated, UpstreamError
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Action, End, Send
from sluice.relay.clocks import NEVER, Clocks
from sluice.relay.meter import Meter
from sluice.relay.outcome import CLIENT_GONE, COMPLETED, Outcome, OutcomeKind
from sluice.relay.relay import Said
from sluice.relay.tally import UNGUARDED, GuardFacts
from sluice.relay.terms import TERMS, Terms


class AnswerReader(Protocol):
    """What reads a provider's whole answer: its dialect, or a translation of another operation."""

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        """As `Dialect.read_answer`."""
        ...


class WholeRelay:
    """One JSON answer. See `Relay` for the caller's obligations.

    Without `rewrite` the provider's bytes are passed on as they came; with it, their events are written anew: in
    another dialect, or as a stream for a client who asked for one from a provider that would not. Fields without a
    word in the vocabulary are kept (`keep_leftovers`) for the provider's own dialect alone.
    """

    __slots__ = (
        "_body",
        "_dialect",
        "_ended",
        "_gone",
        "_keep_leftovers",
        "_rewrite",
        "_streams",
        "_terms",
        "clocks",
        "committed",
        "meter",
        "said",
    )

    def __init__(
        self,
        *,
        dialect: AnswerReader,
        rewrite: Callable[[Sequence[Event]], bytes] | None = None,
        streams: bool = False,
        keep_leftovers: bool = False,
        terms: Terms = TERMS,
    ) -> None:
        """`streams`: the client is told a stream, and so can be told that it still lives."""
        self._dialect = dialect
        self._rewrite = rewrite
        self._streams = streams
        self._keep_leftovers = keep_leftovers
        self._terms = terms
        self.clocks = Clocks(terms, beats=streams)
        self.clocks.got_token = not streams  # this clock is for streams
        self._body = bytearray()
        self._ended = False
        self._gone = False
        self.committed = False
        self.meter = Meter(terms.started_at)
        self.said = Said()

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        if self._ended:
            return []
        if self.meter.first_byte is None:
            self.meter.first_byte = now
        self.meter.bytes_from_provider += len(chunk)
        if not chunk.isspace():  # white space between two members of JSON is how a body pings
            self.clocks.heard = now
        self._body += chunk
        if len(self._body) > self._terms.max_whole_bytes:
            return self._end("upstream_error", ProtocolError("the provider's answer is too large"))
        return []

    def eof(self, now: float) -> list[Action]:
        if self._ended:
            return []
        body = bytes(self._body)
        try:
            events = self._dialect.read_answer(body, keep_leftovers=self._keep_leftovers)
        except ProtocolError as error:
            return self._end("upstream_error", error)
        for event in events:
            self.said.note(event)
        if isinstance(events[-1], Failed):
            return self._end("upstream_error", events[-1].error)
        if self._gone:
            return self._end("client_gone", None)
        if self._streams and not all(event.native for event in events if type(event) is ChoiceFinished):
            # A whole body says "complete" by its framing, a stream by its marker: that one needs the provider's word.
            return self._end("upstream_truncated", Truncated("the provider's answer has no finish reason"))
        if self._streams:
            self.meter.at_once(events, now)
        return self._pass_on(body, events, now)

    def broke(self, error: UpstreamError, now: float) -> list[Action]:
        kind: OutcomeKind = "timeout" if isinstance(error, TimedOut) else "upstream_truncated"
        return [] if self._ended else self._end(kind, error)

    def resume(self, verdict: Verdict | JudgeFailed, now: float) -> list[Action]:
        return []  # it asks nothing

    def client_gone(self, now: float) -> list[Action]:
        return self.cut(CLIENT_GONE, now)

    def read_on(self, now: float) -> bool:
        if self._ended:
            return False
        self._gone = True
        self.clocks.read_on(now)
        return True

    def cut(self, outcome: Outcome, now: float) -> list[Action]:
        return [] if self._ended else self._end(outcome.kind, outcome.error)

    def tick(self, now: float) -> list[Action]:
        if self._ended:
            return []
        expired = self.clocks.expired(now)
        if expired is not None or self.clocks.read_long_enough(now):
            return self._end("timeout", expired)
        if self.clocks.beat(now):
            self.meter.bytes_to_client += len(self._terms.keep_alive)
            return [Send(self._terms.keep_alive)]
        return []

    @property
    def guards(self) -> GuardFacts:
        return UNGUARDED

    @property
    def deadline(self) -> float:
        return NEVER if self._ended else self.clocks.deadline

    def _pass_on(self, body: bytes, events: Sequence[Event], now: float) -> list[Action]:
        """The answer is complete."""
        transcript = self._terms.transcript
        if transcript is not None:
            transcript.add(events)
            transcript.given = True
        if self.meter.first_token is not None:
            self.meter.first_sent = now
        return self._send(body if self._rewrite is None else self._rewrite(events))

    def _send(self, body: bytes) -> list[Action]:
        self._ended = self.committed = True
        self.meter.bytes_to_client += len(body)
        return [Send(body), End(COMPLETED)]

    def _end(self, kind: OutcomeKind, error: SluiceError | None) -> list[Action]:
        self._ended = True
        self.said.failed = kind == "upstream_error"
        self._body.clear()
        return [End(CLIENT_GONE if self._gone else Outcome(kind, error))]
