"""Events to the chunks of a chat completion stream.

A machine that cannot write an illegal order: the role once per choice and first, lower choices opened before higher
ones (the official client files a choice by its place in the list), a call's id and name once and its index dense, one
finish reason per choice, the usage in one last chunk with `choices: []` and only if asked for, `[DONE]` only for
`Ended`, nothing after it or after a failure.
"""

import msgspec

from sluice.chat.events import (
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
)
from sluice.chat.request import ChatRequest
from sluice.chat.usage import Usage
from sluice.dialects.openai_chat import citations, errors
from sluice.dialects.openai_chat.calls import form_of
from sluice.dialects.openai_chat.reasoning import Trail
from sluice.dialects.openai_chat.schema import CUT, UNREADABLE, finish_word, write_usage
from sluice.dialects.writing import to_json
from sluice.wire import sse

_MEMBER_OF_CHANNEL = {"text": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
_MOST_CHOICES = 128
"""What `n` may be at OpenAI: no more choices are opened for the sake of a higher one."""
_encode = msgspec.json.Encoder().encode


class _Call:
    """A tool call that the client was told of."""

    __slots__ = ("empty", "name", "position")

    def __init__(self, position: int, name: str) -> None:
        self.position, self.name, self.empty = position, name, True


class _Line:
    """One choice."""

    __slots__ = (
        "calls",
        "channel",
        "cited",
        "extra",
        "pieces",
        "prefix",
        "refused",
        "spoke",
        "suffix",
        "told",
        "trail",
    )

    def __init__(self) -> None:
        self.told = False
        """The client knows of this choice: it was sent the role."""
        self.spoke = self.refused = False
        """It was sent something that stands for the content, and a refusal."""
        self.channel = ""
        """The channel that `prefix`, `suffix` and `pieces` are for; empty = they are stale."""
        self.prefix = self.suffix = b""
        self.pieces: list[str] | None = None
        """Where text goes that a seal may follow."""
        self.trail = Trail()
        self.calls: dict[int, _Call] = {}
        self.cited = 0
        self.extra: dict[str, msgspec.Raw] = {}
        """Leftovers for the next chunk."""


class ChatStreamEncoder:
    """One stream to one client. See `StreamEncoder`."""

    __slots__ = ("_around", "_choices", "_extra", "_form", "_head", "_lines", "_over", "_show_usage", "_usage")

    def __init__(self, request: ChatRequest) -> None:
        self._show_usage = request.wants_usage
        self._choices = min(request.choices, _MOST_CHOICES)
        self._form = form_of(request)
        self._head: dict[str, object] = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._extra: dict[str, msgspec.Raw] = {}
        self._lines: dict[int, _Line] = {}
        self._around: dict[tuple[int, str | int], tuple[bytes, bytes]] = {}
        """The constant bytes before and after a text, by choice and channel or call."""
        self._usage: Usage | None = None
        self._over = False

    def encode(self, event: Event) -> bytes:
        # The hot path: a text that goes where the one before it went. Everything but its JSON is known by then.
        if type(event) is TextDelta and event.logprobs is None:
            line = self._lines.get(event.choice)
            if line is not None and line.channel == event.channel:
                if line.pieces is not None:
                    line.pieces.append(event.text)
                try:
                    return line.prefix + _encode(event.text) + line.suffix
                except UnicodeEncodeError:
                    return line.prefix + to_json(event.text) + line.suffix
        return b"" if self._over else self._other(event)

    def _other(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                return self._text(event, self._line(event.choice))
            case ToolCallDelta():
                return self._arguments(event, self._line(event.choice))
            case ToolCallStarted() | Sealed() | Cited() | ChoiceFinished():
                line = self._line(event.choice)
                line.channel = ""
                return self._step(event, line)
            case Started():
                said = {"id": event.id, "created": event.created, "model": event.model}
                self._head |= {name: value for name, value in said.items() if value}
                self._forget()
            case Reported():
                self._usage = event.usage
            case Leftover():
                return self._leftover(event)
            case Ended():
                return self._end()
            case Failed():
                self._over = True
                self._forget()
                return errors.write_event(event.error)
        return b""

    def _step(self, event: ToolCallStarted | Sealed | Cited | ChoiceFinished, line: _Line) -> bytes:
        match event:
            case ToolCallStarted():
                return self._open_call(event, line)
            case Sealed():
                line.trail.seal(event.seal)
                return b""
            case Cited():
                return self._cite(event, line)
            case ChoiceFinished():
                return self._finish(event, line)

    # -- deltas -------------------------------------------------------------------------------------------------------

    def _text(self, event: TextDelta, line: _Line) -> bytes:
        line.pieces = None
        if event.channel == "reasoning":
            line.pieces = line.trail.open()
            line.pieces.append(event.text)
        else:
            line.trail.close()
            line.spoke |= event.channel == "text" or bool(event.text)
            line.refused |= event.channel == "refusal" and bool(event.text)
        member = _MEMBER_OF_CHANNEL[event.channel]
        if event.logprobs is not None:
            line.channel = ""
            return self._chunk(event.choice, line, {member: event.text}, logprobs=event.logprobs)
        frame = None if line.told and not line.extra else self._chunk(event.choice, line, {member: event.text})
        line.prefix, line.suffix = self._bytes_around(event.choice, event.channel, {member: ""})
        line.channel = event.channel if event.text else ""  # whether it says anything is asked here alone
        return frame if frame is not None else line.prefix + to_json(event.text) + line.suffix

    def _open_call(self, event: ToolCallStarted, line: _Line) -> bytes:
        position = len(line.calls)
        line.spoke = True
        line.calls[event.index] = _Call(position, event.name)
        delta = self._form.start(position, line.trail.join(event.id), event.name)
        return b"" if delta is None else self._chunk(event.choice, line, delta)

    def _arguments(self, event: ToolCallDelta, line: _Line) -> bytes:
        opened, call = b"", line.calls.get(event.index)
        if call is None:
            line.channel = ""
            opened = self._open_call(ToolCallStarted(event.choice, event.index, "", ""), line)
            call = line.calls[event.index]
        if not event.arguments:
            return opened
        call.empty = False
        return opened + self._more(event.choice, line, call, event.arguments)

    def _more(self, choice: int, line: _Line, call: _Call, arguments: str) -> bytes:
        if line.extra or not line.told:
            delta = self._form.more(call.position, call.name, arguments)
            return b"" if delta is None else self._chunk(choice, line, delta)
        around = self._around.get((choice, call.position))
        if around is None:
            empty = self._form.more(call.position, call.name, "")
            if empty is None:
                return b""
            around = self._bytes_around(choice, call.position, empty)
        return around[0] + to_json(arguments) + around[1]

    def _cite(self, event: Cited, line: _Line) -> bytes:
        line.trail.close()
        annotation = citations.write(event.citation)
        if annotation is None:
            return b""
        line.cited += 1
        return self._chunk(event.choice, line, {"annotations": [{"index": line.cited - 1, **annotation}]})

    def _finish(self, event: ChoiceFinished, line: _Line) -> bytes:
        frames = b""
        for call in line.calls.values():
            # What was cut off stays as it is (dialects.md, decision 8).
            if call.empty and event.reason not in CUT and (nothing := self._form.no_arguments(call.name)):
                frames += self._more(event.choice, line, call, nothing)
        word = self._form.finish(finish_word(event.reason, refused=line.refused))
        return frames + self._chunk(event.choice, line, {} if line.spoke else {"content": ""}, finish=word)

    # -- chunks -------------------------------------------------------------------------------------------------------

    def _line(self, choice: int) -> _Line:
        line = self._lines.get(choice)
        if line is None:
            line = self._lines[choice] = _Line()
        return line

    def _forget(self) -> None:
        """What every chunk says has changed, or nothing may be said any more: no prepared bytes are good."""
        self._around.clear()
        for line in self._lines.values():
            line.channel = ""

    def _bytes_around(self, choice: int, key: str | int, empty: dict[str, object]) -> tuple[bytes, bytes]:
        """Return what stands before and after the text of a chunk, whose delta `empty` has an empty one."""
        around = self._around.get((choice, key))
        if around is None:
            row = {"index": choice, "delta": empty, "logprobs": None, "finish_reason": None}
            # No line end is in it (see `_leftover`): this is one `data` line, and its last empty text is ours.
            frame = b"data: " + to_json(self._head | self._extra | {"choices": [row]}) + b"\n\n"
            before, _, after = frame.rpartition(b'""')
            around = self._around[choice, key] = before, after
        return around

    def _chunk(
        self,
        choice: int,
        line: _Line,
        delta: dict[str, object],
        *,
        finish: str | None = None,
        logprobs: msgspec.Raw | None = None,
    ) -> bytes:
        lower = b""
        if not line.told:
            lower = self._tell_lower(choice)
            line.told = True
            delta = {"role": "assistant", **({"content": None} if delta else {}), **delta}
        extra, line.extra = line.extra, {}
        row = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish} | extra
        return lower + sse.encode(to_json(self._head | self._extra | {"choices": [row]}))

    def _tell_lower(self, choice: int) -> bytes:
        """Open the choices below this one, as far as the client asked for them."""
        frames = b""
        for index in range(choice if choice < self._choices else 0):
            line = self._line(index)
            if not line.told:
                line.told = True
                row = {"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
                frames += sse.encode(to_json(self._head | self._extra | {"choices": [row | {"logprobs": None}]}))
        return frames

    def _leftover(self, event: Leftover) -> bytes:
        fields = {name: _on_one_line(raw) for name, raw in event.fields.items()}
        if event.place == "":
            self._extra |= fields
            self._forget()
            return b""
        line = self._line(event.choice)
        line.channel = ""
        if event.place == "choice":
            line.extra |= fields
            return b""
        return self._chunk(event.choice, line, dict(fields))

    def _end(self) -> bytes:
        last = b""
        if self._show_usage and self._usage is not None:
            last = sse.encode(to_json(self._head | self._extra | {"choices": [], "usage": write_usage(self._usage)}))
        self._over = True
        self._forget()
        return last + sse.encode(b"[DONE]")


def _on_one_line(raw: msgspec.Raw) -> msgspec.Raw:
    """Return the JSON without line ends: an event would have to repeat `data:` on each."""
    try:
        return msgspec.Raw(msgspec.json.format(raw, indent=-1)) if b"\n" in bytes(raw) or b"\r" in bytes(raw) else raw
    except UNREADABLE:
        return msgspec.Raw(b"null")
