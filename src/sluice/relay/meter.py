"""The stopwatch of one exchange: plain numbers, stamped from the `now` that is handed in.

A token is a delta that carries something, of any channel: text, reasoning, refusal, a tool's name or arguments.
Role frames, pings, comments and keep-alives are none. Gaps are sorted into buckets here, so that a finished stream
costs the metrics one addition.

What money and limits count is beside it (`counted`): most providers send each of a model's tokens as a piece of its
own, others many at once, and those count by their length.

Cost, measured on one core: 0.19 microseconds for a token, of which 0.07 are the count by its length.
"""

from bisect import bisect_left

from sluice.chat.events import TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.usage import Usage
from sluice.relay.record import GAP_BUCKETS_S, StreamFacts

Delta = TextDelta | ToolCallStarted | ToolCallDelta

LONGEST = 16
"""Characters of a piece that may still be one token: of the tokens of English and code one in some 300 is longer."""
SHORTEST = 3
"""Characters of a piece that is one token in any language."""
WIDE = "\u2e7f"
"""Beyond it are Chinese, Japanese and Korean: two characters to a token at most, where others have four."""
MEAN_CHARS = 8
"""No language has tokens that are longer on average: pieces that are hold several each."""


class Meter:
    """Count and stamp one answer. `started_at` is the monotonic second of the request's first byte."""

    __slots__ = (
        "_gaps",
        "_sized",
        "_started_at",
        "bytes_from_provider",
        "bytes_to_client",
        "chars",
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
        self.chars = 0
        self._sized = 0
        """Tokens, each piece by its length."""
        self.malformed = 0
        self.bytes_from_provider = 0
        self.bytes_to_client = 0

    def delta(self, event: Delta, now: float) -> bool:
        """Take a delta; return whether it is a token, which is also what commits a stream."""
        if type(event) is TextDelta:
            text = event.text
            if not text:
                return False
            if self.first_content is None and event.channel == "text":
                self.first_content = now
        elif type(event) is ToolCallDelta:
            text = event.arguments
            if not text:
                return False
        else:
            text = ""
        size = len(text)
        self.tokens += 1
        self.chars += size
        if size > SHORTEST:
            if text[size >> 1] > WIDE:  # one character stands for all: to look at each would cost more than the rest
                self._sized += (size + 1) >> 1
            else:
                self._sized += 1 if size <= LONGEST else (size + 3) >> 2
        else:
            self._sized += 1
        if self._gaps is None:
            self._gaps = [0] * (len(GAP_BUCKETS_S) + 1)
            self.first_token = now
        else:
            self._gaps[bisect_left(GAP_BUCKETS_S, now - self.last_token)] += 1
        self.last_token = now
        return True

    @property
    def counted(self) -> int:
        """Tokens, as far as they can be counted while they pass: `tokens` where each came by itself."""
        if self.chars > self.tokens * MEAN_CHARS:
            return max(self._sized, (self.chars + 3) >> 2)
        return self._sized

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
