"""Output items, written in order: added, filled, done, one at a time.

An item that is not the first of those still open collects what it is told; as soon as the one before it is done it is
written with all of that in one delta.
"""

from typing import Protocol

import msgspec

from sluice.chat.content import Citation
from sluice.chat.seal import Seal, wrap
from sluice.dialects.openai_responses import logprobs
from sluice.dialects.openai_responses.response import event
from sluice.dialects.openai_responses.schema import MODULE_ID
from sluice.dialects.openai_responses.strings import item_id
from sluice.dialects.writing import to_json, whole

_encode = msgspec.json.Encoder().encode
Members = dict[str, object]


class Output:
    """What was written of one response: the finished items, and the number of the next event."""

    __slots__ = ("items", "response", "sequence")

    def __init__(self) -> None:
        self.items: list[Members] = []
        self.sequence = 0
        self.response = ""
        """The response's id."""

    def event(self, kind: str, members: Members) -> bytes:
        self.sequence += 1
        return event(kind, self.sequence - 1, members)


class Item(Protocol):
    """One output item."""

    channel: str
    opened: bool

    @property
    def visible(self) -> bool:
        """There is something to write: an item without is none."""
        ...

    @property
    def whole(self) -> bool:
        """It may be done as soon as another item has begun."""
        ...

    @property
    def sealed(self) -> bool:
        """Nothing more can come."""
        ...

    def open(self, output: Output) -> bytes: ...

    def close(self, output: Output, *, incomplete: bool) -> bytes: ...


class OpenItem:
    """What all items have: their place, and the writing of deltas. The place is known when they are opened."""

    prefix = ""

    __slots__ = ("_delta", "_id", "_output", "_place", "closed", "opened")

    def __init__(self) -> None:
        self.opened = self.closed = False
        self._output: Output | None = None
        self._id = ""
        self._place: Members = {}
        self._delta = b""
        """How each delta begins."""

    def _enter(self, output: Output, delta: str, **place: int) -> None:
        """Take the next place of the output; `delta` is the name of this item's delta events."""
        self.opened, self._output = True, output
        index = len(output.items)
        self._id = item_id(self.prefix, output.response, index)
        self._place = {"item_id": self._id, "output_index": index, **place}
        head = _encode({"type": delta, **self._place})[:-1]
        self._delta = b'event: %b\ndata: %b,"delta":' % (delta.encode(), head)

    def _more(self, text: str, tail: bytes = b"") -> bytes:
        """One delta. The common event: written without building an object."""
        assert self._output is not None
        sequence = self._output.sequence
        self._output.sequence = sequence + 1
        return b'%b%b%b,"sequence_number":%d}\n\n' % (self._delta, _encode(text), tail, sequence)

    def _added(self, item: Members) -> bytes:
        assert self._output is not None
        return self._output.event("response.output_item.added", {"output_index": len(self._output.items), "item": item})

    def _done(self, item: Members) -> bytes:
        assert self._output is not None
        index, self.closed = len(self._output.items), True
        self._output.items.append(item)
        return self._output.event("response.output_item.done", {"output_index": index, "item": item})


