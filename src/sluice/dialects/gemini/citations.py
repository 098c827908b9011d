"""Where an answer has something from: `groundingMetadata` and `citationMetadata` read, `groundingMetadata` written.

Source: ai.google.dev/api/generate-content (GroundingMetadata, CitationMetadata), read 2026-11-21. Google counts bytes,
the vocabulary counts characters. Sources are written as `groundingMetadata`, because the Gemini API and Vertex have one
shape for it and two for `citationMetadata`.
"""

from collections.abc import Iterator, Sequence

import msgspec

from sluice.chat.content import Citation
from sluice.dialects.gemini.schema import Candidate, CitationMetadata, GroundingMetadata, Segment


def read(candidate: Candidate, text: str) -> list[Citation]:
    """Return the sources that a candidate names. `text` is the text that its positions count in."""
    found: list[Citation] = []
    if candidate.grounding_metadata is not None:
        found += _grounding(candidate.grounding_metadata, text)
    if candidate.citation_metadata is not None:
        found += _citations(candidate.citation_metadata, text)
    return found


def _grounding(metadata: GroundingMetadata, text: str) -> Iterator[Citation]:
    """One citation for each source of each supported segment, then the sources that support none."""
    sources = [chunk.web or chunk.retrieved_context or chunk.maps for chunk in metadata.grounding_chunks or ()]
    used: set[int] = set()
    for support in metadata.grounding_supports or ():
        start, end = _characters(support.segment, text)
        for index in support.grounding_chunk_indices or ():
            source = sources[index] if 0 <= index < len(sources) else None
            used.add(index)
            if source is not None:
                yield Citation(
                    url=source.uri or "", title=source.title or "", quote=source.text or "", start=start, end=end
                )
    for index, source in enumerate(sources):
        if index not in used and source is not None:
            yield Citation(url=source.uri or "", title=source.title or "", quote=source.text or "")


def _citations(metadata: CitationMetadata, text: str) -> Iterator[Citation]:
    for source in [*(metadata.citation_sources or ()), *(metadata.citations or ())]:
        start, end = _characters(Segment(start_index=source.start_index, end_index=source.end_index), text)
        yield Citation(url=source.uri or "", title=source.title or "", start=start, end=end)


def _characters(segment: Segment | None, text: str) -> tuple[int, int]:
    """Byte positions as characters; -1, -1 if they are not said or not in the text."""
    if segment is None or segment.end_index is None:
        return -1, -1
    start, end = segment.start_index or 0, segment.end_index
    data = text.encode("utf-8", "replace")
    if not 0 <= start <= end <= len(data):
        return -1, -1
    return len(data[:start].decode("utf-8", "ignore")), len(data[:end].decode("utf-8", "ignore"))


class Sources:
    """The `groundingMetadata` of one candidate, as its citations come in."""

    __slots__ = ("_cited", "_rows")

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], dict[str, object]] = {}
        """The sources, by what tells them apart."""
        self._cited: list[tuple[Citation, list[str], int]] = []

    def add(self, citation: Citation, pieces: list[str], part: int) -> None:
        """Take a citation of the text that consists of these pieces, perhaps more to come, and is the part number
        `part`."""
        self._rows.setdefault(_key(citation), _chunk(citation))
        if 0 <= citation.start <= citation.end:
            self._cited.append((citation, pieces, part))

    def written(self) -> dict[str, object] | None:
        if not self._rows:
            return None
        body: dict[str, object] = {"groundingChunks": list(self._rows.values())}
        numbers = {key: number for number, key in enumerate(self._rows)}
        supports = [
            {
                "segment": _segment(citation, "".join(pieces), part),
                "groundingChunkIndices": [numbers[_key(citation)]],
            }
            for citation, pieces, part in self._cited
        ]
        return body | {"groundingSupports": supports} if supports else body


def _key(citation: Citation) -> tuple[str, str, str]:
    return citation.url, citation.title, citation.quote


def _chunk(citation: Citation) -> dict[str, object]:
    """A page of the web has no place for a quote; a document of one's own has."""
    if citation.url and not citation.quote:
        return {"web": {"uri": citation.url, "title": citation.title}}
    source = {"uri": citation.url, "title": citation.title, "text": citation.quote}
    return {"retrievedContext": {name: value for name, value in source.items() if value}}


def _segment(citation: Citation, text: str, part: int) -> dict[str, object]:
    said = text[citation.start : citation.end]
    start = len(text[: citation.start].encode("utf-8", "replace"))
    where: dict[str, object] = {"partIndex": part} if part else {}
    return where | {
        "startIndex": start,
        "endIndex": start + len(said.encode("utf-8", "replace")),
        "text": said,
    }


def distinct(citations: Sequence[Citation], seen: set[bytes]) -> list[Citation]:
    """Return those that were not seen before: Google repeats its metadata from chunk to chunk."""
    fresh = []
    for citation in citations:
        key = msgspec.json.encode(citation)
        if key not in seen:
            seen.add(key)
            fresh.append(citation)
    return fresh
