"""An action is done once, however many buttons or clicks ask for it: idempotency by key. agents.md B11.

    (new) ── begin ──► in_progress ──┬── done ────► completed   an hour: its result is the answer to every other press
                                     └── failed ──► failed      five minutes: for the record; the next press begins anew

One that is in progress for five minutes is given up for dead: its item runs out. The key is what the client gave, or
the handler, the user and the parameters.
"""

from hashlib import sha256
from typing import Any, Literal

import msgspec

from sluice.agents.button import Button
from sluice.agents.ports import Items, Now
from sluice.runs.records import Item

State = Literal["in_progress", "completed", "failed"]
KEEP_MS: dict[State, int] = {"in_progress": 300_000, "completed": 3_600_000, "failed": 300_000}
NAMESPACE = ("callback", "once")


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an action."""

    state: State
    what: str
    """Digest of handler and parameters: a key that comes with others is a mistake."""
    result: dict[str, Any] | None = None


def key_of(button: Button, given: str) -> str:
    """Return the key of a press."""
    return given or f"{button.agent}:{button.handler}:{button.owner}:{what(button)[:16]}"


def what(button: Button) -> str:
    """Return the digest of what a press would do."""
    said = [button.agent, button.handler, button.params]
    return sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


class Once:
    """The actions of all users."""

    def __init__(self, items: Items, now: Now) -> None:
        self._items, self._now = items, now

    async def begin(self, button: Button, key: str) -> Entry | None:
        """Claim an action: None = it is the caller's, who says `end` when it has ended. Otherwise what is known of it,
        in progress or completed."""
        place = self._place(button, key)
        known = await self._items.get_item(NAMESPACE, place)
        if known is not None:
            entry = msgspec.convert(known.value, Entry)
            if entry.state != "failed":
                return entry
        mine = Entry(state="in_progress", what=what(button))
        if await self._items.swap_item(self._item(place, mine), known):
            return None
        return mine  # somebody else has begun it just now

    async def end(self, button: Button, key: str, result: dict[str, Any] | None) -> None:
        """Say how it ended: with a result, or, with None, as failed."""
        state: State = "failed" if result is None else "completed"
        entry = Entry(state=state, what=what(button), result=result)
        await self._items.put_item(self._item(self._place(button, key), entry))

    def _place(self, button: Button, key: str) -> str:
        return sha256(f"{button.owner}\n{key}".encode()).hexdigest()

    def _item(self, place: str, entry: Entry) -> Item:
        now = self._now()
        expires = now + KEEP_MS[entry.state]
        value = msgspec.to_builtins(entry)
        return Item(namespace=NAMESPACE, key=place, value=value, created=now, updated=now, expires=expires)
