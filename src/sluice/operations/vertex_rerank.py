"""Rerank on Vertex AI: the ranking API of Discovery Engine, `rankingConfigs/default_ranking_config:rank`.

Source: docs.cloud.google.com/generative-ai-app-builder/docs/ranking and its REST reference, read 2026-11-21. At most
200 records; a record's id is its place in the client's list.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.operations import rerank
from sluice.operations.rerank import Ranked
from sluice.operations.translation import Answered, Asked, Headers, not_an_answer

API = "Vertex AI's ranking API"


class _Record(msgspec.Struct):
    id: str
    score: float = 0.0
    """Left out of the JSON when it is zero, as everything is in Google's."""


class _Answer(msgspec.Struct):
    records: list[_Record] = []


_read_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


def translate(body: bytes, model: str, variables: Mapping[str, str]) -> Asked:
    """See `translation.Translation`."""
    wanted = rerank.read(body, API)
    records = [{"id": str(place), "content": document.text} for place, document in enumerate(wanted.documents)]
    asked: dict[str, object] = {"model": model} if model else {}
    asked |= {
        "query": wanted.query,
        "records": records,
        "topN": wanted.top_n,
        "ignoreRecordDetailsInResponse": True,
    }

    def read(bodies: Sequence[bytes], headers: Headers) -> Answered:
        return rerank.write(_ranked(bodies[0]), wanted, model)

    return Asked(bodies=(_encode(asked),), read=read)


def _ranked(body: bytes) -> list[Ranked]:
    try:
        records = _read_answer(body).records
    except UNREADABLE:
        raise not_an_answer(API) from None
    if not all(record.id.isascii() and record.id.isdigit() and len(record.id) < 10 for record in records):
        raise not_an_answer(API)
    return [Ranked(int(record.id), record.score) for record in records]
