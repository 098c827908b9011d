"""The response object around the output, and the event that says it failed.

OpenAI's object repeats the request's members; clients read some of them back (the tools, the format of the text).
"""

from collections.abc import Mapping

import msgspec

from sluice.chat.usage import Usage
from sluice.dialects.openai_responses import errors
from sluice.dialects.openai_responses.schema import write_usage
from sluice.dialects.openai_responses.strings import response_id
from sluice.dialects.reading import UNREADABLE
from sluice.errors import SluiceError
from sluice.wire import sse

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_DEFAULTS: dict[str, object] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""Members that OpenAI repeats from the request, and what it says of those that were not sent."""

_NOT_ECHOED = frozenset(["service_tier", "background"])
"""What the client wished for, but nobody granted it."""


def echo(fields: Mapping[str, msgspec.Raw]) -> dict[str, object]:
    """Return the members of the response that repeat the request. Nothing is stored: `store` is false, whatever was
    wished."""
    said = {
        name: _printable(fields[name])
        for name in _DEFAULTS
        if name in fields and name not in _NOT_ECHOED and bytes(fields[name]) != b"null"
    }
    return _DEFAULTS | said | {"store": False}


def _printable(raw: msgspec.Raw) -> msgspec.Raw:
    """The client's own JSON on one line, in UTF-8 whatever it was: an event of ours has to be readable."""
    text = bytes(raw)
    try:
        return msgspec.Raw(msgspec.json.format(text.decode("utf-8", "replace").encode(), indent=-1))
    except UNREADABLE:
        return msgspec.Raw(b"null")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers, as it was said at the head of the stream."""

    id: str
    model: str = ""
    created: int = 0
    members: Mapping[str, object] = {}
    """What repeats the request, and what the provider said beyond the vocabulary."""


def response(
    head: Head,
    status: str,
    output: list[dict[str, object]],
    *,
    usage: Usage | None = None,
    reason: str = "",
    error: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the response object. `reason` says why it is incomplete."""
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created,
        "status": status,
        "error": error,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": head.model,
        "output": output,
        "usage": None if usage is None else write_usage(usage),
        **head.members,
    }


def failed_event(known: bytes, error: SluiceError, sequence: int) -> bytes:
    """Return `response.failed` as one whole event. `known` is the response object as it began, empty if it did not."""
    try:
        members: dict[str, object] = dict(_read_members(known.decode("utf-8", "replace"))) if known else {}
    except UNREADABLE:
        members = {}
    if not members:
        members = response(Head(id=response_id(""), members=echo({})), "failed", [])
    members |= {"status": "failed", "error": errors.in_response(error)}
    return event("response.failed", sequence, {"response": members})


def event(kind: str, sequence: int, members: Mapping[str, object]) -> bytes:
    """Return one event; its name and its `type` are the same."""
    data = msgspec.json.encode({"type": kind, "sequence_number": sequence, **members})
    return sse.encode(data, kind)
