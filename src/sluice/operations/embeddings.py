"""OpenAI's embeddings as clients speak them: read the request, write the answer.

Sources: platform.openai.com/docs/api-reference/embeddings and `openai.types` (CreateEmbeddingResponse), read
2026-11-21. `input_type` is Cohere's, Voyage's and NVIDIA's addition, which OpenAI-compatible clients send too.
"""

import base64
import struct
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from sluice.chat.usage import Usage
from sluice.dialects.dialect import Field
from sluice.dialects.reading import UNREADABLE, explain
from sluice.errors import BadRequest, ProtocolError
from sluice.operations.translation import Answered, read_known

MAX_INPUTS = 2048
"""Texts of one request (the vendor's own bound). It bounds how many requests one may become, too."""

Purpose = Literal["document", "query", "classification", "clustering", "similarity"]

_PURPOSES: dict[str, Purpose] = {
    "document": "document",
    "passage": "document",
    "search_document": "document",
    "retrieval_document": "document",
    "query": "query",
    "search_query": "query",
    "retrieval_query": "query",
    "classification": "classification",
    "clustering": "clustering",
    "similarity": "similarity",
    "semantic_similarity": "similarity",
}
"""`input_type`, in any case: Cohere's words, NVIDIA's and Voyage's, Google's."""

FIELDS: dict[str, Field] = {
    "model": Field("read"),
    "input": Field("read", "texts; lists of tokens are refused: another model has other tokens"),
    "dimensions": Field("read", "refused for models that have one size only"),
    "encoding_format": Field("read", "`float` and `base64`"),
    "input_type": Field("read", "Cohere's, NVIDIA's and Google's words; left out for Titan, which has no such wish"),
    "user": Field("dropped", "the other APIs have no place for an end user's id"),
}
"""What becomes of each member in a translation."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked for."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    packed: bool = False
    """Vectors as base64 of little-endian 32-bit floats."""
    purpose: Purpose | None = None


class Vectors(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider answered. `tokens` None = it did not say."""

    rows: Sequence[Sequence[float]]
    tokens: int | None = None


class _Body(msgspec.Struct):
    input: str | list[msgspec.Raw]
    dimensions: Annotated[int, msgspec.Meta(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    input_type: str | None = None


_read_body = msgspec.json.Decoder(_Body).decode
_read_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


def read(body: bytes, api: str) -> Wanted:
    """Read the body of `POST /v1/embeddings`, for a provider of another API, named `api` in errors.

    Raises:
        BadRequest: it is not what the API asks for, or cannot be translated; `param` names the place.
    """
    try:
        known = _read_body(body)
        if len(known.input) > MAX_INPUTS and not isinstance(known.input, str):  # before any of them is read
            raise BadRequest(f"Invalid 'input': array too long. At most {MAX_INPUTS} texts are allowed.", param="input")
        texts = (known.input,) if isinstance(known.input, str) else tuple(_text(raw, api) for raw in known.input)
    except UNREADABLE as error:
        raise explain(error, body) from None
    read_known(body, FIELDS, api)
    if not texts:
        raise BadRequest("Invalid 'input': input cannot be an empty array.", param="input")
    if not all(texts):
        raise BadRequest("Invalid 'input': input cannot be an empty string.", param="input")
    return Wanted(
        texts=texts,
        dimensions=known.dimensions,
        packed=known.encoding_format == "base64",
        purpose=_purpose(known.input_type),
    )


def _text(raw: msgspec.Raw, api: str) -> str:
    if bytes(raw)[:1] != b'"':
        message = f"Tokens cannot be sent to {api}: another model has other tokens. Send 'input' as text."
        raise BadRequest(message, param="input")
    return _read_text(raw)


def _purpose(word: str | None) -> Purpose | None:
    if not word:
        return None
    if word.lower() not in _PURPOSES:
        words = ", ".join(f"'{each}'" for each in _PURPOSES)
        raise BadRequest(f"Invalid value for 'input_type': expected one of {words}.", param="input_type")
    return _PURPOSES[word.lower()]


def one_size(wanted: Wanted, model: str) -> None:
    """Refuse a wish for a size that the model cannot meet.

    Raises:
        BadRequest: there is one.
    """
    if wanted.dimensions is not None:
        message = f"The model '{model}' has vectors of one size only: leave 'dimensions' out."
        raise BadRequest(message, param="dimensions")


def write(vectors: Vectors, wanted: Wanted, model: str) -> Answered:
    """Write the answer.

    Raises:
        ProtocolError: there is not one vector per text, or one of them holds a number that base64 has no room for.
    """
    if len(vectors.rows) != len(wanted.texts):
        raise ProtocolError(f"the provider answered {len(wanted.texts)} texts with {len(vectors.rows)} vectors")
    shown = [_packed(row) if wanted.packed else row for row in vectors.rows]
    rows = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(shown)]
    tokens = vectors.tokens or 0  # clients insist on a number
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Answered(
        body=_encode({"object": "list", "data": rows, "model": model, "usage": usage}),
        model=model,
        usage=None if vectors.tokens is None else Usage(input_tokens=tokens),
    )


def _packed(row: Sequence[float]) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode("ascii")
    except (OverflowError, struct.error):
        raise ProtocolError("the provider's answer holds a number that is no 32-bit float") from None
