"""An answer as a provider of Responses would stream it: typed events, numbered, items that may be open side by side."""

import json
from collections.abc import Sequence

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Event,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.usage import Usage

Json = dict[str, object]


def responses(events: Sequence[Event]) -> bytes:
    """Write the first choice; the API knows no other."""
    writer = _Writer()
    for event in events:
        if getattr(event, "choice", 0) == 0:
            writer.take(event)
    return writer.out


class _Writer:
    """A stream while it is written. Calls stay open until the end; a message and reasoning take turns."""

    def __init__(self) -> None:
        self.out = b""
        self._number = 0
        self._usage: Usage | None = None
        self._names: Json = {"id": "resp_1", "model": "model-x", "created_at": 1700000000}
        self._items: list[Json] = []
        """As they are so far; what is done never changes."""
        self._calls: dict[int, int] = {}
        self._open: int | None = None
        """The message or the reasoning that goes on."""
        self._send("response.created", response=self._response("in_progress"))
        self._send("response.in_progress", response=self._response("in_progress"))

    def take(self, event: Event) -> None:
        match event:
            case Started():
                pass  # this dialect says the names first
            case TextDelta(channel="reasoning"):
                self._think(event.text)
            case TextDelta():
                self._say(event.channel, event.text)
            case Cited(citation=found):
                self._cite(found)
            case Sealed(seal=seal) if seal.kind in ("reasoning", "redacted"):
                self._item("reasoning", fresh=seal.kind == "redacted")["encrypted_content"] = seal.data
                self._close()
            case ToolCallStarted():
                self._close()
                self._calls[event.index] = self._add(
                    {"type": "function_call", "call_id": event.id, "name": event.name, "arguments": ""}
                )
            case ToolCallDelta():
                at = self._calls[event.index]
                call = self._items[at]
                call["arguments"] = f"{call['arguments']}{event.arguments}"
                self._send("response.function_call_arguments.delta", **self._at(at), delta=event.arguments)
            case Reported():
                self._usage = event.usage
            case ChoiceFinished():
                self._finish(event)

    # -- items --------------------------------------------------------------------------------------------------------

    def _add(self, item: Json) -> int:
        index = len(self._items)
        item = {"id": f"{item['type']}_{index}", "status": "in_progress"} | item
        self._items.append(item)
        self._send("response.output_item.added", output_index=index, item=item)
        return index

    def _item(self, kind: str, *, fresh: bool = False) -> Json:
        """The open item of that kind, or a new one."""
        if self._open is not None and (fresh or self._items[self._open]["type"] != kind):
            self._close()
        if self._open is None:
            empty: Json = {"summary": [], "encrypted_content": None}
            self._open = self._add(
                {"type": kind} | (empty if kind == "reasoning" else {"role": "assistant", "content": []})
            )
        return self._items[self._open]

    def _parts(self, kind: str, member: str, part: Json) -> tuple[list[Json], int]:
        """The parts of the open item, its last one of the same type as `part`."""
        parts = self._item(kind)[member]
        assert isinstance(parts, list)
        if not parts or parts[-1]["type"] != part["type"]:
            if parts:
                self._part_done(parts[-1], len(parts) - 1)
            parts.append(part)
            added = "response.content_part.added" if kind == "message" else "response.reasoning_summary_part.added"
            self._send(added, **self._place(kind, len(parts) - 1), part=part)
        return parts, len(parts) - 1

    def _think(self, text: str) -> None:
        parts, index = self._parts("reasoning", "summary", {"type": "summary_text", "text": ""})
        parts[index]["text"] = f"{parts[index]['text']}{text}"
        self._send("response.reasoning_summary_text.delta", **self._place("reasoning", index), delta=text)

    def _say(self, channel: str, text: str) -> None:
        refusal = channel == "refusal"
        empty: Json = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        member = "refusal" if refusal else "text"
        parts, index = self._parts("message", "content", {"type": "refusal", "refusal": ""} if refusal else empty)
        parts[index][member] = f"{parts[index][member]}{text}"
        kind = "response.refusal.delta" if refusal else "response.output_text.delta"
        self._send(kind, **self._place("message", index), delta=text)

    def _cite(self, found: Citation) -> None:
        """Not a source without the text that has it."""
        if self._open is None or self._items[self._open]["type"] != "message":
            return
        parts = self._items[self._open]["content"]
        assert isinstance(parts, list)
        if not parts or parts[-1]["type"] != "output_text":
            return
        at = {"url": found.url, "title": found.title, "start_index": found.start, "end_index": found.end}
        note = {"type": "url_citation", **at}
        notes = parts[-1]["annotations"]
        place = self._place("message", len(parts) - 1)
        self._send("response.output_text.annotation.added", **place, annotation_index=len(notes), annotation=note)
        notes.append(note)

    def _part_done(self, part: Json, index: int) -> None:
        match part["type"]:
            case "summary_text":
                place = self._place("reasoning", index)
                self._send("response.reasoning_summary_text.done", **place, text=part["text"])
                self._send("response.reasoning_summary_part.done", **place, part=part)
            case "refusal":
                self._send("response.refusal.done", **self._place("message", index), refusal=part["refusal"])
                self._send("response.content_part.done", **self._place("message", index), part=part)
            case _:
                self._send("response.output_text.done", **self._place("message", index), text=part["text"])
                self._send("response.content_part.done", **self._place("message", index), part=part)

    def _close(self) -> None:
        if self._open is None:
            return
        item = self._items[self._open]
        parts = item["summary" if item["type"] == "reasoning" else "content"]
        assert isinstance(parts, list)
        if parts:
            self._part_done(parts[-1], len(parts) - 1)
        self._done(self._open, "completed")
        self._open = None

    def _done(self, index: int, status: str) -> None:
        self._items[index]["status"] = status
        self._send("response.output_item.done", output_index=index, item=self._items[index])

    # -- the response -------------------------------------------------------------------------------------------------

    def _finish(self, event: ChoiceFinished) -> None:
        self._close()
        cut = event.reason in _INCOMPLETE
        for at in self._calls.values():
            arguments = str(self._items[at]["arguments"])
            if cut and not _whole(arguments):
                self._done(at, "incomplete")
                continue
            self._send("response.function_call_arguments.done", **self._at(at), arguments=arguments)
            self._done(at, "completed")
        kind = "incomplete" if cut else "completed"
        body = self._response(kind) | {"usage": _usage(self._usage)}
        if cut:
            body["incomplete_details"] = {"reason": _INCOMPLETE[event.reason]}
        self._send(f"response.{kind}", response=body)

    def _response(self, status: str) -> Json:
        return {"object": "response", "status": status, "output": self._items, "usage": None} | self._names

    def _at(self, index: int) -> Json:
        return {"item_id": self._items[index]["id"], "output_index": index}

    def _place(self, kind: str, part: int) -> Json:
        assert self._open is not None
        return self._at(self._open) | {"summary_index" if kind == "reasoning" else "content_index": part}

    def _send(self, kind: str, **members: object) -> None:
        row = {"type": kind, "sequence_number": self._number} | members
        self._number += 1
        self.out += f"event: {kind}\ndata: {json.dumps(row, ensure_ascii=False)}\n\n".encode()


_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def _whole(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def _usage(usage: Usage | None) -> Json | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
