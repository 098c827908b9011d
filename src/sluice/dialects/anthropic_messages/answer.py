"""Whole messages, read as the events of a stream and written from a fold of them.

What is written here and what the stream's encoder writes accumulate to the same message: both take blocks and the
reason for the end from `parts`.
"""

import msgspec

from sluice.chat.events import Ended, Event, Failed, Reported, Started
from sluice.chat.fold import Answer, Choice
from sluice.chat.request import ChatRequest
from sluice.dialects.anthropic_messages import errors, parts
from sluice.dialects.anthropic_messages.decode import Blocks, leftovers
from sluice.dialects.anthropic_messages.schema import KNOWN_MESSAGE, Counts, Message, write_usage
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE
from sluice.dialects.writing import to_json
from sluice.errors import ProtocolError

_read = msgspec.json.Decoder(Message).decode


class _Raws(msgspec.Struct):
    content: list[msgspec.Raw]


def read(body: bytes, *, keep_leftovers: bool = False) -> list[Event]:
    """Read a `message` as the events of a legal and complete answer, or as `Failed` alone when it is an error object
    under a status of 200.

    Raises:
        ProtocolError: it is neither.
    """
    try:
        return _events(_read(body), body, keep_leftovers)
    except UNREADABLE as error:
        raise ProtocolError(f"the provider's answer is not a message: {error}") from None


def _events(message: Message, body: bytes, keep_leftovers: bool) -> list[Event]:
    if message.error is not ABSENT and message.error != NULL:
        return [Failed(errors.in_band(bytes(message.error)))]
    if message.content is None:
        raise ProtocolError("the provider's answer is not a message: it has no content")
    events: list[Event] = [Started(message.id or "", message.model or "")]
    if keep_leftovers:
        leftovers(body, KNOWN_MESSAGE, events)
    blocks = Blocks()
    raws = msgspec.json.decode(body, type=_Raws).content if keep_leftovers else []
    for index, block in enumerate(message.content):
        blocks.open(index, block, events, raws[index] if raws else None)
        blocks.close(index, events)
    # A whole answer without a reason is whole all the same: the HTTP body was.
    blocks.finish(message, events)
    if message.usage is not None:
        events.append(Reported(Counts().take(message.usage)))
    events.append(Ended())
    return events


def write(whole: Answer, request: ChatRequest) -> bytes:
    """Write a `message`. This API knows one choice: the first."""
    choice = next((choice for choice in whole.choices if choice.index == 0), Choice(index=0))
    content = parts.blocks(choice, whole.id)
    body: dict[str, object] = {
        "id": parts.message_id(whole.id),
        "type": "message",
        "role": "assistant",
        "model": whole.model or request.model,
        "content": content,
        **parts.stop(
            choice.finish or "stop",
            choice.native_finish,
            choice.stop_sequence,
            called=any(block["type"] == "tool_use" for block in content),
            refused=choice.refusal is not None,
        ),
        "usage": write_usage(whole.usage),
    }
    return to_json(body | whole.extra)
