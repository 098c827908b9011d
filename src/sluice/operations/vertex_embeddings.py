"""Embeddings on Vertex AI: `publishers/google/models/{model}:predict`.

Source: docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api, read 2026-11-21. A
request holds 250 texts at most; `gemini-embedding-*` takes one at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.operations import embeddings
from sluice.operations.embeddings import Purpose, Vectors, Wanted
from sluice.operations.translation import Answered, Asked, Headers, not_an_answer

API = "Vertex AI's text embeddings"
MAX_INSTANCES = 250

_TASKS: dict[Purpose, str] = {
    "document": "RETRIEVAL_DOCUMENT",
    "query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "similarity": "SEMANTIC_SIMILARITY",
}


class _Statistics(msgspec.Struct, frozen=True):
    token_count: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None


class _Embeddings(msgspec.Struct):
    values: list[float]
    statistics: _Statistics = _Statistics()


class _Prediction(msgspec.Struct):
    embeddings: _Embeddings


class _Answer(msgspec.Struct):
    predictions: list[_Prediction]


_read_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


def translate(body: bytes, model: str, variables: Mapping[str, str]) -> Asked:
    """See `translation.Translation`."""
    wanted = embeddings.read(body, API)
    size = 1 if "gemini-embedding" in model else MAX_INSTANCES
    batches = [wanted.texts[start : start + size] for start in range(0, len(wanted.texts), size)]

    def read(bodies: Sequence[bytes], headers: Headers) -> Answered:
        return embeddings.write(_vectors(bodies), wanted, model)

    return Asked(bodies=tuple(_request(batch, wanted) for batch in batches), read=read)


def _request(texts: Sequence[str], wanted: Wanted) -> bytes:
    task = {"task_type": _TASKS[wanted.purpose]} if wanted.purpose else {}
    asked: dict[str, object] = {"instances": [{"content": text} | task for text in texts]}
    if wanted.dimensions is not None:
        asked["parameters"] = {"outputDimensionality": wanted.dimensions}
    return _encode(asked)


def _vectors(bodies: Sequence[bytes]) -> Vectors:
    try:
        found = [prediction.embeddings for body in bodies for prediction in _read_answer(body).predictions]
    except UNREADABLE:
        raise not_an_answer(API) from None
    counts = [each.statistics.token_count for each in found]
    known = [count for count in counts if count is not None]
    return Vectors(rows=[each.values for each in found], tokens=int(sum(known)) if known else None)
