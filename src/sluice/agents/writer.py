"""Writes the log of one run: stamps each event, keeps the legal order, opens and closes what text needs.

Plain calls; the one place where events are made. Whatever ends a run goes through `finish` or `fail`, which first close
all that stands open.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from sluice.agents.bounds import Bounds
from sluice.agents.holding import Holding
from sluice.agents.kinds import DELTAS, ENDS, STARTS, Kind, kept, text_only
from sluice.agents.live import LiveLog
from sluice.agents.muting import Muted
from sluice.agents.ports import Clock, Later, Now
from sluice.agents.stopwatch import Stopwatch
from sluice.errors import RunLimit
from sluice.runs.events import (
    Channel,
    Codec,
    Event,
    InterruptRequested,
    MessageFinished,
    MessageStarted,
    ModelUsage,
    Outcome,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStats,
    StepFinished,
    StepStarted,
    TokenUsage,
    ToolFailed,
)
from sluice.runs.fold import Fold
from sluice.runs.order import Brackets, Open
from sluice.runs.records import Run

_UNBOUNDED = Bounds(events=1 << 62, event_bytes=1 << 62, run_bytes=1 << 62)


class Writer:
    """One run's pen.

    `interval_s`: text that comes sooner than so many seconds after the last is held and joined; 0 = each piece is an
    event. `later` sets the timer that lets held text go.
    """

    def __init__(
        self,
        run: Run,
        log: LiveLog,
        *,
        clock: Clock,
        now: Now,
        bounds: Bounds = Bounds(),  # noqa: B008  # frozen
        interval_s: float = 0.0,
        later: Later | None = None,
    ) -> None:
        self._run_id, self._thread_id = run.id, run.thread_id
        self.log = log
        self._now, self._bounds = now, bounds
        self._held = Holding(interval_s, later, self._delta)
        self.watch = Stopwatch(clock)
        self._names = 0
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
        self._muted: Muted | None = None
        self._closed = False
        """Whether only the end is left to be written: what a handler says that outlives its run is not."""
        self.asked: list[InterruptRequested] = []
        """The questions of this run."""

    @property
    def begun(self) -> bool:
        """Whether the log has its first event."""
        return self.log.last > 0

    @property
    def ended(self) -> bool:
        """Whether it has its last."""
        return self._brackets.ended

    @property
    def usage(self) -> TokenUsage:
        return self._usage

    @property
    def words(self) -> int:
        """Words written so far."""
        return self.watch.words

    def name(self, kind: str) -> str:
        """Return a new identifier: `msg-<run>-1`."""
        self._names += 1
        return f"{kind}-{self._run_id}-{self._names}"

    # -- any event ----------------------------------------------------------------------------------------------------

    def put(self, kind: Callable[..., Event], /, **fields: Any) -> Event | None:
        """Write an event of this type. After the end, and while the writer is mute, nothing is written: None.

        Raises:
            OrderError: it may not stand here.
            RunLimit: the log is full.
            TypeError: a field is not what the event says, or nothing that JSON has a word for.
        """
        if self._closed:
            return None
        if self._muted is not None:
            self._muted.take(kind, fields)  # type: ignore[arg-type]  # the constructors of events are their types
            return None
        self._held.let_go()
        return self._put(kind, self._bounds, fields)

    def _put(self, kind: Callable[..., Event], bounds: Bounds, fields: dict[str, Any]) -> Event | None:
        if self._brackets.ended:
            return None
        event = kind(seq=self.log.last + 1, run_id=self._run_id, thread_id=self._thread_id, ts=self._now(), **fields)
        data = Codec.encode(event)
        bounds.check(event.seq, len(data), self.log.size)
        event = kept(event, data)
        self._brackets.step(event)
        self.folded.step(event)
        self.log.append(event, data)
        self.watch.heard()
        if isinstance(event, InterruptRequested):
            self.asked.append(event)
        return event

    def start(self, run: Run) -> None:
        """Write the first event."""
        self.watch.begin()
        fields = {"agent": run.agent, "version": run.version, "request_id": run.request_id}
        self._put(RunStarted, _UNBOUNDED, {**fields, "input": run.input, "resumes": run.resumes})

    def catch_up(self, events: Iterable[Event]) -> None:
        """Take note of what the log of this run holds already: a dead worker wrote it."""
        for event in events:
            self._brackets.step(event)
            self.folded.step(event)
            if isinstance(event, StepStarted):
                self._steps[event.id] = event.name
        self._names = self.log.last  # no more were named than events written

    # -- silence ------------------------------------------------------------------------------------------------------

    def mute(self) -> None:
        """Write nothing until `unmute`: the handler says again what the interrupted run has said."""
        self._muted = Muted()

    def unmute(self) -> None:
        """Write again; steps and calls that the silent part left open are opened first."""
        if self._muted is None:
            return
        self.close_block()
        muted, self._muted = self._muted, None
        messages: dict[str, str] = {}
        for kind, fields in muted.reopening():
            if kind in (MessageStarted, MessageFinished):  # the thread has that message: this one is another
                fields = {**fields, "id": messages.setdefault(fields["id"], fields["id"] + "-again")}
            elif "message_id" in fields:
                fields = {**fields, "message_id": messages[fields["message_id"]]}
            self.put(kind, **fields)
        self._message = messages.get(self._message, "")

    # -- text ---------------------------------------------------------------------------------------------------------

    def text(self, text: str, channel: Channel = "text", path: tuple[str, ...] = ()) -> None:
        """Write text of the answer; empty text is nothing.

        Raises:
            TypeError: it is no text.
        """
        self._say("text", text, channel, path)

    def think(self, text: str, channel: Channel = "text", path: tuple[str, ...] = ()) -> None:
        """Write reasoning."""
        self._say("reasoning", text, channel, path)

    def _say(self, kind: Kind, text: str, channel: Channel, path: tuple[str, ...]) -> None:
        text_only(text)
        if not text or self._closed:
            return
        block = self._block
        if block is None or block[0] != kind or block[2] != channel or block[3] != path:
            self.close_block()
            name = self.name("block")
            self.put(STARTS[kind], id=name, message_id=self.message(), channel=channel, path=path)
            self._block = (kind, name, channel, path)
        if self._muted is not None:
            self.watch.heard()
            return
        self.watch.piece(text if kind == "text" else "")
        self._held.take(text)

    def _delta(self, text: str) -> None:
        if self._block is not None:
            kind, name, channel, path = self._block
            self._put(DELTAS[kind], self._bounds, {"id": name, "text": text, "channel": channel, "path": path})

    def message(self) -> str:
        """Return the id of the open message, and begin one if there is none."""
        if not self._message:
            name = self.name("msg")
            self.put(MessageStarted, id=name)
            self._message = name
        return self._message

    def close_block(self) -> None:
        """End the open text or reasoning, if there is one."""
        if self._block is not None:
            self._held.let_go()
            kind, name, channel, path = self._block
            self._block = None
            self.put(ENDS[kind], id=name, channel=channel, path=path)

    def close_message(self, finish_reason: str = "") -> None:
        """End the open message and the block in it, if there is one."""
        self.close_block()
        if self._message:
            message, self._message = self._message, ""
            self.put(MessageFinished, id=message, finish_reason=finish_reason)

    def start_step(self, name: str, path: tuple[str, ...] = ()) -> str:
        """Begin a step and return its id."""
        step = self.name("step")
        self.put(StepStarted, id=step, name=name, path=path)
        self._steps[step] = name
        return step

    def end_step(self, step: str, path: tuple[str, ...] = ()) -> None:
        """End a step; what was said in it is closed first. One that the run's end has closed already is nothing."""
        self.close_block()
        name = self._steps.pop(step, None)
        if name is not None:
            self.put(StepFinished, id=step, name=name, path=path)

    def spent(self, model: str, usage: TokenUsage) -> None:
        """Write what a model call cost in tokens."""
        self._usage = self._usage.plus(usage)
        self.put(ModelUsage, model=model, usage=usage)

    # -- the end ------------------------------------------------------------------------------------------------------

    def finish(self, outcome: Outcome, *, reason: str = "", message: str = "") -> None:
        """Close what is open and write the terminal event. A second end is nothing."""
        self.close_all(reason or outcome, waiting=outcome == "interrupt")
        end = {"outcome": outcome, "reason": reason, "message": message}
        self._put(RunFinished, _UNBOUNDED, {**end, "usage": self._usage, "stats": self.stats()})

    def fail(self, code: str, message: str, *, retryable: bool = False, status: int = 500) -> None:
        """Close what is open and write that the run failed. A second end is nothing."""
        self.close_all(message)
        end = {"code": code, "message": message, "retryable": retryable, "status": status}
        self._put(RunFailed, _UNBOUNDED, {**end, "usage": self._usage, "stats": self.stats()})

    def stats(self) -> RunStats:
        """What the stopwatch says now."""
        return self.watch.stats()

    def leave(self) -> None:
        """Write nothing more, and no end: another worker writes on."""
        self._closed, self._muted = True, None
        self._held.stop()

    def close_all(self, why: str, *, waiting: bool = False) -> None:
        """Close what stands open, for good: from here on only the end is written."""
        self._closed, self._muted = True, None
        self._held.stop()
        self.close_open(why, waiting=waiting)

    def close_open(self, why: str, *, waiting: bool = False) -> None:
        """Close what stands open; what no result came for is said to have failed for this reason. With `waiting` calls
        whose arguments are whole stay open: the run that resumes has their results."""
        with suppress(RunLimit):  # the log is full: what was held has no place in it
            self._held.let_go()
        for bracket in [] if self._brackets.ended else self._brackets.closing(waiting=waiting):
            self._close(bracket, why)
        self._message, self._block = "", None

    def _close(self, bracket: Open, why: str) -> None:
        if bracket.kind == "tool":
            self._put(ToolFailed, _UNBOUNDED, {"id": bracket.id, "error": why})
        elif bracket.kind == "step":
            self._put(StepFinished, _UNBOUNDED, {"id": bracket.id, "name": self._steps.pop(bracket.id, "")})
        else:
            self._put(ENDS[bracket.kind], _UNBOUNDED, {"id": bracket.id})
