"""Citations between Anthropic's five types and the vocabulary's one.

What crosses is where a text has something from: address, title, the words quoted, the document's number. A position in
the *source* has no place in the vocabulary, whose positions are the answer's.
"""

from collections.abc import Iterable

import msgspec

from sluice.chat import content
from sluice.chat.seal import MARK
from sluice.dialects.anthropic_messages import schema
from sluice.dialects.reading import UNREADABLE

_read = msgspec.json.Decoder(schema.Citation).decode


def read(raw: msgspec.Raw, start: int = -1, end: int = -1) -> content.Citation | None:
    """Return a citation of the text from `start` to `end`, in characters; None if it cannot be read."""
    try:
        wire = _read(raw)
    except UNREADABLE:
        return None
    return content.Citation(
        url=wire.url or wire.source or "",
        title=wire.title or wire.document_title or "",
        quote=wire.cited_text or "",
        start=start,
        end=end,
        document=-1 if wire.document_index is None else wire.document_index,
    )


def read_all(raws: Iterable[msgspec.Raw]) -> tuple[content.Citation, ...]:
    """Return the citations of a text in the history, those that can be read."""
    return tuple(citation for citation in map(read, raws) if citation is not None)


def write(citation: content.Citation) -> dict[str, object]:
    """Return a citation of another provider for a client of this API. A document's position is not known and given as
    its beginning; the mark in place of Anthropic's own proof has it taken out again before Anthropic sees it."""
    if citation.document >= 0 and not citation.url:
        return {
            "type": "char_location",
            "cited_text": citation.quote,
            "document_index": citation.document,
            "document_title": citation.title or None,
            "start_char_index": 0,
            "end_char_index": 0,
        }
    return {
        "type": "web_search_result_location",
        "cited_text": citation.quote,
        "encrypted_index": MARK,
        "title": citation.title or None,
        "url": citation.url,
    }
