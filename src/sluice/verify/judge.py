"""The rules by which an answer is right: stream-life, sections 1 and 2. Pure.

Complete: a success marker, once and last, and the right text. Anything else: a real HTTP status with a body in the
client's shape, or one whole error event, last, and no success marker; and never a text that was not sent.
"""

import msgspec

from sluice.verify import reading
from sluice.verify.facts import Client, Verdict, failed, passed
from sluice.verify.http_client import Heard
from sluice.verify.sse_reader import Stream, shown
from sluice.verify.told import Told

_MARKERS: dict[Client, str] = {
    "chat": "[DONE]",
    "responses": "response.completed",
    "messages": "message_stop",
    "gemini": "a finish reason",
}
_FINISHES: dict[Client, str] = {"chat": "stop", "responses": "completed", "messages": "end_turn", "gemini": "STOP"}
EVENT_STREAM = "text/event-stream"
COMPLETE = "the whole text, the success marker once and last"
FAILURE = "a real HTTP error, or one error event and no success marker"
_HOW = {
    "closed": "the connection was closed before HTTP's end of the body",
    "reset": "the connection was reset",
    "waiting": "the answer was still open when the wait was over",
    "refused": "no connection",
    "left": "the client left",
}


class Read(msgspec.Struct, frozen=True):
    """An answer and what it told."""

    client: Client
    heard: Heard
    stream: Stream | None
    """None = a whole answer, or an error's body."""
    told: Told


def read(client: Client, heard: Heard, *, stream: bool = True) -> Read:
    """Read an answer in the client's dialect."""
    answer = heard.answer
    if answer.status != 200:
        return Read(client, heard, None, Told())
    if not stream:
        return Read(client, heard, None, reading.read_whole(client, answer))
    events, told = reading.read_stream(client, answer)
    return Read(client, heard, events, told)


# -- complete ---------------------------------------------------------------------------------------------------------


def complete(found: Read, text: str, *, usage: bool = True) -> Verdict:
    """Judge an answer that the provider gave whole; `usage=False`: all but the usage."""
    wrong = _not_complete(found, text)
    if not wrong and usage:
        wrong = "; ".join(found.told.usage_missing)
    return failed(f"{wrong}; {summary(found)}") if wrong else passed(summary(found))


def _not_complete(found: Read, text: str) -> str:
    """What is wrong with an answer that ought to be complete, or empty."""
    told, answer = found.told, found.heard.answer
    kind = EVENT_STREAM if found.stream is not None else "application/json"
    for holds, what in (
        (answer.status == 200, "no answer with status 200"),
        (reading.media_type(answer) == kind, f"the body is labelled {reading.media_type(answer)!r}"),
        (not answer.header("content-encoding"), f"the body is coded as {answer.header('content-encoding')!r}"),
        (not answer.fault, f"HTTP is broken: {answer.fault}"),
        (not told.errors, "it holds an error"),
        (not told.malformed, f"an event that is no JSON: {shown(told.malformed[0]) if told.malformed else ''}"),
        (told.text == text, _difference(told.text, text)),
        (told.successes > 0, "no success marker"),
        (told.successes < 2, "more than one success marker"),
        (told.finish == _FINISHES[found.client], f"the finish reason is {told.finish!r}"),
        (not told.faults, "; ".join(told.faults[:3])),
        (found.heard.how == "whole", _HOW.get(found.heard.how, "")),
    ):
        if not holds:
            return what
    return ""


def _difference(came: str, sent: str) -> str:
    """How two texts differ, as a clause."""
    if "\ufffd" in came and "\ufffd" not in sent:
        return f"the text holds U+FFFD: {_quoted(came[max(0, came.index(chr(0xFFFD)) - 8) :])}"
    if sent.startswith(came):
        return f"the text ends after {len(came)} of {len(sent)} characters"
    at = next((at for at, (a, b) in enumerate(zip(came, sent, strict=False)) if a != b), min(len(came), len(sent)))
    return f"the text differs at character {at}: {_quoted(came[at:])} came for {_quoted(sent[at:])}"


