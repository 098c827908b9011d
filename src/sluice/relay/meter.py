"""The stopwatch of one exchange: plain numbers, stamped from the `now` that is handed in.

A token is a delta that carries something, of any channel: text, reasoning, refusal, a tool's name or arguments.
Role frames, pings, comments and keep-alives are none. Gaps are sorted into buckets here, so that a finished stream
costs the metrics one addition.

First byte, first event, first token and the first token that was sent are four stamps. A stall is a silence between
two tokens, or between the last one and the end, of more than STALL_S and of more than STALL_TIMES the gap that is usual
in this stream. A reader loses the thread after a second; but where a provider speaks by the paragraph, or a slow
machine every second, a pause of two seconds is how it speaks. What is usual shows after FEW gaps: of a silence before
that it is decided at the end, by all the others. Only the provider's silence counts: while the client does not read, or
a judge is asked, the provider is not heard (`heard_from`). What comes before the first token is no stall: that is the
time to the first token.

What money and limits count is beside it (`counted`): most providers send each of a model's tokens as a piece of its
own, others many at once, and those count by their length.

Cost, measured on one core: 0.19 microseconds for a token, of which 0.07 are the count by its length and 0.02 the
question whether it ends a stall.
"""

from bisect import bisect_left
from collections.abc import Iterable

from sluice.chat.events import Event, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.usage import Usage
from sluice.relay.record import ADDED_BUCKETS_S, GAP_BUCKETS_S, StreamFacts

Delta = TextDelta | ToolCallStarted | ToolCallDelta

LONGEST = 16
"""Characters of a piece that may still be one token: of the tokens of English and code one in some 300 is longer."""
SHORTEST = 3
"""Characters of a piece that is one token in any language."""
WIDE = "\u2e7f"
"""Beyond it are Chinese, Japanese and Korean: two characters to a token at most, where others have four."""
MEAN_CHARS = 8
"""No language has tokens that are longer on average: pieces that are hold several each."""
STALL_S = 1.0
STALL_TIMES = 5.0
FEW = 4
MAX_STALLS_TOLD = 16
"""Of which it is kept when they were; all are counted."""


class Meter:
    """Count and stamp one answer. `started_at` is the monotonic second of the request's first byte. Stamps are plain
    attributes: who sees something first sets them."""

    __slots__ = (
        "_added",
        "_added_s",
        "_early",
        "_gaps",
        "_sized",
        "_stalled_at",
        "_stalled_s",
        "_stalls",
        "_started_at",
        "bytes_from_provider",
        "bytes_to_client",
        "chars",
        "chunks",
        "first_byte",
        "first_content",
        "first_event",
        "first_sent",
        "first_token",
        "heard_from",
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
        self.first_sent: float | None = None
        """When the first token was handed on."""
        self.last_token = 0.0
        self.heard_from = 0.0
        """Since when the provider can be heard again: a silence before that was ours."""
        self._early: list[tuple[float, float, float]] | None = None
        """Silences before it was known what is usual: since when, how long, and the gap between tokens that it was."""
        self._stalls = 0
        self._stalled_s = 0.0
        self._stalled_at: list[tuple[float, float]] | None = None
        self._added: list[int] | None = None
        self._added_s = 0.0
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
            gap = now - self.last_token
            if gap > STALL_S:
                self._silence(now, gap)
            self._gaps[bisect_left(GAP_BUCKETS_S, gap)] += 1
        self.last_token = now
        return True

    def at_once(self, events: Iterable[Event], now: float) -> None:
        """Take an answer that came whole, for a client who asked for a stream: its tokens have one time, and no
        gaps."""
        self.first_event = now
        for event in events:
            if type(event) is ToolCallStarted or (type(event) is TextDelta and event.text):
                self.first_token = self.last_token = now
                if type(event) is TextDelta and event.channel == "text":
                    self.first_content = now
                    return

    def added(self, seconds: float) -> None:
        """Take what the gateway itself took for one event."""
        if self._added is None:
            self._added = [0] * (len(ADDED_BUCKETS_S) + 1)
        self._added[bisect_left(ADDED_BUCKETS_S, seconds)] += 1
        self._added_s += seconds

    def ended(self, now: float) -> None:
        """The answer is over, whatever way. Call it once."""
        if self.tokens and now - self.last_token > STALL_S:
            self._silence(now, 0.0)

    def _silence(self, now: float, gap: float) -> None:
        """Something comes after a long gap: a stall, if the provider was silent and that is unusual for it. `gap`: 0 =
        it is the end."""
        since = max(self.last_token, self.heard_from)
        silence = now - since
        if silence <= STALL_S:
            return
        if sum(self._gaps or ()) < FEW:
            self._early = [*(self._early or ()), (since - self._started_at, silence, gap)]
        elif silence > STALL_TIMES * self._usual_gap():
            self._stalls += 1
            self._stalled_s += silence
            if self._stalled_at is None:
                self._stalled_at = []
            if len(self._stalled_at) < MAX_STALLS_TOLD:
                self._stalled_at.append((since - self._started_at, silence))

    def _early_stalls(self) -> list[tuple[float, float]]:
        return [
            (since, silence)
            for since, silence, gap in self._early or ()
            if silence > STALL_TIMES * self._usual_gap(beside=gap)
        ]

    def _usual_gap(self, beside: float = 0.0) -> float:
        """The mean of the gaps so far, or, if that is less, the bound of the bucket that holds their median: one long
        silence must not hide the next. `beside`: one of the gaps that is not asked. 0 = there were none."""
        gaps = list(self._gaps or ())
        if beside:
            gaps[bisect_left(GAP_BUCKETS_S, beside)] -= 1
        number = sum(gaps)
        if not number or self.first_token is None:
            return 0.0
        mean, seen = (self.last_token - self.first_token - beside) / number, 0
        for bound, count in zip(GAP_BUCKETS_S, gaps, strict=False):
            seen += count
            if seen * 2 >= number:
                return min(mean, bound)
        return mean

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
        early = self._early_stalls() if self._early is not None else []
        return StreamFacts(
            first_byte_s=self._since(self.first_byte),
            first_event_s=self._since(self.first_event),
            first_token_s=self._since(self.first_token),
            first_content_s=self._since(self.first_content),
            first_sent_s=self._since(self.first_sent),
            last_token_s=self._since(self.last_token if self.tokens else None),
            chunks=self.chunks,
            tokens=self.tokens,
            malformed=self.malformed,
            gap_counts=tuple(self._gaps or ()),
            gap_sum_s=self.last_token - self.first_token if self.first_token is not None else 0.0,
            stalls=self._stalls + len(early),
            stalled_s=self._stalled_s + sum(silence for _, silence in early),
            stalled_at=(*early, *(self._stalled_at or ()))[:MAX_STALLS_TOLD],
            added_counts=tuple(self._added or ()),
            added_sum_s=self._added_s,
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
