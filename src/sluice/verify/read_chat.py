"""Reads OpenAI chat completions as strictly as their documentation is. Pure; shares nothing with `sluice.dialects`.

Source: platform.openai.com/docs/api-reference/chat-streaming, read 2026-11-21.
"""

from sluice.verify.sse_reader import SseEvent, shown
from sluice.verify.told import Json, Told, Usage, parse


class ChatReader:
    """One stream: chunks, each choice its role first and its finish reason last, perhaps usage, `[DONE]`."""

    def __init__(self) -> None:
        self.told = Told()
        self._id = ""
        self._open: dict[int, bool] = {}
        """By choice: it has its finish reason."""

    def read(self, event: SseEvent) -> None:
        told = self.told
        if told.over:
            told.fault(f"an event follows the end of the answer: {shown(event.data)}")
        if event.data == b"[DONE]":
            told.successes += 1
            if not self._open or not all(self._open.values()):
                told.fault("[DONE] came before a finish reason")
            return
        chunk = parse(event.data, told)
        if chunk is None:
            return
        if chunk["error"].given:
            told.errors.append(error_of(chunk, told))
        elif event.name:
            told.fault(f"a chunk is named {event.name!r}")
        else:
            self._chunk(chunk, event.at)

    def _chunk(self, chunk: Json, at: float) -> None:
        told = self.told
        if chunk["object"].text != "chat.completion.chunk":
            told.fault(f"an event is no chunk but {chunk['object'].value!r}")
        if self._id and chunk["id"].text != self._id:
            told.fault("the chunks have more than one id")
        self._id = chunk["id"].text
        if not self._id:
            told.fault("a chunk has no id")
        if not isinstance(chunk["choices"].value, list):
            told.fault("a chunk has no choices")
        choices = chunk["choices"].rows
        if chunk["usage"].given:
            told.usages.append(usage_of(chunk["usage"]))
        if not choices:
            told.usage_chunks += 1
            if not all(self._open.values()):
                told.fault("a chunk without choices came before the finish reason")
        for choice in choices:
            self._choice(choice, at)

    def _choice(self, choice: Json, at: float) -> None:
        told, index, delta = self.told, choice["index"].number, choice["delta"]
        if index < 0 or not delta.is_object:
            told.fault("a choice has no index or no delta")
        role = delta["role"].text
        if index in self._open and role:
            told.fault(f"choice {index} begins more than once")
        elif index not in self._open and role != "assistant":
            told.fault(f"choice {index} begins as {role!r}")
        if self._open.get(index) and delta["content"].text:
            told.fault(f"text of choice {index} came after its finish reason")
        self._open.setdefault(index, False)
        if delta["content"].text:
            told.tokens.append((at, delta["content"].text))
        if choice["finish_reason"].given:
            if self._open[index]:
                told.fault(f"choice {index} has more than one finish reason")
            self._open[index] = True
            told.finish = choice["finish_reason"].text


def read_whole(body: bytes) -> Told:
    """Read a whole answer."""
    told = Told()
    answer = parse(body, told)
    if answer is None:
        return told
    choice = answer["choices"][0]
    if answer["object"].text != "chat.completion" or not answer["id"].text:
        told.fault("the body is no chat completion")
    told.tokens.append((0.0, choice["message"]["content"].text))
    told.finish = choice["finish_reason"].text
    told.successes = 1 if told.finish else 0
    if answer["usage"].given:
        told.usages.append(usage_of(answer["usage"]))
    return told


def usage_of(usage: Json) -> Usage:
    return Usage(usage["prompt_tokens"].number, usage["completion_tokens"].number)


def error_of(body: Json, told: Told) -> str:
    """Read `{"error": {...}}`, and note what a client would miss in it."""
    error = body["error"]
    if not error["message"].text or not error["type"].text:
        told.fault("an error lacks its message or its type")
    return error["message"].text or "?"
