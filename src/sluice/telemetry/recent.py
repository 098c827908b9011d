"""What has just happened, kept for people to look at: the last ends, and one line of numbers for each second.

A view of the records, like the log and the metrics: one per process, bounded, one event loop. Says nothing of what was
asked or answered, and no provider's sentence about it: those may quote both.
Cost, measured on one core: 0.4 microseconds for each exchange; nothing for each chunk.
"""

import re
from collections import deque
from collections.abc import Sequence

import msgspec

from sluice.relay.record import ExchangeRecord

KEPT = 100
"""Ends, and as many again of those that went wrong: under load the others would push them out at once."""
SECONDS = 180
"""Of history."""
MAX_TTFT = 60
"""First tokens of one second whose times are kept, the first of them."""
MAX_CHARS = 120
_WELL = frozenset(["completed", "client_gone"])
_FAILED = 400
_CLOSED = 499
_CODE = re.compile(r"[\w.:/-]{1,64}", re.ASCII)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange that is over. Times are seconds; `at` since 1970."""

    at: float
    key: str
    """No other exchange has it."""
    id: str
    status: int
    outcome: str
    error: str = ""
    """The code of it; empty where a provider wrote a sentence in its place."""
    duration_s: float
    ttft_s: float | None = None
    tokens: int = 0
    """The provider's count; without one, the pieces that came."""
    tokens_per_s: float | None = None
    streaming: bool = False
    method: str = ""
    path: str = ""
    route: str = ""
    model: str = ""
    provider: str = ""
    endpoint: str = ""
    attempts: int = 1
    worker: int = 0
    """0 = there is only one process."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One second. What ended in it, and how things stood at its end."""

    at: int
    """The second since 1970 that it ended with."""
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    ttft_ms: tuple[float, ...] = ()
    """Of the streams whose first token came in it, at most MAX_TTFT."""
    exchanges: int = 0
    streams: int = 0
    waiting: int = 0
    lag_ms: float = 0.0
    """The worst of the event loop."""


_Row = tuple[
    float,
    str,
    str,
    int,
    str,
    str,
    float,
    float | None,
    int,
    float | None,
    bool,
    str,
    str,
    str,
    str,
    str,
    str,
    int,
]
"""What is kept of an end, as `_end` takes it: it is put into shape when somebody looks."""


class Recent:
    """Feed it each record, and `tick` once a second."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=SECONDS)
        self._ended: deque[_Row] = deque(maxlen=KEPT)
        self._failed: deque[_Row] = deque(maxlen=KEPT)
        self._requests = self._errors = self._tokens = self._before = 0
        self._first_s: list[float] = []
        self._ticked_at = 0.0
        self._lag_s = 0.0

    def record(self, record: ExchangeRecord) -> None:
        """Take note of one exchange. Call it exactly once per record."""
        stream, usage, outcome, status = record.stream, record.usage, record.outcome, record.status
        first, streaming = stream.first_token_s, record.streaming
        tokens = stream.tokens if usage is None or not usage.output_tokens else usage.output_tokens
        row = (
            *(record.started_at, record.span_id, record.request_id[:MAX_CHARS], status, outcome),
            *(record.error_code[:MAX_CHARS], record.duration_s, first, tokens, record.tpot_s, streaming),
            *(record.method[:MAX_CHARS], record.path[:MAX_CHARS], record.route.route),
            *(record.request_model[:MAX_CHARS], record.provider, record.endpoint, record.attempts),
        )
        self._ended.append(row)
        self._requests += 1
        self._tokens += stream.tokens if streaming else tokens
        if first is not None and record.started_at + first > self._ticked_at and len(self._first_s) < MAX_TTFT:
            self._first_s.append(first)  # or it was counted when it came
        if outcome not in _WELL or (status >= _FAILED and status != _CLOSED):
            self._failed.append(row)
            self._errors += 1

    @property
    def ended(self) -> list[Ended]:
        """The last ends, the newest last."""
        return [_end(*row) for row in self._ended]

    @property
    def failed(self) -> list[Ended]:
        """The last of those that went wrong."""
        return [_end(*row) for row in self._failed]

    def lag(self, seconds: float) -> None:
        """The event loop woke a timer so late."""
        self._lag_s = max(self._lag_s, seconds)

    def tick(
        self,
        at: float,
        *,
        exchanges: int,
        streams: int,
        waiting: int,
        open_tokens: int,
        first_s: Sequence[float] = (),
    ) -> None:
        """A second is over: `at`, since 1970. `open_tokens`: of the streams under way, what they have passed on since
        they began: what a second's streams gave is that, and what those gave that ended, less what stood open before.
        `first_s`: of those that had their first token in this second, how long it took."""
        second = round(at)
        if self.samples and second <= self.samples[-1].at:
            self.samples.clear()  # the clock was set back: there are no two lines of one second
        self.samples.append(
            Sample(
                at=second,
                requests=self._requests,
                errors=self._errors,
                tokens=max(0, self._tokens + open_tokens - self._before),
                ttft_ms=tuple(round(value * 1000, 1) for value in (*self._first_s, *first_s)[:MAX_TTFT]),
                exchanges=exchanges,
                streams=streams,
                waiting=waiting,
                lag_ms=round(self._lag_s * 1000, 2),
            )
        )
        self._before = open_tokens
        self._requests = self._errors = self._tokens = 0
        self._first_s = []
        self._ticked_at = at
        self._lag_s = 0.0


def _end(
    started_at: float,
    key: str,
    request_id: str,
    status: int,
    outcome: str,
    error: str,
    duration_s: float,
    ttft_s: float | None,
    tokens: int,
    tpot_s: float | None,
    streaming: bool,
    method: str,
    path: str,
    route: str,
    model: str,
    provider: str,
    endpoint: str,
    attempts: int,
) -> Ended:
    return Ended(
        at=round(started_at + duration_s, 3),
        key=key,
        id=request_id,
        status=status,
        outcome=outcome,
        error=error if _CODE.fullmatch(error) else "",
        duration_s=round(duration_s, 4),
        ttft_s=None if ttft_s is None else round(ttft_s, 4),
        tokens=tokens,
        tokens_per_s=round(1 / tpot_s, 2) if tpot_s else None,
        streaming=streaming,
        method=method,
        path=path,
        route=route,
        model=model,
        provider=provider,
        endpoint=endpoint,
        attempts=attempts,
    )


def went_wrong(outcome: str, status: int) -> bool:
    """Whether an end is one to look at: neither a whole answer nor a client that left."""
    return outcome not in _WELL or (status >= _FAILED and status != _CLOSED)
