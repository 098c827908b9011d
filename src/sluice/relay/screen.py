"""What the text rules let through of an answer: its events in, those that a client may see out.

Each text is looked at by itself, and is what a client reads in one: all text of a choice, all of a refusal, all of the
reasoning (in a dialect of ordered parts: of one part of it), the arguments of a call; and what comes in one piece.
Nothing that stands between its pieces ends it. What is held of one text holds up no other choice; of its own choice
what comes behind waits where parts have an order (`line.py`), and elsewhere nothing but a proof of reasoning.

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
from sluice.dialects.dialect import Shape
from sluice.policies.guard_text import TextGuards
from sluice.relay.clocks import NEVER
from sluice.relay.guarding import rejected
from sluice.relay.held_text import HeldText
from sluice.relay.line import MAX_WAITING, Line, Proof
from sluice.relay.members import Growing
from sluice.relay.tally import Tally
from sluice.relay.whole_texts import WholeTexts


class Screen:
    """One answer."""

    __slots__ = ("_guards", "_lines", "_max_hold_s", "_now", "_shape", "_streams", "_tally", "_whole")

    def __init__(self, guards: TextGuards, tally: Tally, shape: Shape, *, streams: bool = True) -> None:
        """`shape`: of the client's dialect. Not `streams`: the events are those of a whole answer."""
        self._guards = guards
        self._tally = tally
        self._shape = shape
        self._max_hold_s = NEVER if guards.buffers else guards.max_hold_s or NEVER
        self._streams = streams
        self._lines: dict[int, Line] = {}
        self._whole = WholeTexts(guards, tally)
        self._now = 0.0

    def take(self, events: Sequence[Event], now: float) -> Sequence[Event]:
        """Return what may be seen of these events and of what was held before them.

        Raises:
            Blocked: the answer ends here. What was held is never seen.
        """
        self._now = now
        out: list[Event] = []
        for event in events:
            # The hot path: more of the text that was fed last.
            if type(event) is TextDelta and event.text and (line := self._lines.get(event.choice)) is not None:
                text = line.text
                if text is not None and text.channel == event.channel and not line.queue:
                    if text.passes(event.text, now):
                        out.append(event)
                    elif text.said:
                        out.append(TextDelta(event.choice, event.channel, text.said))
                    if (rule := text.rejected) is not None:
                        raise rejected(rule, out)
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

    # -- texts that come in pieces ------------------------------------------------------------------------------------

    def _say(self, event: TextDelta, out: list[Event]) -> None:
        """The first of a text, or what follows something else. An empty one opens a channel for the client and nothing
        here; behind what is held it would only tear texts apart."""
        line, channel = self._line(event.choice), event.channel
        ordered = self._shape.ordered
        if not event.text:
            if not (ordered and line.waits(self._now)):
                out.append(TextDelta(event.choice, channel, ""))
            return
        if channel != "reasoning":
            self._end_reasoning(line, out)
        elif line.apart:
            line.apart = False
            event = TextDelta(event.choice, channel, f"\n\n{event.text}")
        text = self._text(line, channel)
        waits = bool(line.queue) if channel == "reasoning" else ordered and bool(line.queue)
        if ordered and not waits and (line.text is not text or text.channel != channel):
            waits = line.waits(self._now)
        text.channel, line.text = channel, text
        if waits:
            line.say(text, len(event.text), self._now)
        if not text.passes(event.text, self._now):
            self._leave(line, text, text.said, out)
        elif waits:
            self._leave(line, text, event.text, out)
        else:
            out.append(event)

    def _begin(self) -> HeldText:
        return HeldText(self._guards.channel(), self._tally, self._max_hold_s)

    def _text(self, line: Line, channel: Channel) -> HeldText:
        key: Channel = "text" if channel == "refusal" and self._shape.refusals_are_text else channel
        text = line.texts.get(key)
        if text is None:
            text = line.texts[key] = HeldText(self._guards.channel(), self._tally, self._max_hold_s, channel)
        return text

    def _argue(self, event: ToolCallDelta, out: list[Event]) -> None:
        line = self._line(event.choice)
        text = line.calls.get(event.index)
        if text is None:
            self._end_reasoning(line, out)
            text = line.calls[event.index] = self._arguments()
        if not event.arguments or text.passes(event.arguments, self._now):
            self._put(line, event, out, len(event.arguments))
        else:
            self._leave_call(line, event.index, text, out)

    def _call(self, event: ToolCallStarted, out: list[Event]) -> None:
        line = self._line(event.choice)
        self._end_reasoning(line, out)
        if (again := line.calls.pop(event.index, None)) is not None:
            again.finish(self._now)
            self._leave_call(line, event.index, again, out)
        line.calls[event.index] = self._arguments()
        name = self._whole.text(event.name, out)
        self._put(line, event if name == event.name else msgspec.structs.replace(event, name=name), out, len(name))

    def _arguments(self) -> HeldText:
        return HeldText(self._guards.json_channel(), self._tally, self._max_hold_s)

    # -- what stands beside them --------------------------------------------------------------------------------------

    def _seal(self, event: Sealed, out: list[Event]) -> None:
        """A proof is no text. That of reasoning has to come behind all of it."""
        line = self._line(event.choice)
        if self._shape.ordered or line.queue or event.seal.kind == "reasoning":
            line.prove(event, out, self._now)
        elif not Proof(event, line.texts.values()).spoilt:
            out.append(event)

    def _cite(self, event: Cited, out: list[Event]) -> None:
        """A source, in the midst of its text."""
        line = self._line(event.choice)
        self._end_reasoning(line, out)
        text = line.texts.get("text")
        cited = self._whole.citation(event.citation, out, moved=text is not None and text.changed)
        self._put(line, Cited(event.choice, cited), out)

    def _finished(self, event: ChoiceFinished, out: list[Event]) -> None:
        self._close(self._line(event.choice), out)
        sequence = event.stop_sequence
        if sequence and self._whole.text(sequence, out) != sequence:
            event = msgspec.structs.replace(event, stop_sequence=None)
        out.append(event)

    def _leftover(self, event: Leftover, out: list[Event]) -> None:
        """Members that only the provider's dialect knows."""
        if event.place and self._streams:
            fields = self._grown(event, out)
        else:
            fields = (self._whole.repeated if self._streams else self._whole.members)(event.fields, out)
        if fields:
            out.append(Leftover(event.place, event.choice, fields))

    def _grown(self, event: Leftover, out: list[Event]) -> dict[str, msgspec.Raw]:
        line = self._line(event.choice)
        if line.members is None:
            line.members = Growing(self._begin, self._whole.text)
        return line.members.take(event, self._now, out)

    def _unrecognised(self, event: Unrecognised, out: list[Event]) -> None:
        """A part that only the provider's dialect knows, or the name of what is left out."""
        if event.part is None:
            out.append(event)
            return
        line = self._line(event.choice)
        self._end_reasoning(line, out)
        part = self._whole.json(event.part, out)
        self._put(line, msgspec.structs.replace(event, part=part), out, 0 if part is None else len(part))

    def _pass(self, event: Event, out: list[Event]) -> None:
        """There is no text in it: names that the provider gives itself, numbers, marks."""
        out.append(event)

    def _end(self, event: Event, out: list[Event]) -> None:
        for line in self._lines.values():
            self._close(line, out)
        out.append(event)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _line(self, choice: int) -> Line:
        line = self._lines.get(choice)
        if line is None:
            ordered, patient = self._shape.ordered, not self._streams
            wait_s = NEVER if patient else self._max_hold_s
            line = Line(choice, ordered=ordered, max_wait_s=wait_s, max_waiting=NEVER if patient else MAX_WAITING)
            self._lines[choice] = line
        return line

    def _put(self, line: Line, event: Event, out: list[Event], size: int = 0) -> None:
        """Let an event pass that holds no text that is open: in its place, if places count."""
        if self._shape.ordered:
            line.put(event, out, self._now, size)
        else:
            out.append(event)

    def _end_reasoning(self, line: Line, out: list[Event]) -> None:
        """Something else begins: that ends a part of reasoning where there are parts, and elsewhere what waits for its
        proof to leave with it."""
        if self._shape.ordered or line.queue:
            line.apart = not self._shape.ordered
            self._finish(line, "reasoning", out)

    def _close(self, line: Line, out: list[Event]) -> None:
        for channel in list(line.texts):
            self._finish(line, channel, out)
        for index, text in line.calls.items():
            text.finish(self._now)
            self._leave_call(line, index, text, out)
        line.calls.clear()
        if line.members is not None:
            line.members.finish(line.choice, self._now, out)

    def _finish(self, line: Line, key: Channel, out: list[Event]) -> None:
        if (text := line.texts.get(key)) is None:
            return
        text.finish(self._now)
        self._leave(line, text, text.said, out)
        del line.texts[key]
        if line.text is text:
            line.text = None

    def _leave(self, line: Line, text: HeldText, said: str, out: list[Event]) -> None:
        """Let go of what may leave of a text.

        Raises:
            Blocked: nothing more of the answer may.
        """
        line.leave(text, said, out)
        if (rule := text.rejected) is not None:
            raise rejected(rule, out)

    def _leave_call(self, line: Line, index: int, text: HeldText, out: list[Event]) -> None:
        if text.said:
            self._put(line, ToolCallDelta(line.choice, index, text.said), out, len(text.said))
        if (rule := text.rejected) is not None:
            raise rejected(rule, out)


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
    Unrecognised: Screen._unrecognised,
    Ended: Screen._end,
    Failed: Screen._end,
}
"""What is done with each kind of event; a kind that is not in here cannot pass."""