# -- failed -----------------------------------------------------------------------------------------------------------


def failure(found: Read, sent: str, *, as_it_was: bool = False, waits: bool = False) -> Verdict:
    """Judge an answer that the provider did not give whole. `sent` is the text that it gave.

    `as_it_was`: something that is no JSON was sent to a client of the same dialect, who reports it himself if it
    reaches him as it was. `waits`: nothing ended the answer and nobody knows when the gateway would: that nothing
    looked like success is enough.
    """
    wrong = _not_failed(found, sent, as_it_was=as_it_was, waits=waits)
    return failed(f"{wrong}; {summary(found)}") if wrong else passed(summary(found))


def _not_failed(found: Read, sent: str, *, as_it_was: bool, waits: bool) -> str:
    heard, told, answer = found.heard, found.told, found.heard.answer
    if answer.fault:
        return f"HTTP is broken: {answer.fault}"
    if as_it_was and told.malformed:
        return "" if heard.how == "whole" else _HOW.get(heard.how, "")
    if heard.how == "waiting":
        return _still_open(found, sent, waits=waits)
    if answer.status == 0:
        return f"no answer: {_HOW.get(heard.how, heard.how)}"
    if answer.status >= 400:
        if heard.how != "whole":
            return _HOW.get(heard.how, "")
        wrong = reading.error_fault(found.client, answer)
        return f"an error that no client of this dialect understands: {wrong}" if wrong else ""
    return _not_in_band(found, sent)


def _not_in_band(found: Read, sent: str) -> str:
    told, answer = found.told, found.heard.answer
    if told.successes:
        return f"it looks finished: {_MARKERS[found.client]} came"
    if not sent.startswith(told.text):
        return f"a text that was not sent: {_difference(told.text, sent)}"
    if found.stream is None or reading.media_type(answer) != EVENT_STREAM or answer.status != 200:
        return "neither an HTTP error nor a stream of events"
    if told.malformed:
        return f"an event that is no JSON: {shown(told.malformed[0])}"
    if not told.errors:
        return f"no error was said ({_HOW.get(found.heard.how, 'the body ended as if it were whole')})"
    if len(told.errors) > 1:
        return "more than one error"
    return "; ".join(told.faults[:3])


def _still_open(found: Read, sent: str, *, waits: bool) -> str:
    if found.told.successes:
        return f"it looks finished: {_MARKERS[found.client]} came"
    if not sent.startswith(found.told.text):
        return f"a text that was not sent: {_difference(found.told.text, sent)}"
    return "" if waits or found.told.errors else _HOW["waiting"]


def evident(found: Read, sent: str) -> bool:
    """Whether the client has the whole text and one success marker, whatever became of the answer after it."""
    told = found.told
    wrong = told.malformed or told.faults or found.heard.answer.fault
    return told.successes == 1 and told.text == sent and not wrong


# -- words ------------------------------------------------------------------------------------------------------------


def summary(found: Read) -> str:
    """An answer in half a sentence."""
    heard, told = found.heard, found.told
    if heard.answer.status == 0:
        return f"no status ({_HOW.get(heard.how, heard.how)})"
    said = [f"status {heard.answer.status}"]
    if heard.answer.status != 200:
        return f"{said[0]} {shown(heard.answer.body)}"
    if found.stream is not None:
        said.append(f"{len(found.stream.events)} events")
    said.append(f"{len(told.text)} characters")
    if told.finish:
        said.append(f"finish reason {told.finish}")
    said.append(_MARKERS[found.client] if told.successes else "no success marker")
    said += [f"error {_quoted(error)}" for error in told.errors[:1]]
    return ", ".join(said)


def _quoted(text: str) -> str:
    return shown(text[:40].encode(errors="replace"))
