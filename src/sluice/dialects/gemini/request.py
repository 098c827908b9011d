"""Gemini requests, read and written, and given messages of the operator's.

The address says which model and whether to stream. A request for a provider of the same dialect is patched, not
rebuilt: members keep their order, their spelling and their bytes.
"""

from collections.abc import Sequence

import msgspec

from sluice.chat.request import ChatRequest, Framing
from sluice.chat.seal import MARK
from sluice.dialects.gemini import reseal
from sluice.dialects.gemini.members import Members, camel
from sluice.dialects.many import check_values
from sluice.dialects.reading import NULL, UNREADABLE, bound, choices, explain
from sluice.dialects.writing import to_json
from sluice.errors import BadRequest

_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_MARK = MARK.encode()


def read(body: bytes, *, model: str, stream: bool | None, framing: Framing) -> ChatRequest:
    """Read the body of `models/{model}:generateContent` or `:streamGenerateContent`.

    Raises:
        BadRequest: not JSON, not an object, no contents, a member of the wrong type, or too many values; message and
        `param` name the place.
    """
    check_values(body)
    try:
        fields = _read_fields(body)
    except UNREADABLE as error:
        raise explain(error, body) from None
    known = Members(fields, "")
    if not known.objects("contents"):
        raise BadRequest("Missing required parameter: 'contents'.", param="contents")
    config = known.object("generationConfig") or Members({}, "generationConfig")
    in_body = known.flag("stream")
    return ChatRequest(
        model=model or known.text("model") or "",
        stream=bool(in_body) if stream is None else stream,
        wants_usage=True,  # Gemini's clients always get it
        framing=framing,
        choices=choices(config.whole("candidateCount"), "generationConfig.candidateCount"),
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        max_tokens=bound(config.whole("maxOutputTokens"), "generationConfig.maxOutputTokens"),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
        seed=config.whole("seed"),
        fields=fields,
    )


def write(request: ChatRequest, *, model: str) -> bytes:
    """Write the body for a provider. Model and `stream` belong to the address: a body that names them too is sent
    without, lest it contradict it. Proofs of other providers' reasoning are taken out."""
    fields = {name: raw for name, raw in request.fields.items() if name not in ("model", "stream")}
    for name, raw in fields.items():
        if camel(name) == "contents" and _MARK in bytes(raw):
            fields[name] = reseal.contents(raw, model=model or request.model)
    return _encode(fields)


def enrich(request: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]) -> ChatRequest:
    """Add messages before and after the client's: those of the role `system` to the system instruction, the others
    to the contents."""
    fields = dict(request.fields)
    before, after = _texts(prepend), _texts(append)
    if before or after:
        name = _spelled(fields, "systemInstruction")
        fields[name] = _with_parts(fields.get(name, NULL), before, after)
    name = _spelled(fields, "contents")
    first, last = _contents(prepend), _contents(append)
    if first or last:
        own = [raw for raw, _ in Members({"contents": fields.get(name, NULL)}, "").rows("contents")]
        fields[name] = msgspec.Raw(to_json([*first, *own, *last]))
    return msgspec.structs.replace(request, fields=fields)


def _spelled(fields: dict[str, msgspec.Raw], known: str) -> str:
    """The client's own spelling of a member."""
    return next((name for name in fields if camel(name) == known), known)


def _texts(messages: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"text": text} for role, text in messages if role == "system"]


def _contents(messages: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
    roles = {"assistant": "model", "model": "model"}
    return [{"role": roles.get(role, "user"), "parts": [{"text": text}]} for role, text in messages if role != "system"]


def _with_parts(content: msgspec.Raw, before: list[dict[str, str]], after: list[dict[str, str]]) -> msgspec.Raw:
    """Return a content with parts around its own."""
    if content == NULL:
        return msgspec.Raw(to_json({"parts": [*before, *after]}))
    known = Members(content, "systemInstruction")
    own = [raw for raw, _ in known.rows("parts")]
    members: dict[str, object] = dict(_read_fields(content))
    return msgspec.Raw(to_json(members | {"parts": [*before, *own, *after]}))
