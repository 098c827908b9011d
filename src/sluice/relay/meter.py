"""The stopwatch of one exchange: plain numbers, stamped from the `now` that is handed in.

A token is a delta that carries something, of any channel: text, reasoning, refusal, a tool's name or arguments.
Role frames, pings, comments and keep-alives are none. Gaps are sorted into buckets here, so that a finished stream
costs the metrics one addition.
"""

from bisect import bisect_left

from sluice.chat.events import TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.usage import Usage
from sluice.relay.record import GAP_BUCKETS_S, StreamFacts

Delta = TextDelta | ToolCallStarted | ToolCallDelta


class Meter:
    """Count and stamp one answer. `started_at` is the monotonic second of the request's first byte."""

    __slots__ = (
        "_gaps",
        "_started_at",
        "bytes_from_provider",
        "bytes_to_client",
        "chunks",
        "first_byte",
        "first_content",
        "first_event",
        "first_token",
        "last_token",
        "malformed",
        "tokens",
    )

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._gaps: list[int] | None = None
        self.first_byte: float | None = None
        self.first_event: float | None = None
        self.first_token: float | None = None
        self.first_content: float | None = None
        self.last_token = 0.0
        self.chunks = 0
        self.tokens = 0
        self.malformed = 0
        self.bytes_from_provider = 0
        self.bytes_to_client = 0

    def delta(self, event: Delta, now: float) -> bool:
        """Take a delta; return whether it is a token, which is also what commits a stream."""
        if type(event) is TextDelta:
            if not event.text:
                return False
            if self.first_content is None and event.channel == "text":
                self.first_content = now
        elif type(event) is ToolCallDelta and not event.arguments:
            return False
        self.tokens += 1
        if self._gaps is None:
            self._gaps = [0] * (len(GAP_BUCKETS_S) + 1)
            self.first_token = now
        else:
            self._gaps[bisect_left(GAP_BUCKETS_S, now - self.last_token)] += 1
        self.last_token = now
        return True

    def facts(self, *, streaming: bool) -> StreamFacts:
        """Return what was seen, in seconds since the request began. A whole answer has no token times: they would
        mean nothing."""
        if not streaming:
            return StreamFacts(
                first_byte_s=self._since(self.first_byte),
                malformed=self.malformed,
                bytes_from_provider=self.bytes_from_provider,
                bytes_to_client=self.bytes_to_client,
            )
        return StreamFacts(
            first_byte_s=self._since(self.first_byte),
            first_event_s=self._since(self.first_event),
            first_token_s=self._since(self.first_token),
            first_content_s=self._since(self.first_content),
            last_token_s=self._since(self.last_token if self.tokens else None),
            chunks=self.chunks,
            tokens=self.tokens,
            malformed=self.malformed,
            gap_counts=tuple(self._gaps or ()),
            gap_sum_s=self.last_token - self.first_token if self.first_token is not None else 0.0,
            bytes_from_provider=self.bytes_from_provider,
            bytes_to_client=self.bytes_to_client,
        )

    def tpot_s(self, usage: Usage | None) -> float | None:
        """Time per output token: (last - first) / (n - 1), n = the provider's count, or the deltas seen if it gave
        none."""
        n = usage.output_tokens if usage is not None and usage.output_tokens else self.tokens
        if self.first_token is None or self.tokens < 2 or n < 2:
            return None
        return (self.last_token - self.first_token) / (n - 1)

    def _since(self, at: float | None) -> float | None:
        return None if at is None else at - self._started_at
