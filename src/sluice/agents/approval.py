"""A person's answer to "may this tool be called?", in the shapes that clients send it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

APPROVAL: Final[Mapping[str, Any]] = {
    "anyOf": [
        {"type": "boolean"},
        {
            "type": "object",
            "properties": {
                "approved": {"type": "boolean"},
                "input": {"type": "object", "description": "Arguments in place of the model's."},
                "reason": {"type": "string"},
            },
            "required": ["approved"],
        },
    ]
}
"""JSON schema of the answer."""
_YES = frozenset({"approve", "approved", "accept", "allow", "yes", "y", "true", "ok"})


class Approved(msgspec.Struct, frozen=True):
    """What a person said."""

    allowed: bool
    input: Any = None
    """Arguments in place of the model's; None = those."""
    note: str = ""
    """Why not, for the model."""


def approved(answer: Any) -> Approved:
    """Return what an answer says; one that does not clearly allow it does not."""
    if isinstance(answer, bool):
        return Approved(answer)
    if isinstance(answer, str):
        return Approved(answer.strip().lower() in _YES)
    if not isinstance(answer, Mapping):
        return Approved(False)
    said = next((answer[key] for key in ("approved", "approve", "decision", "type") if key in answer), False)
    edited = next((answer[key] for key in ("input", "args", "arguments") if isinstance(answer.get(key), Mapping)), None)
    note = answer.get("reason")
    allowed = approved(said).allowed if isinstance(said, bool | str) else False
    return Approved(allowed, edited if allowed else None, note if isinstance(note, str) else "")
