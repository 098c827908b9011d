"""Reads Gemini's answers as strictly as their documentation and their official client are. Pure; shares nothing with
`sluice.dialects`.

Source: ai.google.dev/api/generate-content and google-genai's `_api_client.py`, read 2026-11-21: every line is empty or
begins with `data: `; the client raises on any other.
"""

from sluice.verify.sse_reader import SseEvent, shown
from sluice.verify.told import Json, Told, Usage, parse


class GeminiReader:
    """One stream: answers with candidates, each candidate's finish reason last."""

    def __init__(self) -> None:
        self.told = Told()

    def read(self, event: SseEvent) -> None:
        told = self.told
        if told.errors:
            told.fault(f"an event follows the error: {shown(event.data)}")
        if event.name:
            told.fault(f"an event is named {event.name!r}: this dialect has no names")
        found = parse(event.data, told)
        if found is None:
            return
        if found["error"].given:
            told.errors.append(error_of(found, told))
            return
        if not isinstance(found["candidates"].value, list) and not found["usageMetadata"].given:
            told.fault(f"an event is no answer: {shown(event.data)}")
        if found["usageMetadata"].given:
            told.usages[:] = [usage_of(found["usageMetadata"])]  # running totals: the last one counts
        for candidate in found["candidates"].rows:
            self._candidate(candidate, event.at)

    def _candidate(self, candidate: Json, at: float) -> None:
        told = self.told
        text = "".join(part["text"].text for part in candidate["content"]["parts"].rows)
        if told.successes and (text or candidate["finishReason"].given):
            told.fault("a candidate goes on after its finish reason")
        if text:
            told.tokens.append((at, text))
        if candidate["finishReason"].given:
            told.successes += 1
            told.finish = candidate["finishReason"].text


def read_whole(body: bytes) -> Told:
    """Read a whole answer."""
    told = Told()
    answer = parse(body, told)
    if answer is None:
        return told
    candidate = answer["candidates"][0]
    told.tokens += [(0.0, part["text"].text) for part in candidate["content"]["parts"].rows]
    told.finish = candidate["finishReason"].text
    told.successes = 1 if told.finish else 0
    if answer["usageMetadata"].given:
        told.usages.append(usage_of(answer["usageMetadata"]))
    return told


def usage_of(usage: Json) -> Usage:
    """Thoughts are output that stands by itself in this dialect."""
    output = (usage[name].number for name in ("candidatesTokenCount", "thoughtsTokenCount"))
    return Usage(usage["promptTokenCount"].number, sum(max(0, number) for number in output))


def error_of(body: Json, told: Told) -> str:
    """Read `{"error": {...}}`, and note what a client would miss in it."""
    error = body["error"]
    if error["code"].number < 0 or not error["message"].text or not error["status"].text:
        told.fault("an error lacks its code, its message or its status")
    return error["message"].text or "?"
