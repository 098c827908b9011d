"""The output items of a Responses stream: opened, filled and done, each at its own place in `output`.

A block of text is a message of one part, a block of reasoning a summary of one part, a tool call a `function_call`, its
result a `function_call_output`. Several may be open at a time. Source: platform.openai.com/docs/api-reference/
responses-streaming and the types of the official client, read 2026-11-21.
"""

from collections.abc import Callable
from typing import Any

import msgspec

Json = dict[str, Any]
Say = Callable[[str, Json], None]
"""Takes the type of an event and its members."""
_encode = msgspec.json.Encoder().encode


class _Item:
    """An item that is not done."""

    __slots__ = ("annotations", "body", "pieces", "place")

    def __init__(self, body: Json, place: Json) -> None:
        self.body = body
        self.place = place
        """`item_id` and `output_index`."""
        self.pieces: list[str] = []
        self.annotations: list[Json] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Items:
    """All items of one response. What is said goes to `say`, in the protocol's order."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._output: list[Json] = []
        self._texts: dict[str, _Item] = {}
        self._thoughts: dict[str, _Item] = {}
        self._calls: dict[str, _Item] = {}
        self._call_ids: dict[str, str] = {}
        """The tool's own id -> the one that this response calls it by."""
        self._taken: set[str] = set()
        self._sources: list[Json] = []
        """Named before the text that rests on them."""

    def output(self) -> list[Json]:
        """Return the items so far, those that are not done with what they have."""
        for item in self._texts.values():
            item.body["content"] = [_text(item.text, item.annotations)]
        for item in self._thoughts.values():
            item.body["summary"] = [_summary(item.text)]
        for item in self._calls.values():
            item.body["arguments"] = item.text
        return self._output

    def cut(self) -> None:
        """Say of the last message that it is not whole."""
        for body in reversed(self._output):
            if body["type"] == "message":
                body["status"] = "incomplete"
                return

    def _open(self, body: Json) -> _Item:
        item = _Item(body, {"item_id": body["id"], "output_index": len(self._output)})
        self._output.append(body)
        self._say("response.output_item.added", {"output_index": item.place["output_index"], "item": body})
        return item

    def _done(self, item: _Item, status: str = "completed") -> None:
        item.body["status"] = status
        self._say("response.output_item.done", {"output_index": item.place["output_index"], "item": item.body})

    # -- text ---------------------------------------------------------------------------------------------------------

    def open_text(self, block: str) -> None:
        body = {"id": f"msg_{block}", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self._texts[block] = item = self._open(body)
        self._say("response.content_part.added", {**item.place, "content_index": 0, "part": _text("", [])})
        for source in self._sources:
            self._annotate(item, source)
        self._sources.clear()

    def text(self, block: str, text: str) -> None:
        item = self._texts[block]
        item.pieces.append(text)
        self._say("response.output_text.delta", {**item.place, "content_index": 0, "delta": text, "logprobs": []})

    def close_text(self, block: str) -> None:
        item = self._texts.pop(block)
        part = _text(item.text, item.annotations)
        item.body["content"] = [part]
        place = {**item.place, "content_index": 0}
        self._say("response.output_text.done", {**place, "text": part["text"], "logprobs": []})
        self._say("response.content_part.done", {**place, "part": part})
        self._done(item)

    def source(self, url: str, title: str) -> None:
        """A page that the text rests on: an annotation of the text that is open, or else of the next."""
        source = {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": 0}
        if not self._texts:
            self._sources.append(source)
            return
        item = next(reversed(self._texts.values()))
        self._annotate(item, source | {"start_index": len(item.text), "end_index": len(item.text)})

    def _annotate(self, item: _Item, annotation: Json) -> None:
        place = {**item.place, "content_index": 0, "annotation_index": len(item.annotations)}
        item.annotations.append(annotation)
        self._say("response.output_text.annotation.added", {**place, "annotation": annotation})

    # -- reasoning ----------------------------------------------------------------------------------------------------

    def open_thought(self, block: str) -> None:
        self._thoughts[block] = item = self._open({"id": f"rs_{block}", "type": "reasoning", "summary": []})
        part = {"summary_index": 0, "part": _summary("")}
        self._say("response.reasoning_summary_part.added", {**item.place, **part})

    def thought(self, block: str, text: str) -> None:
        item = self._thoughts[block]
        item.pieces.append(text)
        self._say("response.reasoning_summary_text.delta", {**item.place, "summary_index": 0, "delta": text})

    def close_thought(self, block: str) -> None:
        item = self._thoughts.pop(block)
        item.body["summary"] = [_summary(item.text)]
        place = {**item.place, "summary_index": 0}
        self._say("response.reasoning_summary_text.done", {**place, "text": item.text})
        self._say("response.reasoning_summary_part.done", {**place, "part": _summary(item.text)})
        self._done(item)

    # -- tools --------------------------------------------------------------------------------------------------------

    def open_call(self, call: str, name: str) -> None:
        number, call_id = 2, call
        while call_id in self._taken:  # a model may call two calls the same; the official client takes them for one
            number, call_id = number + 1, f"{call}-{number}"
        self._taken.add(call_id)
        self._call_ids[call] = call_id
        body = {"id": f"fc_{call_id}", "type": "function_call", "status": "in_progress", "arguments": ""}
        self._calls[call] = self._open({**body, "call_id": call_id, "name": name})

    def call_input(self, call: str, piece: str) -> None:
        item = self._calls[call]
        item.pieces.append(piece)
        self._say("response.function_call_arguments.delta", {**item.place, "delta": piece})

    def close_call(self, call: str, value: Any) -> None:
        """The arguments are whole; those that came in pieces stay as they were written."""
        item = self._calls[call]
        if not item.pieces:
            self.call_input(call, _encode({} if value is None else value).decode())
        del self._calls[call]
        item.body["arguments"] = item.text
        done = {"arguments": item.text, "name": item.body["name"]}
        self._say("response.function_call_arguments.done", {**item.place, **done})
        self._done(item)

    def result(self, call: str, output: str, *, failed: bool = False) -> None:
        """What a tool answered. A call whose arguments never got whole has no result: it is incomplete itself."""
        broken = self._calls.pop(call, None)
        if broken is not None:
            broken.body["arguments"] = broken.text
            self._done(broken, "incomplete")
            return
        call_id = self._call_ids.pop(call)
        body = {"id": f"fco_{call_id}", "type": "function_call_output", "call_id": call_id, "output": output}
        self._done(self._open({**body, "status": "in_progress"}), "incomplete" if failed else "completed")

    def picture(self, name: str, data: str, kind: str) -> None:
        """A picture that the agent made, in base64."""
        body = {"id": f"ig_{name}", "type": "image_generation_call", "status": "in_progress", "result": None}
        item = self._open(body)
        item.body |= {"result": data, "output_format": kind}
        self._done(item)


def as_text(value: Any) -> str:
    """Return what a tool answered as the text of an item: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else _encode(value).decode()


def _text(text: str, annotations: list[Json]) -> Json:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _summary(text: str) -> Json:
    return {"type": "summary_text", "text": text}
