"""Writes the log of one run: stamps each event, keeps the legal order, opens and closes what text needs.

Plain calls; the one place where events are made. Whatever ends a run goes through `finish` or `fail`, which first close
all that stands open.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sluice.agents.live import LiveLog
from sluice.agents.ports import Clock, Now
from sluice.runs.events import (
    Channel,
    Event,
    MessageFinished,
    MessageStarted,
    ModelUsage,
    Outcome,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStats,
    StepFinished,
    StepStarted,
    TextDelta,
    TextFinished,
    TextStarted,
    TokenUsage,
    ToolFailed,
)
from sluice.runs.fold import Fold
from sluice.runs.order import Brackets, Open
from sluice.runs.records import Run

Kind = Literal["text", "reasoning"]
_STARTS: Mapping[Kind, Callable[..., Event]] = {"text": TextStarted, "reasoning": ReasoningStarted}
_DELTAS: Mapping[Kind, Callable[..., Event]] = {"text": TextDelta, "reasoning": ReasoningDelta}
_ENDS: Mapping[str, Callable[..., Event]] = {
    "text": TextFinished,
    "reasoning": ReasoningFinished,
    "message": MessageFinished,
}


class Writer:
    """One run's pen. `name` makes identifiers."""

    def __init__(self, run: Run, log: LiveLog, *, clock: Clock, now: Now, name: Callable[[str], str]) -> None:
        self._run_id, self._thread_id = run.id, run.thread_id
        self._log = log
        self._clock, self._now, self.name = clock, now, name
        self._began = clock()
        self._brackets = Brackets()
        self.folded = Fold()
        """What the log says so far, as messages."""
        self._message = ""
        """The open message that text goes to; empty = none."""
        self._block: tuple[Kind, str, Channel, tuple[str, ...]] | None = None
        """The open block that text goes to."""
        self._steps: dict[str, str] = {}
        """Names of the open steps by id."""
        self._usage = TokenUsage()
        self._first_chunk_ms: float | None = None
        self._chunks = 0
        self._characters = 0
        self.words = 0
        """Words begun so far, by the spaces before them."""
        self.muted = False
        """Whether text is left out: it belongs to the run that this one resumes."""
        self.wrote_at = self._began
        """Monotonic second of the last text: what the clocks of silence look at."""

    @property
    def ended(self) -> bool:
        return self._brackets.ended

    @property
    def usage(self) -> TokenUsage:
        return self._usage

    @property
    def spoke(self) -> bool:
        """Whether any text was written."""
        return self._chunks > 0

    # -- any event ----------------------------------------------------------------------------------------------------

    def put(self, kind: Callable[..., Event], **fields: Any) -> Event | None:
        """Write an event of this type. After the end nothing is written: None.

        Raises:
            OrderError: it may not stand here.
        """
        if self._brackets.ended:
            return None
        event = kind(
            seq=self._log.last + 1, run_id=self._run_id, thread_id=self._thread_id, ts=self._now(), **fields
        )
        self._brackets.step(event)
        self.folded.step(event)
        self._log.append(event)
        return event

    def start(self, run: Run) -> None:
        """Write the first event."""
        self.put(
            RunStarted,
            agent=run.agent,
            version=run.version,
            request_id=run.request_id,
            input=run.input,
            resumes=run.resumes,
        )

    # -- text ---------------------------------------------------------------------------------------------------------

    def text(self, text: str, channel: Channel = "text", path: tuple[str, ...] = ()) -> None:
        """Write text of the answer; empty text is nothing."""
        self._say("text", text, channel, path)

    def think(self, text: str, channel: Channel = "text", path: tuple[str, ...] = ()) -> None:
        """Write reasoning."""
        self._say("reasoning", text, channel, path)

    def _say(self, kind: Kind, text: str, channel: Channel, path: tuple[str, ...]) -> None:
        if not text or self.muted or self._brackets.ended:
            return
        block = self._block
        if block is None or block[0] != kind or block[2] != channel or block[3] != path:
            self.close_block()
            name = self.name("block")
            self.put(_STARTS[kind], id=name, message_id=self.message(), channel=channel, path=path)
            self._block = block = (kind, name, channel, path)
        self.wrote_at = self._clock()
        if self._first_chunk_ms is None:
            self._first_chunk_ms = round((self.wrote_at - self._began) * 1000, 3)
        if kind == "text":
            self._chunks += 1
            self._characters += len(text)
            self.words += len(text.split())
        self.put(_DELTAS[kind], id=block[1], text=text, channel=channel, path=path)

    def message(self) -> str:
        """Return the id of the open message, and begin one if there is none."""
        if not self._message:
            self._message = self.name("msg")
            self.put(MessageStarted, id=self._message)
        return self._message

    def close_block(self) -> None:
        """End the open text or reasoning, if there is one."""
        if self._block is not None:
            kind, name, channel, path = self._block
            self._block = None
            self.put(_ENDS[kind], id=name, channel=channel, path=path)

    def close_message(self, finish_reason: str = "") -> None:
        """End the open message and the block in it, if there is one."""
        self.close_block()
        if self._message:
            message, self._message = self._message, ""
            self.put(MessageFinished, id=message, finish_reason=finish_reason)

    def start_step(self, name: str, path: tuple[str, ...] = ()) -> str:
        """Begin a step and return its id."""
        step = self.name("step")
        self._steps[step] = name
        self.put(StepStarted, id=step, name=name, path=path)
        return step

    def end_step(self, step: str, path: tuple[str, ...] = ()) -> None:
        """End a step; what was said in it is closed first."""
        self.close_block()
        self.put(StepFinished, id=step, name=self._steps.pop(step, ""), path=path)

    def spent(self, model: str, usage: TokenUsage) -> None:
        """Write what a model call cost in tokens."""
        had = self._usage
        self._usage = TokenUsage(
            input_tokens=had.input_tokens + usage.input_tokens,
            output_tokens=had.output_tokens + usage.output_tokens,
            reasoning_tokens=had.reasoning_tokens + usage.reasoning_tokens,
            cache_read_tokens=had.cache_read_tokens + usage.cache_read_tokens,
            cache_write_tokens=had.cache_write_tokens + usage.cache_write_tokens,
        )
        self.put(ModelUsage, model=model, usage=usage)

    # -- the end ------------------------------------------------------------------------------------------------------

    def finish(self, outcome: Outcome, *, reason: str = "", message: str = "") -> None:
        """Close what is open and write the terminal event. A second end is nothing."""
        self.close_all(reason or outcome)
        self.put(
            RunFinished, outcome=outcome, usage=self._usage, stats=self.stats(), reason=reason, message=message
        )

    def fail(self, code: str, message: str, *, retryable: bool = False, status: int = 500) -> None:
        """Close what is open and write that the run failed. A second end is nothing."""
        self.close_all(message)
        self.put(
            RunFailed,
            code=code,
            message=message,
            retryable=retryable,
            status=status,
            usage=self._usage,
            stats=self.stats(),
        )

    def stats(self) -> RunStats:
        """What the stopwatch says now."""
        return RunStats(
            first_chunk_ms=self._first_chunk_ms,
            chunks=self._chunks,
            characters=self._characters,
            duration_ms=round((self._clock() - self._began) * 1000, 3),
        )

    def close_all(self, why: str) -> None:
        """Close what stands open; what no result came for is said to have failed for this reason."""
        for bracket in [] if self._brackets.ended else self._brackets.closing():
            self._close(bracket, why)
        self._message, self._block = "", None

    def _close(self, bracket: Open, why: str) -> None:
        if bracket.kind == "tool":
            self.put(ToolFailed, id=bracket.id, error=why)
        elif bracket.kind == "step":
            name = self._steps.pop(bracket.id, "")
            self.put(StepFinished, id=bracket.id, name=name)
        else:
            self.put(_ENDS[bracket.kind], id=bracket.id)
