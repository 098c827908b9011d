"""A whole answer: what a handler returns, or a callback gives."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sluice.runs.messages import Part

if TYPE_CHECKING:
    from sluice.agents.context import Context


class Reply(msgspec.Struct, frozen=True):
    """Text, and what goes with it."""

    text: str = ""
    parts: Sequence[Part] = ()
    attachments: Sequence[Mapping[str, Any]] = ()
    """Each `{"type", "value", "metadata"}`, as seed 004 has them."""
    patch: Mapping[str, Any] | None = None
    """Of a callback: what the page does to the message that held the button."""

    async def write(self, ctx: "Context") -> None:
        """Write it to a run."""
        await ctx.say(self.text)
        for part in self.parts:
            await ctx.say(part)
        for item in self.attachments:
            await ctx.attach(item["type"], item.get("value"), **item.get("metadata") or {})
