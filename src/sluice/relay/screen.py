"""What the text rules let through of an answer: its events in, those that a client may see out.

Each text is looked at by itself: a choice's text, reasoning or refusal from where it begins to where another part of
the choice begins; the arguments of a call from its first piece to the end of its choice, because calls interleave; and
what comes in one piece. What is held of one text holds up nothing else, so a choice never waits for another.

Guarantee: no event without a row in `_ROADS` passes; the text that leaves does not depend on how it was cut.
Obeys: stream-life sections 6, 10.3 and 10.4.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sluice.chat.events import (
    Channel,
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.policies.guard_text import TextGuards
from sluice.relay.clocks import NEVER
from sluice.relay.guarding import rejected
from sluice.relay.held_text import HeldText
from sluice.relay.tally import Tally
from sluice.relay.whole_texts import WholeTexts


class _Line:
    """One choice."""

    __slots__ = ("calls", "channel", "text")

    def __init__(self) -> None:
        self.channel: Channel | None = None
        """Of the text that is open."""
        self.text: HeldText | None = None
        self.calls: dict[int, HeldText] = {}


class Screen:
    """One answer. `due`: when to call `overdue`, or sooner; infinity = nothing is held."""

    __slots__ = ("_guards", "_lines", "_max_hold_s", "_now", "_tally", "_whole", "due")

    def __init__(self, guards: TextGuards, tally: Tally, *, streams: bool = True) -> None:
        """Not `streams`: the events are those of a whole answer."""
        self._guards = guards
        self._tally = tally
        self._max_hold_s = NEVER if guards.buffers else guards.max_hold_s or NEVER
        self._lines: dict[int, _Line] = {}
        self._whole = WholeTexts(guards, tally, streams=streams)
        self._now = 0.0
        self.due = NEVER

    def take(self, events: Sequence[Event], now: float) -> Sequence[Event]:
        """Return what may be seen of these events and of what was held before them.

        Raises:
            Blocked: the answer ends here. What was held is never seen.
        """
        self._now = now
        out: list[Event] = []
        for event in events:
            # The hot path: more of the text that is open.
            if type(event) is TextDelta and event.text and (line := self._lines.get(event.choice)) is not None:
                text = line.text
                if text is not None and line.channel == event.channel:
                    if text.passes(event.text, now):
                        out.append(event)
                    else:
                        self._leave(text, out)
                    continue
            _ROADS[type(event)](self, event, out)
        return out

    def finish(self, now: float) -> Sequence[Event]:
        """The answer breaks off: return what was held and may be seen.

        Raises:
            Blocked: in what was held something was found.
        """
        self._now = now
        out: list[Event] = []
        for line in self._lines.values():
            self._close(line, out)
        return out

    def overdue(self, now: float) -> Sequence[Event]:
        """Let the rules decide what becomes of text that was held for too long.

        Raises:
            Blocked: they say that the answer ends.
        """
        out: list[Event] = []
        self._now = now
        if now < self.due:
            return out
        oldest = NEVER
        for line in self._lines.values():
            for text in [*line.calls.values(), *([] if line.text is None else [line.text])]:
                if text.since + self._max_hold_s <= now:
                    text.overflow(now)
                    self._leave(text, out)
                oldest = min(oldest, text.since)
        self.due = oldest + self._max_hold_s
        return out

    # -- texts that come in pieces ------------------------------------------------------------------------------------

    def _say(self, event: TextDelta, out: list[Event]) -> None:
        """The first text of a part. An empty one opens a channel for the client and nothing here."""
        if not event.text:
            out.append(TextDelta(event.choice, event.channel, ""))
            return
        line = self._line(event.choice)
        self._close_text(line, out)
        text = HeldText(self._guards.channel(), event.choice, event.channel, self._tally)
        line.text, line.channel = text, event.channel
        if text.passes(event.text, self._now):
            out.append(event)
        else:
            self._leave(text, out)

    def _argue(self, event: ToolCallDelta, out: list[Event]) -> None:
        line = self._line(event.choice)
        text = line.calls.get(event.index)
        if text is None:
            self._close_text(line, out)
            text = line.calls[event.index] = self._arguments(event.choice, event.index)
        if not event.arguments or text.passes(event.arguments, self._now):
            out.append(event)
        else:
            self._leave(text, out)

    def _call(self, event: ToolCallStarted, out: list[Event]) -> None:
        line = self._line(event.choice)
        self._close_text(line, out)
        self._finish(line.calls.pop(event.index, None), out)
        line.calls[event.index] = self._arguments(event.choice, event.index)
        name = self._whole.text(event.name, out)
        out.append(event if name == event.name else msgspec.structs.replace(event, name=name))

    def _arguments(self, choice: int, index: int) -> HeldText:
        return HeldText(self._guards.json_channel(), choice, index, self._tally)

    # -- what stands beside them --------------------------------------------------------------------------------------

    def _seal(self, event: Sealed, out: list[Event]) -> None:
        """A proof is no text. One of a text that was changed proves nothing any more, and its provider would refuse
        it."""
        line = self._line(event.choice)
        text = line.text
        self._close_text(line, out)
        spoilt = text is not None and text.changed and event.seal.kind in ("reasoning", "text")
        if not spoilt:
            out.append(event)

    def _cite(self, event: Cited, out: list[Event]) -> None:
        """A source, in the midst of its text."""
        line = self._line(event.choice)
        if line.channel != "text":
            self._close_text(line, out)
        moved = line.text is not None and line.text.changed
        out.append(Cited(event.choice, self._whole.citation(event.citation, out, moved=moved)))

    def _finished(self, event: ChoiceFinished, out: list[Event]) -> None:
        self._close(self._line(event.choice), out)
        sequence = event.stop_sequence
        if sequence and self._whole.text(sequence, out) != sequence:
            event = msgspec.structs.replace(event, stop_sequence=None)
        out.append(event)

    def _leftover(self, event: Leftover, out: list[Event]) -> None:
        if fields := self._whole.members(event):
            out.append(Leftover(event.place, event.choice, fields))

    def _pass(self, event: Event, out: list[Event]) -> None:
        """There is no text in it: names that the provider gives itself, numbers, marks."""
        out.append(event)

    def _end(self, event: Event, out: list[Event]) -> None:
        for line in self._lines.values():
            self._close(line, out)
        out.append(event)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _line(self, choice: int) -> _Line:
        return self._lines.setdefault(choice, _Line())

    def _close(self, line: _Line, out: list[Event]) -> None:
        self._close_text(line, out)
        for text in line.calls.values():
            self._finish(text, out)
        line.calls.clear()

    def _close_text(self, line: _Line, out: list[Event]) -> None:
        text, line.text, line.channel = line.text, None, None
        self._finish(text, out)

    def _finish(self, text: HeldText | None, out: list[Event]) -> None:
        if text is not None:
            text.finish(self._now)
            self._leave(text, out)

    def _leave(self, text: HeldText, out: list[Event]) -> None:
        """Let go of what may leave of this text.

        Raises:
            Blocked: nothing more of the answer may.
        """
        if (delta := text.delta) is not None:
            out.append(delta)
        if (rule := text.rejected) is not None:
            raise rejected(rule, out)
        if text.since != NEVER and self.due == NEVER:
            self.due = text.since + self._max_hold_s


_ROADS: Mapping[type, Callable[[Screen, Any, list[Event]], None]] = {
    Started: Screen._pass,
    TextDelta: Screen._say,
    ToolCallStarted: Screen._call,
    ToolCallDelta: Screen._argue,
    Sealed: Screen._seal,
    Cited: Screen._cite,
    ChoiceFinished: Screen._finished,
    Reported: Screen._pass,
    Leftover: Screen._leftover,
    Unrecognised: Screen._pass,
    Ended: Screen._end,
    Failed: Screen._end,
}
"""What is done with each kind of event; a kind that is not in here cannot pass."""
