"""Reads OpenAI Responses as strictly as their documentation is. Pure; shares nothing with `sluice.dialects`.

Source: platform.openai.com/docs/api-reference/responses-streaming, read 2026-11-21. Every event has the next
`sequence_number`; text belongs to a part, a part to an item, and each is added before it is filled and done after.
"""

from sluice.verify.sse_reader import SseEvent, shown
from sluice.verify.told import Json, Told, Usage, parse

_ENDS = {"response.completed": "completed", "response.incomplete": "incomplete"}
_SILENT = frozenset(["response.queued", "response.in_progress"])


class ResponsesReader:
    """One stream."""

    def __init__(self) -> None:
        self.told = Told()
        self._next = 0
        self._begun = False
        self._items: set[int] = set()
        """Output items that are open."""
        self._parts: dict[tuple[int, int], list[str]] = {}
        """Text parts that are open, and what they hold."""

    def read(self, event: SseEvent) -> None:
        told = self.told
        if event.data == b"[DONE]" and told.successes:
            return  # no event of this dialect, but its official clients stop at it
        if told.over:
            told.fault(f"an event follows the end of the answer: {shown(event.data)}")
        found = parse(event.data, told)
        if found is None:
            self._next += 1
            return
        kind = found["type"].text
        if event.name != kind:
            told.fault(f"an event is named {event.name!r} and has the type {kind!r}")
        if found["sequence_number"].number != self._next:
            told.fault(f"{kind} has the number {found['sequence_number'].value}, not {self._next}")
        self._next = max(self._next, found["sequence_number"].number) + 1
        if not self._begun and kind not in ("response.created", "error", "response.failed"):
            told.fault(f"{kind} came before response.created")
        self._step(kind, found, event.at)

    def _step(self, kind: str, found: Json, at: float) -> None:
        told, item, part = self.told, found["output_index"].number, found["content_index"].number
        match kind:
            case "response.created":
                self._expect(not self._begun and bool(found["response"]["id"].text), kind)
                self._begun = True
            case "response.output_item.added":
                self._expect(item >= 0 and item not in self._items, kind)
                self._items.add(item)
            case "response.output_item.done":
                self._expect(item in self._items and not any(at_item == item for at_item, _ in self._parts), kind)
                self._items.discard(item)
            case "response.content_part.added":
                self._expect(item in self._items and (item, part) not in self._parts, kind)
                self._parts[item, part] = []
            case "response.output_text.delta":
                self._expect((item, part) in self._parts, kind)
                self._parts.setdefault((item, part), []).append(found["delta"].text)
                told.tokens.append((at, found["delta"].text))
            case "response.output_text.done":
                said = "".join(self._parts.get((item, part), ()))
                self._expect(said == found["text"].text, f"{kind}, or another text,")
            case "response.content_part.done":
                self._expect((item, part) in self._parts, kind)
                self._parts.pop((item, part), None)
            case _:
                self._end(kind, found)

    def _end(self, kind: str, found: Json) -> None:
        told = self.told
        if kind in _ENDS:
            self._expect(not self._items, kind)
            told.successes += 1
            fold(found["response"], told, told.text)
        elif kind == "response.failed":
            told.errors.append(_message(found["response"]["error"], told))
        elif kind == "error":
            told.errors.append(_message(found["error"] if found["error"].is_object else found, told))
        elif kind not in _SILENT:
            told.fault(f"an event of the type {kind!r}")

    def _expect(self, legal: bool, kind: str) -> None:
        if not legal:
            self.told.fault(f"{kind} out of its order")


def _message(error: Json, told: Told) -> str:
    if not error["message"].text:
        told.fault("an error lacks its message")
    return error["message"].text or "?"


def fold(response: Json, told: Told, said: str | None) -> None:
    """Read the response object that an answer ends in; `said` is the text that was streamed before it."""
    told.finish = response["status"].text
    if response["usage"].given:
        usage = response["usage"]
        told.usages.append(Usage(usage["input_tokens"].number, usage["output_tokens"].number))
    parts = [part for item in response["output"].rows for part in item["content"].rows]
    text = "".join(part["text"].text for part in parts)
    if said is None:
        told.tokens.append((0.0, text))
    elif text != said:
        told.fault("the response at the end has another text than the one that was streamed")


def read_whole(body: bytes) -> Told:
    """Read a whole answer."""
    told = Told()
    answer = parse(body, told)
    if answer is None:
        return told
    if answer["object"].text != "response" or not answer["id"].text:
        told.fault("the body is no response")
    fold(answer, told, None)
    told.successes = 1 if told.finish in _ENDS.values() else 0
    if answer["error"].given:
        told.errors.append(_message(answer["error"], told))
    return told
