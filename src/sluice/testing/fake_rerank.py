"""Reranking by the fake provider, in Cohere's, Amazon's and Google's shapes.

Pure and deterministic: a document is as relevant as it shares words with the query. Sources, read 2026-11-21:
docs.cohere.com/reference/rerank, docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html,
cloud.google.com/generative-ai-app-builder/docs/ranking.
"""

import math
import re
from collections.abc import Sequence
from typing import Annotated

import msgspec

from sluice.testing import fake_words
from sluice.testing.fake_converse_request import in_amazons_words
from sluice.testing.fake_doors import Door
from sluice.testing.fake_gemini_request import in_googles_words
from sluice.testing.fake_refusal import UNREADABLE, in_openai_words

MAX_DOCUMENTS = 1000

_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode
_Most = Annotated[int, msgspec.Meta(ge=1)] | None


def relevance(query: str, document: str) -> float:
    """Return how many of their words a query and a document share, 0 to 1."""
    wanted, found = (set(re.findall(r"\w+", text.lower())) for text in (query, document))
    return round(len(wanted & found) / math.sqrt(len(wanted) * len(found)), 6) if wanted and found else 0.0


def _ranked(query: str, texts: Sequence[str], most: int | None) -> list[tuple[int, float]]:
    """Places and their relevance, the most relevant first; of equals the first."""
    worth = [relevance(query, text) for text in texts]
    return [(place, worth[place]) for place in sorted(range(len(texts)), key=lambda place: (-worth[place], place))][
        :most
    ]


# -- Cohere -----------------------------------------------------------------------------------------------------------


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class _Cohere(msgspec.Struct, frozen=True, kw_only=True):
    query: str
    documents: Annotated[list[str | _Document], msgspec.Meta(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: _Most = None
    return_documents: bool | None = None


def _cohere(body: bytes) -> bytes:
    asked = msgspec.json.decode(body, type=_Cohere)
    texts = [each if isinstance(each, str) else each.text for each in asked.documents]
    rows: list[_Json] = []
    for place, worth in _ranked(asked.query, texts, asked.top_n):
        shown: _Json = {"document": {"text": texts[place]}} if asked.return_documents else {}
        rows.append({"index": place, "relevance_score": worth} | shown)
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return _encode({"id": fake_words.name(body, "", 32, "0123456789abcdef"), "results": rows, "meta": meta})


# -- Amazon -----------------------------------------------------------------------------------------------------------


class _Query(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    text_query: _Document


class _Inline(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    text_document: _Document | None = None
    json_document: dict[str, object] | None = None

    @property
    def text(self) -> str:
        if self.text_document is not None:
            return self.text_document.text
        return msgspec.json.encode(self.json_document or {}).decode()


class _Source(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    inline_document_source: _Inline


class _Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    model_arn: str


class _Inner(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    model_configuration: _Model
    number_of_results: _Most = None


class _Configuration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    bedrock_reranking_configuration: _Inner


class _Amazon(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    queries: Annotated[list[_Query], msgspec.Meta(min_length=1, max_length=1)]
    sources: Annotated[list[_Source], msgspec.Meta(min_length=1, max_length=MAX_DOCUMENTS)]
    reranking_configuration: _Configuration


def _amazon(body: bytes) -> bytes:
    asked = msgspec.json.decode(body, type=_Amazon)
    texts = [source.inline_document_source.text for source in asked.sources]
    most = asked.reranking_configuration.bedrock_reranking_configuration.number_of_results
    found = _ranked(asked.queries[0].text_query.text, texts, most)
    return _encode({"results": [{"index": place, "relevanceScore": worth} for place, worth in found]})


# -- Google -----------------------------------------------------------------------------------------------------------


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str = ""
    content: str = ""


class _Google(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    query: str
    records: Annotated[list[_Record], msgspec.Meta(min_length=1, max_length=200)]
    top_n: _Most = None
    ignore_record_details_in_response: bool = False


def _google(body: bytes) -> bytes:
    asked = msgspec.json.decode(body, type=_Google)
    texts = [f"{record.title} {record.content}" for record in asked.records]
    rows: list[_Json] = []
    for place, worth in _ranked(asked.query, texts, asked.top_n):
        record = asked.records[place]
        shown: _Json = {"id": record.id, "title": record.title, "content": record.content}
        rows.append(({"id": record.id} if asked.ignore_record_details_in_response else shown) | {"score": worth})
    return _encode({"records": rows})


def reranked(body: bytes, door: Door) -> bytes:
    """Return the documents of a request by relevance.

    Raises:
        Refusal: 400; the body is not what the vendor expects.
    """
    write, word = _cohere, in_openai_words
    if door.vendor == "gemini":
        write, word = _google, in_googles_words
    elif door.vendor == "converse":
        write, word = (_cohere if door.call == "invoke" else _amazon), in_amazons_words
    try:
        return write(body)
    except UNREADABLE as error:
        raise word(error) from None
