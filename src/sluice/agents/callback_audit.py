"""Who pressed what, and what came of it: kept for thirty days, given out as JSON or CSV. agents.md B13.

Never a token, a parameter or an answer: an entry says that, when, by whom and on what, and how it ended.
"""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Literal

import msgspec

from sluice.agents.button import Button
from sluice.agents.ids import uuid7
from sluice.agents.ports import Items, Now
from sluice.runs.records import Item

Action = Literal[
    "issued",
    "pressed",
    "completed",
    "failed",
    "retried",
    "replayed",
    "expired",
    "denied",
    "limited",
    "refused",
]
"""`replayed`: answered with the result of an earlier press; `denied`: not by this user, or not any more; `refused`: no
such token."""
KEEP_MS = 30 * 24 * 3_600_000
MAX_ENTRIES = 1000
"""How many one export gives."""


class Noted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of the trail. `at`: milliseconds since 1970."""

    at: int
    action: Action
    user: str
    graph_type: str = ""
    handler: str = ""
    thread_id: str = ""
    run_id: str = ""
    detail: str = ""
    """An error's code, the limit that was reached, the number of the attempt."""
    duration_ms: float | None = None


class Audit:
    """The trail of each user."""

    def __init__(self, items: Items, now: Now) -> None:
        self._items, self._now = items, now

    async def note(
        self, action: Action, user: str, button: Button | None, detail: str = "", duration_ms: float | None = None
    ) -> Noted:
        """Keep a line and return it."""
        now = self._now()
        known = button if button is not None and button.owner == user else None
        noted = Noted(
            at=now,
            action=action,
            user=user,
            graph_type=known.agent if known else "",
            handler=known.handler if known else "",
            thread_id=known.thread_id if known else "",
            run_id=known.run_id if known else "",
            detail=detail,
            duration_ms=duration_ms,
        )
        place, value = ("callback", "audit", user), msgspec.to_builtins(noted)
        await self._items.put_item(
            Item(namespace=place, key=uuid7(), value=value, created=now, updated=now, expires=now + KEEP_MS)
        )
        return noted

    async def trail(self, user: str, *, action: str = "", limit: int = 100) -> list[Noted]:
        """Return a user's lines, the newest first."""
        wanted = {"action": action} if action else None
        found = await self._items.search_items(
            ("callback", "audit", user), filter=wanted, limit=min(limit, MAX_ENTRIES)
        )
        return [msgspec.convert(item.value, Noted) for item in found]


def as_csv(trail: Sequence[Noted]) -> str:
    """Return a trail as RFC 4180 has it, with a head. A cell that a spreadsheet would take for a formula is quoted."""
    out = StringIO()
    names = [field.encode_name for field in msgspec.structs.fields(Noted)]
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    for noted in trail:
        writer.writerow({name: _cell(value) for name, value in msgspec.to_builtins(noted).items()})
    return out.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
