"""Whole chat completions, read as the events of a stream and written from a fold of them."""

import msgspec

from sluice.chat.events import (
    Ended,
    Event,
    Failed,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.fold import Answer, Choice
from sluice.dialects.openai_chat import errors
from sluice.dialects.openai_chat.decode import finished, leftovers, other_channels, parts_of
from sluice.dialects.openai_chat.schema import (
    ABSENT,
    FINISH_FROM_VOCABULARY,
    UNREADABLE,
    Chunk,
    ChunkChoice,
    read_usage,
    said,
    write_usage,
)
from sluice.errors import InBandFailure, ProtocolError

_read = msgspec.json.Decoder(Chunk).decode


def read(body: bytes, *, keep_leftovers: bool = False) -> list[Event]:
    """Read a `chat.completion` as the events of a legal and complete answer, or as `Failed` alone when it is an error
    object under a status of 200.

    Raises:
        ProtocolError: it is neither.
    """
    try:
        whole = _read(body)
    except UNREADABLE as error:
        raise ProtocolError(f"the provider's answer is not a chat completion: {error}") from None
    if whole.error is not ABSENT and (failure := errors.in_band(bytes(whole.error))) is not None:
        return [Failed(failure)]
    if not whole.choices or len({choice.index for choice in whole.choices}) != len(whole.choices):
        raise ProtocolError("the provider's answer is not a chat completion: its choices are missing or not distinct")
    if any(choice.finish_reason == "error" for choice in whole.choices):
        return [Failed(InBandFailure("the provider ended its answer with an error"))]
    events: list[Event] = [Started(whole.id or "", whole.model or "", int(whole.created or 0))]
    if keep_leftovers:
        events += leftovers(body)
    for choice in whole.choices:
        _choice(choice, events)
    if whole.usage is not None:
        events.append(Reported(read_usage(whole.usage)))
    events.append(Ended())
    return events


def _choice(choice: ChunkChoice, events: list[Event]) -> None:
    message = choice.message or choice.delta
    if message is not None:
        logprobs = said(choice.logprobs)
        other_channels(choice.index, message, None if message.content is not None else logprobs, events)
        if message.content is not None:
            events.append(TextDelta(choice.index, "text", message.content, logprobs))
        for position, part in enumerate(parts_of(message)):
            name = part.function.name if part.function else None
            events.append(ToolCallStarted(choice.index, position, part.id or "", name or ""))
            if part.function and part.function.arguments:
                events.append(ToolCallDelta(choice.index, position, part.function.arguments))
    # A whole answer without a reason is whole all the same: the HTTP body was.
    events.append(finished(choice.index, choice.finish_reason or "stop"))


def write(whole: Answer) -> bytes:
    """Write a `chat.completion`. Members that OpenAI always sends are always there."""
    body: dict[str, object] = {
        "id": whole.id,
        "object": "chat.completion",
        "created": whole.created,
        "model": whole.model,
        "choices": [_write_choice(choice) for choice in whole.choices],
    }
    if whole.usage is not None:
        body["usage"] = write_usage(whole.usage)
    return msgspec.json.encode(body | whole.extra)


def _write_choice(choice: Choice) -> dict[str, object]:
    # A stream opens the text channel with its role, whatever follows; a whole answer says null where there is no text.
    content = choice.text or None if choice.tool_calls or choice.refusal else choice.text
    message: dict[str, object] = {"role": "assistant", "content": content, "refusal": choice.refusal}
    if choice.reasoning is not None:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in choice.tool_calls
        ]
    return {
        "index": choice.index,
        "message": message | choice.message_extra,
        "logprobs": _join_logprobs(choice.logprobs),
        "finish_reason": FINISH_FROM_VOCABULARY[choice.finish] if choice.finish else None,
    } | choice.extra


def _join_logprobs(pieces: tuple[msgspec.Raw, ...]) -> dict[str, list[msgspec.Raw]] | None:
    """Each chunk's logprobs hold the lists of its own tokens; a whole answer holds one list of all."""
    joined: dict[str, list[msgspec.Raw]] = {}
    for piece in pieces:
        try:
            lists = msgspec.json.decode(piece, type=dict[str, list[msgspec.Raw] | None])
        except UNREADABLE:
            continue  # a vendor's own shape cannot be joined
        for name, values in lists.items():
            joined.setdefault(name, []).extend(values or [])
    return joined or None
