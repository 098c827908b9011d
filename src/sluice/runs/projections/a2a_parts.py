"""What the versions of A2A share in JSON: times, files, and the fields that only some messages have."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from sluice.runs.messages import DataPart, FilePart, Message, Part, TextPart

OPAQUE = "a2a"
"""Where a message keeps what A2A says beside its parts: `extensions`, `referenceTaskIds`, `security` (SAGE)."""
Said = TextPart | FilePart | DataPart
"""Parts that A2A has a word for: tools and reasoning are the agent's own business."""


def iso(ts: int) -> str:
    """Return a time in milliseconds since 1970 as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sayable(parts: tuple[Part, ...]) -> list[Said]:
    """Return the parts that A2A has a word for."""
    return [part for part in parts if isinstance(part, Said)]


def inline(url: str) -> str | None:
    """Return what a `data:` URL holds as base64; None if it is another URL."""
    if not url.startswith("data:"):
        return None
    head, _, body = url.partition(",")
    return body if head.endswith(";base64") else b64encode(unquote_to_bytes(body)).decode()


def beside(message: Message, task_id: str, context_id: str, *, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a message beside its role and parts; those that say nothing are left out. `known`: those of
    OPAQUE that the version has."""
    metadata = dict(message.metadata)
    kept = metadata.pop(OPAQUE, None)
    fields: dict[str, Any] = {"messageId": message.id, "contextId": context_id, "taskId": task_id}
    if metadata:
        fields["metadata"] = metadata
    told = {key: value for key, value in fields.items() if value}
    return told | {key: kept[key] for key in known if isinstance(kept, dict) and key in kept}
