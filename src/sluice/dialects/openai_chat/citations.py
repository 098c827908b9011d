"""Citations as chat completions have them: `annotations`, by URL. One without a URL has no place and is left out."""

import msgspec

from sluice.chat.content import Citation
from sluice.chat.events import Cited, Event, Unrecognised
from sluice.dialects.openai_chat.schema import UNREADABLE


class _Url(msgspec.Struct):
    url: str = ""
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Annotation(msgspec.Struct):
    type: str = ""
    url_citation: _Url | None = None


def read(choice: int, annotations: msgspec.Raw, events: list[Event]) -> None:
    """Read the member `annotations` of a delta or message; never raises."""
    events += [Cited(choice, row) if isinstance(row, Citation) else Unrecognised(row) for row in citations(annotations)]


def citations(annotations: msgspec.Raw) -> list[Citation | str]:
    """Return each citation, or the word for what is none that we know."""
    try:
        rows = msgspec.json.decode(annotations, type=list[_Annotation] | None)
    except UNREADABLE:
        return ["annotations"]
    found: list[Citation | str] = []
    for row in rows or ():
        at = row.url_citation
        if at is None:
            found.append(f"annotation:{row.type}")
        else:
            found.append(
                Citation(
                    url=at.url,
                    title=at.title or "",
                    start=-1 if at.start_index is None else at.start_index,
                    end=-1 if at.end_index is None else at.end_index,
                )
            )
    return found


def write(citation: Citation) -> dict[str, object] | None:
    """Return the annotation, None if it cannot be said. The official client demands positions: unknown ones are 0."""
    if not citation.url:
        return None
    at = {
        "url": citation.url,
        "title": citation.title,
        "start_index": max(citation.start, 0),
        "end_index": max(citation.end, 0),
    }
    return {"type": "url_citation", "url_citation": at}
