"""One stream, from the provider's first byte to the client's last, as a machine without I/O.

    waiting ──first token──► committed ──terminal evidence──► ended(completed)
       │                         │
       └──any failure──► ended   └──any failure──► error event, ended

While waiting, structural frames (role, pings, comments) are held: a failure is still a real HTTP status, or another
provider's turn, and nothing of it was seen. Only keep-alives may be sent before. The first token commits. From then on
a failure is one whole event in the client's dialect, never followed by a success marker; a half-received event is never
forwarded. A success marker goes out only if the grammar says that the answer is complete.
Obeys: stream-life sections 1, 2, 4 and 10.
"""

from collections.abc import Sequence

from sluice.chat.events import Ended, Event, Failed, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.grammar import Grammar
from sluice.dialects.dialect import PING, StreamDecoder
from sluice.errors import ProtocolError, RateLimited, SluiceError, TimedOut, Truncated, UpstreamError
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Action, End, Send
from sluice.relay.clocks import NEVER, Clocks
from sluice.relay.meter import Meter
from sluice.relay.outcome import CLIENT_GONE, COMPLETED, Outcome, OutcomeKind
from sluice.relay.relay import Said
from sluice.relay.sinks import NOBODY, Sink
from sluice.relay.tally import UNGUARDED, GuardFacts
from sluice.relay.terms import TERMS, Terms
from sluice.wire.frames import FrameDecoder
from sluice.wire.sse import BOM, Frame

Failure = tuple[OutcomeKind, SluiceError]

_END_OF_BODY = Frame(b"", None)


