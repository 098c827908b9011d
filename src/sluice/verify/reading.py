"""What came back, read in the client's dialect: a stream, a whole answer, or an error. Pure."""

from collections.abc import Callable

from sluice.verify import read_chat, read_gemini, read_messages, read_responses, sse_reader
from sluice.verify.facts import Client
from sluice.verify.http_answer import AnswerReader
from sluice.verify.sse_reader import Stream
from sluice.verify.told import Json, Reader, Told, parse

_STREAMS: dict[Client, Callable[[], Reader]] = {
    "chat": read_chat.ChatReader,
    "responses": read_responses.ResponsesReader,
    "messages": read_messages.MessagesReader,
    "gemini": read_gemini.GeminiReader,
}
_WHOLES: dict[Client, Callable[[bytes], Told]] = {
    "chat": read_chat.read_whole,
    "responses": read_responses.read_whole,
    "messages": read_messages.read_whole,
    "gemini": read_gemini.read_whole,
}
_ERRORS: dict[Client, Callable[[Json, Told], str]] = {
    "chat": read_chat.error_of,
    "responses": read_chat.error_of,
    "messages": read_messages.error_of,
    "gemini": read_gemini.error_of,
}


def read_stream(client: Client, answer: AnswerReader) -> tuple[Stream, Told]:
    """Read the body of a streamed answer. What breaks its framing stands among `told.faults` too."""
    stream = sse_reader.read(answer.pieces)
    reader = _STREAMS[client]()
    for event in stream.events:
        reader.read(event)
    told = reader.told
    told.faults += stream.faults
    if stream.dangling:
        told.fault(f"the body ends inside an event: {sse_reader.shown(stream.dangling)}")
    if client == "gemini" and (comments := [beat for beat in stream.beats if beat.text]):
        told.fault(f"a line that this dialect's client raises on: {sse_reader.shown(comments[0].text)}")
    return stream, told


def read_whole(client: Client, answer: AnswerReader) -> Told:
    """Read the body of a whole answer."""
    return _WHOLES[client](answer.body)


def error_fault(client: Client, answer: AnswerReader) -> str:
    """Return what is wrong with an error's body; empty = a client of this dialect understands it."""
    told = Told()
    if media_type(answer) != "application/json":
        return f"its body is labelled {media_type(answer)!r}"
    body = parse(answer.body, told)
    if body is None:
        return "its body is no JSON object"
    _ERRORS[client](body, told)
    return "; ".join(told.faults)


def media_type(answer: AnswerReader) -> str:
    return answer.header("content-type").partition(";")[0].strip().lower()