class TextItem(OpenItem):
    """A message with one part: a text or a refusal."""

    prefix = "msg"
    whole = True
    sealed = False

    __slots__ = ("_annotations", "_forced", "_pieces", "_rows", "channel")

    def __init__(self, channel: str, *, forced: bool = False) -> None:
        super().__init__()
        self.channel, self._forced = channel, forced
        self._pieces: list[str] = []
        self._rows: list[logprobs.TokenRow] = []
        self._annotations: list[Members] = []

    @property
    def visible(self) -> bool:
        return self._forced or any(self._pieces) or bool(self._annotations)

    def add(self, text: str, rows: list[logprobs.TokenRow]) -> bytes:
        self._pieces.append(text)
        self._rows += rows
        return self._delta_of(text, rows) if self.opened and text else b""

    def cite(self, citation: Citation) -> bytes:
        self._annotations.append(_annotation(citation))
        return self._annotated(len(self._annotations) - 1) if self.opened else b""

    def open(self, output: Output) -> bytes:
        self._enter(output, f"response.{self._kind}.delta", content_index=0)
        out = self._added(self._item([], "in_progress"))
        out += output.event("response.content_part.added", {**self._place, "part": self._part("", [], [])})
        if text := "".join(self._pieces):
            out += self._delta_of(text, self._rows)
        return out + b"".join(map(self._annotated, range(len(self._annotations))))

    def close(self, output: Output, *, incomplete: bool) -> bytes:
        text = _once(self._pieces)
        part = self._part(text, self._annotations, logprobs.in_part(self._rows))
        said: Members = {"refusal": text}
        if self.channel == "text":
            said = {"text": text, "logprobs": logprobs.in_delta(self._rows)}
        out = output.event(f"response.{self._kind}.done", {**self._place, **said})
        out += output.event("response.content_part.done", {**self._place, "part": part})
        return out + self._done(self._item([part], "incomplete" if incomplete else "completed"))

    @property
    def _kind(self) -> str:
        return "output_text" if self.channel == "text" else "refusal"

    def _delta_of(self, text: str, rows: list[logprobs.TokenRow]) -> bytes:
        if self.channel != "text":
            return self._more(text)
        return self._more(text, b',"logprobs":%b' % _encode(logprobs.in_delta(rows)) if rows else b',"logprobs":[]')

    def _annotated(self, index: int) -> bytes:
        assert self._output is not None
        members = {**self._place, "annotation_index": index, "annotation": self._annotations[index]}
        return self._output.event("response.output_text.annotation.added", members)

    def _part(self, text: str | msgspec.Raw, annotations: list[Members], rows: list[Members]) -> Members:
        if self.channel != "text":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "annotations": annotations, "logprobs": rows, "text": text}

    def _item(self, content: list[Members], status: str) -> Members:
        return {"id": self._id, "type": "message", "status": status, "content": content, "role": "assistant"}


class ReasoningItem(OpenItem):
    """Reasoning: one part of summary if it shows any text, and the proof if there is one."""

    prefix = "rs"
    channel = "reasoning"
    whole = True

    __slots__ = ("_pieces", "_seal")

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._seal: Seal | None = None

    @property
    def visible(self) -> bool:
        return self._seal is not None or any(self._pieces)

    @property
    def sealed(self) -> bool:
        return self._seal is not None

    def add(self, text: str) -> bytes:
        self._pieces.append(text)
        return self._more(text) if self.opened and text else b""

    def seal(self, seal: Seal) -> None:
        self._seal = seal

    def open(self, output: Output) -> bytes:
        self._enter(output, "response.reasoning_summary_text.delta", summary_index=0)
        out = self._added({"id": self._id, "type": "reasoning", "summary": []})
        if text := "".join(self._pieces):
            part = {"type": "summary_text", "text": ""}
            out += output.event("response.reasoning_summary_part.added", {**self._place, "part": part})
            out += self._more(text)
        return out

    def close(self, output: Output, *, incomplete: bool) -> bytes:
        out, text, any_text = b"", _once(self._pieces), any(self._pieces)
        part: Members = {"type": "summary_text", "text": text}
        if any_text:
            out += output.event("response.reasoning_summary_text.done", {**self._place, "text": text})
            out += output.event("response.reasoning_summary_part.done", {**self._place, "part": part})
        item: Members = {"id": self._id, "type": "reasoning", "summary": [part] if any_text else []}
        if self._seal is not None:
            item["encrypted_content"] = whole(wrap(self._seal, MODULE_ID))
        return out + self._done(item)


class OpaqueItem:
    """An item of a kind that no other dialect has: a tool that OpenAI runs and what it gave back, an image, a call of a
    client's computer. It is written whole."""

    channel = ""
    visible = whole = sealed = True

    __slots__ = ("_item", "opened")

    def __init__(self, raw: msgspec.Raw) -> None:
        self.opened = False
        self._item = msgspec.json.decode(raw, type=Members)

    def open(self, output: Output) -> bytes:
        self.opened = True
        return output.event("response.output_item.added", {"output_index": len(output.items), "item": self._item})

    def close(self, output: Output, *, incomplete: bool) -> bytes:
        output.items.append(self._item)
        index = len(output.items) - 1
        return output.event("response.output_item.done", {"output_index": index, "item": self._item})


def _once(pieces: list[str]) -> msgspec.Raw:
    """The API says a text four times when it is over. It is written once: of a megabyte that is ten milliseconds."""
    return msgspec.Raw(to_json("".join(pieces)))


def _annotation(citation: Citation) -> Members:
    """Positions that nobody said are 0: the API has no word for that."""
    start, end, title = max(citation.start, 0), max(citation.end, 0), whole(citation.title)
    if citation.url:
        url = whole(citation.url)
        return {"type": "url_citation", "start_index": start, "end_index": end, "title": title, "url": url}
    return {"type": "file_citation", "file_id": "", "filename": title, "index": max(citation.document, 0)}
