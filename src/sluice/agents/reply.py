"""A whole answer: what a handler returns, or a callback gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sluice.runs.messages import Part


class Reply(msgspec.Struct, frozen=True):
    """Text, and what goes with it."""

    text: str = ""
    parts: Sequence[Part] = ()
    attachments: Sequence[Mapping[str, Any]] = ()
    """Each `{"type", "value", "metadata"}`, as seed 004 has them."""
    patch: Mapping[str, Any] | None = None
    """Of a callback: what the page does to the message that held the button."""
