"""Output items to events, in pieces as a stream brings them, or whole: each text, call and proof is told once.

A stream says everything several times: in deltas, in the `.done` of a part, in the `.done` of the item and once more in
the whole response. What was told by a delta is not told again; what never came as a delta is told from the first place
that has it.
"""

import msgspec

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Event,
    Sealed,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Seal
from sluice.dialects.openai_responses import logprobs
from sluice.dialects.openai_responses.schema import (
    FINISH_READ,
    ITEMS,
    MODULE_ID,
    Annotation,
    ContentPart,
    OutputItem,
    WireResponse,
    read_annotation,
    read_part,
)
from sluice.dialects.openai_responses.tool_names import join_name
from sluice.dialects.reading import ABSENT

_CLIENT_CALLS = frozenset(["computer_call", "local_shell_call", "shell_call", "apply_patch_call"])
"""Calls that wait for the client, but of tools that no other API has."""


class _Call:
    """A call that was started. A custom tool's input is free text: in the vocabulary it is a JSON object with the one
    member `input`."""

    __slots__ = ("closed", "custom", "index", "told")

    def __init__(self, index: int, *, custom: bool) -> None:
        self.index, self.custom = index, custom
        self.told = False
        self.closed = False


class OutputReader:
    """The items of one response. Each method appends the events of what it is given, perhaps none."""

    __slots__ = ("_annotations", "_calls", "_keep", "_known", "_reasoning", "_told", "called", "refused", "seen")

    def __init__(self, *, keep: bool = False) -> None:
        """`keep`: items of kinds that have no events are kept whole."""
        self._keep = keep
        self._calls: dict[int, _Call] = {}
        self._known: set[int] = set()
        """Items of kinds that have no events, by their index: named once."""
        self._told: set[tuple[int, str, int]] = set()
        """Which parts were told by a delta: item, kind, index."""
        self._annotations: dict[tuple[int, int], int] = {}
        self._reasoning: tuple[int, str, int] | None = None
        """The part of reasoning that is open: the next one is set off by a blank line."""
        self.called = False
        self.refused = False
        self.seen = False
        """An item was seen: the whole response at the end has nothing new then."""

    # -- in pieces ----------------------------------------------------------------------------------------------------

    def added(self, index: int, item: OutputItem, out: list[Event]) -> None:
        self.seen = True
        if item.type in ("function_call", "custom_tool_call"):
            self._open_call(index, item, out)
        elif item.type == "message":
            self._reasoning = None
        elif item.type != "reasoning" and index not in self._known:
            self._known.add(index)
            self.called |= item.type in _CLIENT_CALLS
            if not self._keep:
                out.append(Unrecognised(f"item:{item.type}"))

    def text(self, index: int, part: int, text: str, raw_logprobs: msgspec.Raw, out: list[Event]) -> None:
        if text:
            self.seen = True
            self._told.add((index, "output_text", part))
            out.append(TextDelta(0, "text", text, logprobs.read(raw_logprobs)))

    def refusal(self, index: int, part: int, text: str, out: list[Event]) -> None:
        self.seen = self.refused = True
        if text:
            self._told.add((index, "refusal", part))
            out.append(TextDelta(0, "refusal", text))

    def reasoning(self, index: int, kind: str, part: int, text: str, out: list[Event]) -> None:
        """`kind` is `summary_text` or `reasoning_text`."""
        if text:
            self.seen = True
            place = (index, kind, part)
            blank = self._reasoning is not None and self._reasoning != place
            self._reasoning = place
            self._told.add(place)
            out.append(TextDelta(0, "reasoning", f"\n\n{text}" if blank else text))

    def arguments(self, index: int, text: str, unnamed: OutputItem, out: list[Event]) -> None:
        """`unnamed` is the call if it was never added."""
        call = self._calls.get(index) or self._open_call(index, unnamed, out)
        if text:
            if call.custom:
                text = ("" if call.told else '{"input":"') + _escaped(text)
            call.told = True
            out.append(ToolCallDelta(0, call.index, text))

    def cited(self, index: int, part: int, annotation: Annotation, out: list[Event]) -> None:
        self._annotations[index, part] = self._annotations.get((index, part), 0) + 1
        citation = _citation(annotation)
        out.append(Unrecognised(f"annotation:{annotation.type}") if citation is None else Cited(0, citation))

    # -- whole --------------------------------------------------------------------------------------------------------

    def part(self, index: int, number: int, part: ContentPart, out: list[Event]) -> None:
        """A finished part of a message or of reasoning."""
        if (index, part.type, number) not in self._told:
            if part.type == "output_text":
                self.text(index, number, part.text or "", part.logprobs, out)
            elif part.type == "refusal":
                self.refusal(index, number, part.refusal or "", out)
            elif part.type in ("summary_text", "reasoning_text"):
                self.reasoning(index, part.type, number, part.text or "", out)
            else:
                self._told.add((index, part.type, number))
                out.append(Unrecognised(f"part:{part.type}"))
        for annotation in (part.annotations or ())[self._annotations.get((index, number), 0) :]:
            self.cited(index, number, read_annotation(annotation), out)

    def whole_arguments(self, index: int, text: str | None, out: list[Event]) -> None:
        """The finished arguments of a call, or input of a custom tool."""
        call = self._calls.get(index)
        if call is None:
            return
        if not call.told and text:
            self.arguments(index, text, OutputItem(), out)
        if call.custom and not call.closed:
            call.closed = True
            out.append(ToolCallDelta(0, call.index, '"}' if call.told else '{"input":""}'))
            call.told = True

    def done(self, index: int, item: OutputItem, out: list[Event], raw: msgspec.Raw = ABSENT) -> None:
        """A finished item, and its JSON."""
        if item.type == "reasoning":
            self.seen = True
            self._reasoning_done(index, item, out)
        elif item.type == "message":
            self.added(index, item, out)
            for number, part in enumerate(item.content or ()):
                self.part(index, number, read_part(part), out)
        else:
            if index not in self._calls:
                self.added(index, item, out)
            if self._keep and item.type not in ITEMS and raw is not ABSENT:
                self._reasoning = None
                out.append(Unrecognised(f"item:{item.type}", 0, raw.copy()))
            self._call_done(index, item, out)

    def _reasoning_done(self, index: int, item: OutputItem, out: list[Event]) -> None:
        for number, part in enumerate(item.summary or ()):
            self.part(index, number, read_part(part), out)
        if not item.summary:
            for number, part in enumerate(item.content or ()):
                self.part(index, number, read_part(part), out)
        if item.encrypted_content:
            self._reasoning = None
            out.append(Sealed(0, Seal(MODULE_ID, "reasoning", item.encrypted_content, item.id or "")))

    def _call_done(self, index: int, item: OutputItem, out: list[Event]) -> None:
        call = self._calls.get(index)
        if call is None:
            return
        self.whole_arguments(index, item.input if call.custom else item.arguments, out)
        if not call.told and item.status != "incomplete":
            call.told = True
            out.append(ToolCallDelta(0, call.index, "{}"))  # a call without arguments is a call with none

    def _open_call(self, index: int, item: OutputItem, out: list[Event]) -> _Call:
        call = self._calls.get(index)
        if call is None:
            self.seen = self.called = True
            self._reasoning = None
            call = self._calls[index] = _Call(len(self._calls), custom=item.type == "custom_tool_call")
            name = join_name(item.namespace or "", item.name or "")
            out.append(ToolCallStarted(0, call.index, item.call_id or item.id or "", name))
        return call

    # -- the end ------------------------------------------------------------------------------------------------------

    def finished(self, response: WireResponse, *, complete: bool, out: list[Event]) -> None:
        for index in self._calls:
            self.whole_arguments(index, None, out)
        if complete:
            reason = "tool_calls" if self.called else "refusal" if self.refused else FINISH_READ["completed"]
            out.append(ChoiceFinished(0, reason, response.status or ""))
            return
        native = response.incomplete_details.reason if response.incomplete_details else None
        reason = FINISH_READ.get(native or "", "length")
        # Whatever cut the answer: `stop` would say that it is whole.
        out.append(ChoiceFinished(0, "length" if reason == "stop" else reason, native or "incomplete"))


def _escaped(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _citation(annotation: Annotation) -> Citation | None:
    title = annotation.title or annotation.filename or ""
    start, end = _at(annotation.start_index), _at(annotation.end_index)
    if annotation.type == "url_citation":
        return Citation(url=annotation.url or "", title=title, start=start, end=end)
    if annotation.type in ("file_citation", "container_file_citation"):
        return Citation(title=title, start=start, end=end)
    return None


def _at(position: int | None) -> int:
    return -1 if position is None else position