class StreamRelay:
    """A stream of server-sent events. See `Relay` for the caller's obligations."""

    __slots__ = (
        "_decoder",
        "_ended",
        "_gone",
        "_grammar",
        "_held_bytes",
        "_look_at",
        "_preceded",
        "_ready",
        "_sent",
        "_sink",
        "_terms",
        "_wire",
        "clocks",
        "committed",
        "meter",
        "said",
    )

    def __init__(self, *, wire: FrameDecoder, decoder: StreamDecoder, sink: Sink, terms: Terms = TERMS) -> None:
        self._wire = wire
        self._decoder = decoder
        self._grammar = Grammar()
        self._sink = sink
        self._terms = terms
        self.clocks = Clocks(terms, beats=sink.streams)
        self._ready: list[bytes] = []
        """Bytes for the client that wait for the commit point, or for the end of this call."""
        self._held_bytes = 0
        self._ended = False
        self._gone = False
        """The client has left, and the answer is read on."""
        allowance = terms.allowance
        self._look_at: float = NEVER if allowance is None else allowance.check_at
        """Tokens at which it is looked whether the answer may go on."""
        self._preceded = terms.opened
        """Keep-alives went before the answer."""
        self._sent = False  # no token
        self.committed = False
        self.meter = Meter(terms.started_at)
        self.said = Said()

    # -- the provider ---------------------------------------------------------------------------------------------

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        if self._ended:
            return []
        meter = self.meter
        if meter.first_byte is None:
            meter.first_byte = now
        meter.bytes_from_provider += len(chunk)
        return self._frames(self._wire.feed(chunk), now)

    def eof(self, now: float) -> list[Action]:
        if self._ended:
            return []
        actions = self._frames(self._wire.finish(), now)
        if not self._ended:
            actions += self._close(now)
        return actions

    def broke(self, error: UpstreamError, now: float) -> list[Action]:
        kind: OutcomeKind = "timeout" if isinstance(error, TimedOut) else "upstream_truncated"
        return [] if self._ended else self._fail(kind, error)

    # -- the client and the clock -----------------------------------------------------------------------------------

    def client_gone(self, now: float) -> list[Action]:
        return [] if self._ended else self._end(CLIENT_GONE)

    def resume(self, verdict: Verdict | JudgeFailed, now: float) -> list[Action]:
        return []  # it asks nothing

    def read_on(self, now: float) -> bool:
        if self._ended:
            return False
        self._gone = True
        self._sink = NOBODY
        self._ready.clear()
        streaming = self._terms.streaming
        bounded = streaming.on_disconnect == "drain" and streaming.drain_tokens
        self._look_at = self.meter.counted + streaming.drain_tokens if bounded else NEVER
        self.clocks.read_on(now)
        return True

    def cut(self, outcome: Outcome, now: float) -> list[Action]:
        if self._ended:
            return []
        return self._end(outcome) if outcome.error is None else self._fail(outcome.kind, outcome.error)

    def tick(self, now: float) -> list[Action]:
        if self._ended:
            return []
        clocks = self.clocks
        expired = clocks.expired(now)
        if expired is not None:
            return self._fail("timeout", expired)
        if clocks.read_long_enough(now):
            return self._end(CLIENT_GONE)
        if clocks.beat(now):
            self._preceded = self._preceded or not self.committed
            self.meter.bytes_to_client += len(self._terms.keep_alive)
            return [Send(self._terms.keep_alive)]
        return []

    @property
    def guards(self) -> GuardFacts:
        return UNGUARDED

    @property
    def deadline(self) -> float:
        return NEVER if self._ended else self.clocks.deadline

    # -- inside -------------------------------------------------------------------------------------------------------

    def _frames(self, frames: list[Frame], now: float) -> list[Action]:
        grammar = self._grammar
        for frame in frames:
            failure = self._frame(frame, now)
            if failure is not None:
                return self._fail(*failure)
            if grammar.complete:
                self.meter.chunks -= 1  # the terminator says that there are no more
                return self._complete(now)
        if self._wire.fault is not None:
            return self._fail("upstream_error", self._wire.fault)
        if self._look_at < NEVER and self.meter.counted >= self._look_at and (ended := self._too_long(now)):
            return ended
        if self.committed:
            return self._flush(now)
        if not self._sink.streams and self.meter.bytes_from_provider > self._terms.max_whole_bytes:
            too_large = ProtocolError("the provider's answer is too large to be sent as a whole")
            return self._fail("upstream_error", too_large)
        return []

    def _too_long(self, now: float) -> list[Action]:
        """End the answer if it may not become any longer."""
        if self._gone:
            return self._end(CLIENT_GONE)
        allowance, tokens = self._terms.allowance, self.meter.counted
        if allowance is not None and not allowance.check(tokens):
            return self._fail("limited", RateLimited("the limit of this answer's tokens is reached"))
        self._look_at = NEVER if allowance is None else allowance.check_at
        return []

    def _close(self, now: float) -> list[Action]:
        """The body has ended, whole, and without a terminator: that is a failure, unless the dialect has none and the
        answer is complete. Half an event at the end of it is a failure too: something was cut off."""
        events = () if self._wire.pending else self._decoder.finish()
        for event in events:
            failure = self._event(event, 0.0)
            if failure is not None:
                return self._fail(*failure)
        if not self._grammar.complete:
            return self._fail("upstream_truncated", Truncated("the provider's stream ended before its answer did"))
        data = self._sink.take(_END_OF_BODY, events)
        if data:
            self._ready.append(data)
        return self._complete(now)

    def _complete(self, now: float) -> list[Action]:
        """The provider has given its terminal evidence."""
        return [*self._flush(now), *self._end(COMPLETED)]

    def _frame(self, frame: Frame, now: float) -> Failure | None:
        """Take one frame; what it becomes waits in `_ready`. Return why the stream ends, if it fails here."""
        events: Sequence[Event] = ()
        try:
            events = self._decoder.decode(frame)
        except ProtocolError as error:
            self.meter.malformed += 1
            if not (self.committed and self._sink.mirrors):
                return "upstream_error", error
            frame = Frame(self._terms.without_secrets(frame.raw), frame.data)
        for event in events:
            failure = self._event(event, now)
            if failure is not None:
                return failure
        if frame.data is not None:
            self.meter.chunks += 1
            if events is not PING:
                self.clocks.heard = now
        data = self._sink.take(frame, events)
        if data:
            self._ready.append(data)
        if not self.committed:
            self._consider(frame.data is not None and bool(events), len(data), now)
        return None

    def _event(self, event: Event, now: float) -> Failure | None:
        kind = type(event)
        try:
            self._grammar.advance(event)
        except ProtocolError as error:
            if kind is Ended:
                return "upstream_truncated", Truncated(f"the provider's stream ended before its answer did: {error}")
            self.meter.malformed += 1
            return None if self.committed and self._sink.mirrors else ("upstream_error", error)
        if kind is TextDelta or kind is ToolCallDelta or kind is ToolCallStarted:
            if self.meter.delta(event, now):  # type: ignore[arg-type]  # the three kinds above
                self.clocks.got_token = True
        elif isinstance(event, Failed):
            self.meter.malformed += isinstance(event.error, ProtocolError)
            return "upstream_error", event.error
        else:
            self.said.note(event)
        return None

    def _consider(self, says_something: bool, size: int, now: float) -> None:
        """Before the commit point: stamp the first event, and commit with the first token.

        Not sooner than here: a frame that holds a failure is never sent. What is held until then is bounded: a provider
        that talks that long without a token is committed to.
        """
        if self.meter.first_event is None and says_something:
            self.meter.first_event = now
        if not self._sink.streams:
            return
        self._held_bytes += size
        if self._carries() or self._held_bytes > self._terms.streaming.max_buffer_bytes:
            self.committed = self.clocks.opened = True

    def _carries(self) -> bool:
        """A token was seen."""
        return self.clocks.got_token

    def _flush(self, now: float) -> list[Action]:
        ready = self._ready
        if not ready:
            return []
        self.clocks.sent = now
        data = ready[0] if len(ready) == 1 else b"".join(ready)
        ready.clear()
        if not self._sent:
            data = self._first(data, now)
        self.meter.bytes_to_client += len(data)
        return [Send(data)]

    def _first(self, data: bytes, now: float) -> bytes:
        """Up to those with a token."""
        if self._preceded:
            self._preceded = False
            data = data.removeprefix(BOM)  # it is one at the beginning of a stream only; elsewhere it spoils an event
        if self._carries():
            self._sent = True
            self.meter.first_sent = now
        return data

    def _fail(self, kind: OutcomeKind, error: SluiceError) -> list[Action]:
        self.said.failed = kind == "upstream_error"
        outcome = Outcome(kind, error)
        if self._gone or not self.committed:
            return self._end(outcome)
        self._terms.redact(error)
        self._ready.append(self._sink.fail(error))
        return [*self._flush(self.clocks.sent), *self._end(outcome)]

    def _end(self, outcome: Outcome) -> list[Action]:
        self._ended = True
        self._ready.clear()
        return [End(CLIENT_GONE if self._gone else outcome)]
