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
    Unrecognised,
)
from sluice.chat.fold import Answer, Choice
from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat import citations, errors
from sluice.dialects.openai_chat.calls import CallForm, form_of
from sluice.dialects.openai_chat.decode import content_parts, finished, other_channels, rare_members
from sluice.dialects.openai_chat.decode_calls import made_id, parts_of, spoken
from sluice.dialects.openai_chat.leftovers import leftovers
from sluice.dialects.openai_chat.reasoning import joined_calls
from sluice.dialects.openai_chat.schema import (
    ABSENT,
    CUT,
    UNREADABLE,
    Chunk,
    ChunkChoice,
    Delta,
    finish_word,
    read_usage,
    said,
    write_usage,
)
from sluice.dialects.openai_chat.spoilt import without_spoilt_usage
from sluice.dialects.writing import to_json
from sluice.errors import ProtocolError

_read = msgspec.json.Decoder(Chunk).decode


def read(body: bytes, *, keep_leftovers: bool = False) -> list[Event]:
    """Read a `chat.completion` as the events of a legal and complete answer, or as `Failed` alone when it is an error
    object under a status of 200.

    Raises:
        ProtocolError: it is neither.
    """
    try:
        whole = _read(body)
        extra = leftovers(body) if keep_leftovers else []
    except UNREADABLE as error:
        if (rest := without_spoilt_usage(body)) is not None:
            found = read(rest, keep_leftovers=keep_leftovers)
            return found if type(found[0]) is Failed else [found[0], Unrecognised("answer:usage"), *found[1:]]
        raise ProtocolError(f"the provider's answer is not a chat completion: {error}") from None
    if whole.error is not ABSENT and (failure := errors.in_band(bytes(whole.error))) is not None:
        return [Failed(failure)]
    if whole.choices is None and (failure := errors.bare("", body)) is not None:
        return [Failed(failure)]
    if not whole.choices or len({choice.index for choice in whole.choices}) != len(whole.choices):
        raise ProtocolError("the provider's answer is not a chat completion: its choices are missing or not distinct")
    events: list[Event] = [Started(whole.id or "", whole.model or "", int(whole.created or 0)), *extra]
    for choice in whole.choices:
        _choice(whole.id or "", choice, events)
        if type(last := events[-1]) is Failed:
            return [last]
    if whole.usage is not None:
        events.append(Reported(read_usage(whole.usage)))
    events.append(Ended())
    return events


def _choice(answer_id: str, choice: ChunkChoice, events: list[Event]) -> None:
    message = choice.message or choice.delta
    if message is not None:
        _message(answer_id, choice, message, events)
    refused = message is not None and bool(message.refusal)
    called = message is not None and bool(message.tool_calls or message.function_call)
    # A whole answer without a reason is whole all the same: the HTTP body was.
    events.append(finished(choice.index, choice.finish_reason or "", refused=refused, called=called))


def _message(answer_id: str, choice: ChunkChoice, message: Delta, events: list[Event]) -> None:
    logprobs = said(choice.logprobs)
    other_channels(choice.index, message, None if message.content is not None else logprobs, events)
    if isinstance(message.content, str):
        events.append(TextDelta(choice.index, "text", message.content, logprobs))
    elif message.content is not None:
        content_parts(choice.index, message.content, events)
    rare_members(choice.index, message, events)
    for position, part in enumerate(parts_of(message)):
        name, arguments = spoken(part)
        call_id = part.id or made_id(answer_id, choice.index, position)
        events.append(ToolCallStarted(choice.index, position, call_id, name))
        if arguments:
            events.append(ToolCallDelta(choice.index, position, arguments))


def write(whole: Answer, request: ChatRequest) -> bytes:
    """Write a `chat.completion`. Members that OpenAI always sends are always there."""
    form = form_of(request)
    body: dict[str, object] = {
        "id": whole.id,
        "object": "chat.completion",
        "created": whole.created,
        "model": whole.model,
        "choices": [_write_choice(choice, form) for choice in whole.choices],
    }
    if whole.usage is not None:
        body["usage"] = write_usage(whole.usage)
    return to_json(body | whole.extra)


def _write_choice(choice: Choice, form: CallForm) -> dict[str, object]:
    calls = [
        (call.id, call.name, call.arguments or _nothing(choice, call.name, form)) for call in joined_calls(choice.parts)
    ]
    # A stream opens the text channel with its role, whatever follows; a whole answer says null where something else
    # stands in its place, and OpenAI says "" where nothing does.
    content = choice.text or (None if calls or choice.refusal else "")
    message: dict[str, object] = {"role": "assistant", "content": content, "refusal": choice.refusal}
    if choice.reasoning is not None:
        message["reasoning_content"] = choice.reasoning
    annotations = [row for citation in choice.citations if (row := citations.write(citation)) is not None]
    if annotations:
        message["annotations"] = annotations
    finish = form.finish(finish_word(choice.finish, refused=bool(choice.refusal))) if choice.finish else None
    return {
        "index": choice.index,
        "message": message | form.whole(calls) | choice.message_extra,
        "logprobs": _join_logprobs(choice.logprobs),
        "finish_reason": finish,
    } | choice.extra


def _nothing(choice: Choice, name: str, form: CallForm) -> str:
    """What stands for no arguments: of a complete call, not of one that was cut off (dialects.md, decision 8)."""
    return form.no_arguments(name) if choice.finish not in (None, *CUT) else ""


def _join_logprobs(pieces: tuple[msgspec.Raw, ...]) -> dict[str, list[msgspec.Raw] | None] | None:
    """Each chunk's logprobs hold the lists of its own tokens; a whole answer holds one list of all. A list that no
    chunk had stays null."""
    joined: dict[str, list[msgspec.Raw] | None] = {}
    for piece in pieces:
        try:
            lists = msgspec.json.decode(piece, type=dict[str, list[msgspec.Raw] | None])
        except UNREADABLE:
            continue  # a vendor's own shape cannot be joined
        for name, values in lists.items():
            known = joined.get(name)
            if known is None:
                joined[name] = values
            else:
                known.extend(values or ())
    return joined or None
