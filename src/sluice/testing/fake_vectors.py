"""Embeddings of the fake provider, in OpenAI's, Google's and Amazon's shapes.

Pure and deterministic: a vector is the normalised count of the text's hashed words, so that texts which share words
are near each other. Sources, read 2026-11-21: platform.openai.com/docs/api-reference/embeddings,
ai.google.dev/api/embeddings, cloud.google.com/vertex-ai (:predict), docs.aws.amazon.com/bedrock (Titan, Nova and Cohere
by InvokeModel).
"""

import base64
import hashlib
import math
import re
import struct
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from sluice.testing import fake_rerank, fake_words
from sluice.testing.fake_converse_request import in_amazons_words
from sluice.testing.fake_doors import Door
from sluice.testing.fake_gemini_request import in_googles_words
from sluice.testing.fake_refusal import UNREADABLE, Refusal, in_openai_words

DIMENSIONS = 16
"""Numbers in a vector that nobody gave a size."""
MAX_DIMENSIONS = 4096
MAX_INPUTS = 2048

_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode
_Size = Annotated[int, msgspec.Meta(ge=1, le=MAX_DIMENSIONS)]


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Return a text's vector, of length 1."""
    found = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        place = int.from_bytes(digest[:4], "big") % dimensions
        found[place] += 1 if digest[4] % 2 else -1
    if not any(found):
        found[0] = 1.0  # words that cancel each other out
    length = math.sqrt(sum(number * number for number in found))
    return [round(number / length, 8) for number in found]


# -- OpenAI -----------------------------------------------------------------------------------------------------------

_Tokens = Annotated[list[int], msgspec.Meta(min_length=1)]


class _OpenAi(msgspec.Struct, frozen=True, kw_only=True):
    input: str | list[object]
    model: str = ""
    dimensions: _Size | None = None
    encoding_format: Literal["float", "base64"] | None = None


def _openai(body: bytes, door: Door, model: str) -> bytes:
    asked = msgspec.json.decode(body, type=_OpenAi)
    named = door.model or asked.model
    if not named:
        raise Refusal(400, "you must provide a model parameter")
    texts = _texts(asked.input)
    vectors = [vector(text, asked.dimensions or DIMENSIONS) for text in texts]
    packed = asked.encoding_format == "base64"
    rows = [
        {"object": "embedding", "index": index, "embedding": _packed(found) if packed else found}
        for index, found in enumerate(vectors)
    ]
    tokens = sum(map(fake_words.count, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return _encode({"object": "list", "data": rows, "model": model or named, "usage": usage})


def _texts(given: str | list[object]) -> list[str]:
    """The texts of an input: one, several, or lists of tokens, which stand for themselves."""
    if isinstance(given, str):
        given = [given]
    if not given:
        raise Refusal(400, "Invalid 'input': input cannot be an empty array.", code="invalid_value", param="input")
    if len(given) > MAX_INPUTS:
        message = f"Invalid 'input': array too long. Expected an array with maximum length {MAX_INPUTS}."
        raise Refusal(400, message, code="array_above_max_length", param="input")
    if all(isinstance(each, int) for each in given):
        return [" ".join(map(str, given))]
    if not all(isinstance(each, str) for each in given):
        rows = msgspec.convert(given, list[_Tokens])
        return [" ".join(map(str, row)) for row in rows]
    texts = msgspec.convert(given, list[str])
    if not all(texts):
        raise Refusal(400, "Invalid 'input': input cannot be an empty string.", code="invalid_value", param="input")
    return texts


def _packed(found: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(found)}f", *found)).decode()


# -- Google -----------------------------------------------------------------------------------------------------------


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""


class _Content(msgspec.Struct, frozen=True, kw_only=True):
    parts: Annotated[list[_Part], msgspec.Meta(min_length=1)]


class _Embed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    content: _Content
    output_dimensionality: _Size | None = None

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.content.parts)


class _Batch(msgspec.Struct, frozen=True, kw_only=True):
    requests: Annotated[list[_Embed], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)]


class _Instance(msgspec.Struct, frozen=True, kw_only=True):
    content: str


class _Parameters(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    output_dimensionality: _Size | None = None


class _Predict(msgspec.Struct, frozen=True, kw_only=True):
    instances: Annotated[list[_Instance], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)]
    parameters: _Parameters = _Parameters()


def _google(body: bytes, door: Door, model: str) -> bytes:
    if door.call == "predict":
        predicted = msgspec.json.decode(body, type=_Predict)
        return _encode({"predictions": [_prediction(each.content, predicted) for each in predicted.instances]})
    if door.call == "batchEmbedContents":
        batch = msgspec.json.decode(body, type=_Batch)
        return _encode({"embeddings": [{"values": _values(each)} for each in batch.requests]})
    one = msgspec.json.decode(body, type=_Embed)
    return _encode({"embedding": {"values": _values(one)}})


def _values(asked: _Embed) -> list[float]:
    return vector(asked.text, asked.output_dimensionality or DIMENSIONS)


def _prediction(text: str, asked: _Predict) -> _Json:
    values = vector(text, asked.parameters.output_dimensionality or DIMENSIONS)
    return {"embeddings": {"values": values, "statistics": {"token_count": fake_words.count(text), "truncated": False}}}


# -- Amazon -----------------------------------------------------------------------------------------------------------


class _Titan(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    input_text: str
    dimensions: _Size | None = None


class _NovaText(msgspec.Struct, frozen=True, kw_only=True):
    value: str


class _NovaParams(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    text: _NovaText
    embedding_dimension: _Size | None = None


class _Nova(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    single_embedding_params: _NovaParams


class _Cohere(msgspec.Struct, frozen=True, kw_only=True):
    texts: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)]
    input_type: str
    embedding_types: list[str] | None = None
    output_dimension: _Size | None = None


def _amazon(body: bytes, door: Door, model: str) -> bytes:
    if "rerank" in door.model:
        return fake_rerank.reranked(body, door)
    if "cohere" in door.model:
        return _cohere(body)
    if "nova" in door.model:
        params = msgspec.json.decode(body, type=_Nova).single_embedding_params
        values = vector(params.text.value, params.embedding_dimension or DIMENSIONS)
        return _encode({"embeddings": [{"embeddingType": "TEXT", "embedding": values}]})
    titan = msgspec.json.decode(body, type=_Titan)
    values = vector(titan.input_text, titan.dimensions or DIMENSIONS)
    tokens = fake_words.count(titan.input_text)
    return _encode({"embedding": values, "embeddingsByType": {"float": values}, "inputTextTokenCount": tokens})


def _cohere(body: bytes) -> bytes:
    asked = msgspec.json.decode(body, type=_Cohere)
    rows = [vector(text, asked.output_dimension or DIMENSIONS) for text in asked.texts]
    by_type = asked.embedding_types is not None
    kind = "embeddings_by_type" if by_type else "embeddings_floats"
    found: _Json = {"id": fake_words.name(body, "", 32, "0123456789abcdef"), "response_type": kind}
    return _encode(found | {"embeddings": {"float": rows} if by_type else rows, "texts": asked.texts})


def embeddings(body: bytes, door: Door, model: str) -> bytes:
    """Return the vectors that a request asks for. `model`: who answers, if not the one that was asked.

    Raises:
        Refusal: 400; the body is not what the vendor expects.
    """
    write, word = _openai, in_openai_words
    if door.vendor == "gemini":
        write, word = _google, in_googles_words
    elif door.vendor == "converse":
        write, word = _amazon, in_amazons_words
    try:
        return write(body, door, model)
    except UNREADABLE as error:
        raise word(error) from None
