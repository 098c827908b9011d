"""Rerank as Cohere's clients speak it, versions 1 and 2: read the request, write the answer, write an error.

Source: docs.cohere.com/reference/rerank and /v1/reference/rerank, read 2026-11-21. An error is `{"message": "..."}`.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from sluice.dialects.dialect import Field
from sluice.dialects.reading import NULL, UNREADABLE, explain
from sluice.errors import BadRequest, ProtocolError, SluiceError
from sluice.operations.translation import Answered, read_known

MAX_DOCUMENTS = 10_000
"""Of one request (the vendor's own bound). They are read one by one, and nobody else has a turn meanwhile."""
MAX_RANK_FIELDS = 100
"""They are looked for in each document."""

_OWN_BOUND = "the other APIs cut long documents by rules of their own"

FIELDS: dict[str, Field] = {
    "model": Field("read"),
    "query": Field("read"),
    "documents": Field("read", "texts, or objects whose `text` is meant"),
    "top_n": Field("read"),
    "return_documents": Field("read", "version 1: Sluice puts them into the answer"),
    "rank_fields": Field("read", "version 1: these members of each document, one line each, are its text"),
    "max_tokens_per_doc": Field("read", f"for Cohere's models; left out for others: {_OWN_BOUND}"),
    "max_chunks_per_doc": Field("dropped", f"version 1; {_OWN_BOUND}"),
    "priority": Field("dropped", "the order in which Cohere's own queue is served"),
}
"""What becomes of each member in a translation."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is ranked, and the JSON that the client gave for it."""

    text: str
    raw: msgspec.Raw


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked for."""

    query: str
    documents: tuple[Document, ...]
    top_n: int
    """At most as many as there are documents."""
    shows: bool
    """The answer holds the documents."""
    max_tokens_per_document: int | None = None


class Ranked(msgspec.Struct, frozen=True):
    """One document's place in the request, and how relevant it is."""

    index: int
    score: float


class _Body(msgspec.Struct):
    query: str
    documents: list[msgspec.Raw]
    top_n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
    max_tokens_per_doc: Annotated[int, msgspec.Meta(ge=1)] | None = None


_read_body = msgspec.json.Decoder(_Body).decode
_read_text = msgspec.json.Decoder(str).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def read(body: bytes, api: str) -> Wanted:
    """Read the body of `POST /v2/rerank` or `/v1/rerank`, for a provider of another API, named `api` in errors.

    Raises:
        BadRequest: it is not what the API asks for, or cannot be translated; `param` names the place.
    """
    try:
        known = _read_body(body)
        _bounded("documents", known.documents, MAX_DOCUMENTS)
        _bounded("rank_fields", known.rank_fields or (), MAX_RANK_FIELDS)
        documents = tuple(_document(raw, known.rank_fields or ()) for raw in known.documents)
    except UNREADABLE as error:
        raise explain(error, body) from None
    read_known(body, FIELDS, api)
    if not known.query:
        raise BadRequest("Invalid value for 'query': it is empty.", param="query")
    if not documents:
        raise BadRequest("Invalid value for 'documents': there is none.", param="documents")
    return Wanted(
        query=known.query,
        documents=documents,
        top_n=min(known.top_n or len(documents), len(documents)),
        shows=bool(known.return_documents),
        max_tokens_per_document=known.max_tokens_per_doc,
    )


def _bounded(name: str, given: Sequence[object], most: int) -> None:
    if len(given) > most:
        raise BadRequest(f"Invalid '{name}': array too long. At most {most} elements are allowed.", param=name)


def _document(raw: msgspec.Raw, names: Sequence[str]) -> Document:
    data = bytes(raw)
    if data.startswith(b'"'):
        return Document(text=_read_text(raw), raw=msgspec.Raw(_encode({"text": raw})))
    members = _read_members(raw)
    wanted = names or ("text",)
    lines = [_line(name, members[name], plain=not names) for name in wanted if members.get(name, NULL) != NULL]
    if not lines:
        words = " or ".join(f"'{name}'" for name in wanted)
        raise BadRequest(f"Invalid value for 'documents': one of them has no {words}.", param="documents")
    return Document(text="\n".join(lines), raw=raw)


def _line(name: str, raw: msgspec.Raw, *, plain: bool) -> str:
    data = bytes(raw)
    text = _read_text(raw) if data.startswith(b'"') else data.decode()
    return text if plain else f"{name}: {text}"


def write(ranked: Sequence[Ranked], wanted: Wanted, model: str) -> Answered:
    """Write the answer. Neither translated API counts tokens or search units, so none are invented.

    Raises:
        ProtocolError: a place is none of the request's documents, or stands twice.
    """
    places = [each.index for each in ranked]
    if len(set(places)) != len(places) or not all(0 <= place < len(wanted.documents) for place in places):
        raise ProtocolError("the provider's answer ranks documents that were not sent to it")
    rows: list[dict[str, object]] = []
    for each in ranked:
        row: dict[str, object] = {"index": each.index, "relevance_score": each.score}
        rows.append(row | {"document": wanted.documents[each.index].raw} if wanted.shows else row)
    return Answered(body=_encode({"results": rows, "meta": {"api_version": {"version": "2"}}}), model=model)


def write_error(error: SluiceError) -> bytes:
    """Write an error as a whole body."""
    return _encode({"message": str(error).encode("utf-8", "replace").decode()})
