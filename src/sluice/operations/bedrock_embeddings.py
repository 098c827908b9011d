"""Embeddings on Amazon Bedrock: `InvokeModel`, whose body is each model family's own.

Sources: docs.aws.amazon.com/bedrock/latest/userguide (Titan Text Embeddings, Titan Multimodal Embeddings, Cohere
Embed) and docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html, read 2026-11-21. Titan and Nova take one
text at a time, Cohere 96. Cohere's tokens are counted in a header only.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.errors import BadRequest
from sluice.operations import embeddings
from sluice.operations.embeddings import Purpose, Vectors, Wanted
from sluice.operations.translation import Answered, Asked, Headers, counted, not_an_answer

API = "Amazon Bedrock's embedding models"
TOKENS = b"x-amzn-bedrock-input-token-count"
MAX_COHERE_TEXTS = 96

_encode = msgspec.json.Encoder().encode


class _Family(msgspec.Struct, frozen=True):
    """Models that share a body: the mark in their ids, how many texts they take, how to ask and to read."""

    mark: str
    batch: int
    write: Callable[[Sequence[str], Wanted, str], dict[str, object]]
    read: Callable[[bytes], tuple[Sequence[Sequence[float]], int | None]]


def translate(body: bytes, model: str, variables: Mapping[str, str]) -> Asked:
    """See `translation.Translation`."""
    wanted = embeddings.read(body, API)
    family = next((family for family in _FAMILIES if family.mark in model), None)
    if family is None:
        known = "Titan, Nova and Cohere"
        raise BadRequest(f"The model '{model}' is none of the embedding models on Bedrock: {known}.", param="model")
    size = family.batch
    batches = [wanted.texts[start : start + size] for start in range(0, len(wanted.texts), size)]

    def read(bodies: Sequence[bytes], headers: Headers) -> Answered:
        return embeddings.write(_vectors(family, bodies, headers), wanted, model)

    return Asked(bodies=tuple(_encode(family.write(batch, wanted, model)) for batch in batches), read=read)


def _vectors(family: _Family, bodies: Sequence[bytes], headers: Headers) -> Vectors:
    try:
        found = [family.read(body) for body in bodies]
    except UNREADABLE:
        raise not_an_answer(API) from None
    counts = [tokens for _, tokens in found if tokens is not None]
    tokens = sum(counts) if counts else counted(headers, TOKENS)
    return Vectors(rows=[row for rows, _ in found for row in rows], tokens=tokens)


# -- Titan ------------------------------------------------------------------------------------------------------------


class _TitanAnswer(msgspec.Struct, rename="camel"):
    embedding: list[float]
    input_text_token_count: int | None = None


_decode_titan = msgspec.json.Decoder(_TitanAnswer).decode


def _titan_v1(texts: Sequence[str], wanted: Wanted, model: str) -> dict[str, object]:
    embeddings.one_size(wanted, model)
    return {"inputText": texts[0]}


def _titan_v2(texts: Sequence[str], wanted: Wanted, model: str) -> dict[str, object]:
    return {"inputText": texts[0]} | _sized("dimensions", wanted)


def _titan_image(texts: Sequence[str], wanted: Wanted, model: str) -> dict[str, object]:
    size = _sized("outputEmbeddingLength", wanted)
    return {"inputText": texts[0]} | ({"embeddingConfig": size} if size else {})


def _read_titan(body: bytes) -> tuple[Sequence[Sequence[float]], int | None]:
    answer = _decode_titan(body)
    return [answer.embedding], answer.input_text_token_count


# -- Nova -------------------------------------------------------------------------------------------------------------

_NOVA_PURPOSES: dict[Purpose, str] = {
    "document": "GENERIC_INDEX",
    "query": "GENERIC_RETRIEVAL",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "similarity": "GENERIC_INDEX",
}


class _NovaEmbedding(msgspec.Struct):
    embedding: list[float]


class _NovaAnswer(msgspec.Struct):
    embeddings: list[_NovaEmbedding]


_decode_nova = msgspec.json.Decoder(_NovaAnswer).decode


def _nova(texts: Sequence[str], wanted: Wanted, model: str) -> dict[str, object]:
    """`NONE`: a text that is too long is refused, as OpenAI refuses it, and not cut in silence."""
    params: dict[str, object] = {
        "embeddingPurpose": _NOVA_PURPOSES[wanted.purpose or "document"],
        "text": {"truncationMode": "NONE", "value": texts[0]},
    }
    params |= _sized("embeddingDimension", wanted)
    return {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": params,
    }


def _read_nova(body: bytes) -> tuple[Sequence[Sequence[float]], int | None]:
    return [each.embedding for each in _decode_nova(body).embeddings], None


# -- Cohere -----------------------------------------------------------------------------------------------------------

_COHERE_PURPOSES: dict[Purpose, str] = {
    "document": "search_document",
    "query": "search_query",
    "classification": "classification",
    "clustering": "clustering",
    "similarity": "clustering",
}


class _ByType(msgspec.Struct):
    floats: list[list[float]] = msgspec.field(name="float")


class _CohereAnswer(msgspec.Struct):
    embeddings: list[list[float]] | _ByType


_decode_cohere = msgspec.json.Decoder(_CohereAnswer).decode


def _cohere(texts: Sequence[str], wanted: Wanted, model: str) -> dict[str, object]:
    """`input_type` has to be said; documents are what is embedded most."""
    if "-v3" in model:
        embeddings.one_size(wanted, model)
    asked = {"texts": list(texts), "input_type": _COHERE_PURPOSES[wanted.purpose or "document"]}
    return asked | _sized("output_dimension", wanted)


def _read_cohere(body: bytes) -> tuple[Sequence[Sequence[float]], int | None]:
    found = _decode_cohere(body).embeddings
    return found.floats if isinstance(found, _ByType) else found, None


def _sized(name: str, wanted: Wanted) -> dict[str, object]:
    return {} if wanted.dimensions is None else {name: wanted.dimensions}


_FAMILIES = (
    _Family("titan-embed-text-v1", 1, _titan_v1, _read_titan),
    _Family("titan-embed-g1", 1, _titan_v1, _read_titan),
    _Family("titan-embed-image", 1, _titan_image, _read_titan),
    _Family("titan-embed", 1, _titan_v2, _read_titan),
    _Family("cohere.embed", MAX_COHERE_TEXTS, _cohere, _read_cohere),
    _Family("amazon.nova", 1, _nova, _read_nova),
)
"""The first whose mark is in a model's id, which a region may stand before: `eu.cohere.embed-v4:0`."""
