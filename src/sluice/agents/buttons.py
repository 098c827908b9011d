"""Buttons: a one-time token of 128 bits for each, and what the store keeps of it.

    cb::{graph type}::{22 characters of base64url}

    pending ── press ──► processing ──┬── the handler returned ──► completed        nothing leads out of it
       │                     │        └── it failed ─────────────► failed ── press, while retries < 3 ──► processing
       └── too late ──► expired

Of a token the store has only the digest: who reads the store can press nothing. Every change is a `swap_item`, so that
of two who press at the same time one wins, on whichever worker; and none of them moves the time at which the record is
forgotten. agents.md B9, B10.
"""

import re
import secrets
from hashlib import sha256
from typing import Any

import msgspec

from sluice.agents.button import Button, Status
from sluice.agents.callback_audit import Audit
from sluice.agents.callbacks import Callback
from sluice.agents.catalogue import Catalogue
from sluice.agents.ports import Items, Now
from sluice.errors import NotFound
from sluice.runs.records import Item, Run

NAMESPACE = ("callback", "token")
KEEP_MS = 3_600_000
"""How long a record outlives its button: so long its presses are told why they come to nothing."""
MAX_PARAMS = 16_384
"""Bytes of a button's parameters as JSON."""
_TOKEN = re.compile(r"cb::[A-Za-z0-9_.-]{1,129}::[A-Za-z0-9_-]{22}\Z")


class Found(msgspec.Struct, frozen=True):
    """A button, and the item it was read from: what a change is made against."""

    button: Button
    item: Item


class ButtonDesk:
    """Issues tokens and finds their records."""

    def __init__(self, items: Items, now: Now, catalogue: Catalogue) -> None:
        self._items, self._now, self._catalogue = items, now, catalogue
        self._audit = Audit(items, now)

    async def issue(self, run: Run, name: str, params: dict[str, Any]) -> str:
        """Return a one-time token for a press of that handler with these parameters.

        Raises:
            NotFound: the agent has no such handler.
            ValueError: the parameters are larger than MAX_PARAMS.
            TypeError: JSON has no word for one of them.
        """
        callback = handler_of(self._catalogue, run.agent, run.version, name)
        data = msgspec.json.encode(params)
        if len(data) > MAX_PARAMS:
            raise ValueError(f"the parameters of a button are {len(data)} bytes; at most {MAX_PARAMS} are kept")
        token = f"cb::{run.agent}::{secrets.token_urlsafe(16)}"
        now = self._now()
        button = Button(
            agent=run.agent,
            version=run.version,
            handler=name,
            params=msgspec.json.decode(data),
            owner=run.owner,
            thread_id=run.thread_id,
            run_id=run.id,
            stored=run.stored,
            created=now,
            expires=now + int(callback.ttl_s * 1000),
            scopes=callback.scopes,
            since=now,
        )
        await self._items.put_item(
            Item(
                namespace=NAMESPACE,
                key=digest(token),
                value=msgspec.to_builtins(button),
                created=now,
                updated=now,
                expires=button.expires + KEEP_MS,
            )
        )
        await self._audit.note("issued", run.owner, button)
        return token

    async def find(self, token: str) -> Found | None:
        """Return the button of a token; None if there is none, or not any more."""
        if _TOKEN.match(token) is None:
            return None
        item = await self._items.get_item(NAMESPACE, digest(token))
        return None if item is None else Found(msgspec.convert(item.value, Button), item)

    async def change(self, found: Found, status: Status, **fields: Any) -> Found | None:
        """Bring a button into another status. None: somebody else has changed it since it was read."""
        now = self._now()
        button = msgspec.structs.replace(found.button, status=status, since=now, **fields)
        item = msgspec.structs.replace(found.item, value=msgspec.to_builtins(button), updated=now)
        return Found(button, item) if await self._items.swap_item(item, found.item) else None


def handler_of(catalogue: Catalogue, agent: str, version: str, name: str) -> Callback:
    """Return the handler of that name, of that version of an agent or of a compatible one.

    Raises:
        NotFound: there is none.
    """
    callback = catalogue.get(f"{agent}::{version}").callbacks.get(name)
    if callback is None:
        raise NotFound(f"agent {agent!r} has no callback {name!r}")
    return callback


def digest(token: str) -> str:
    """Return what the store knows a token by."""
    return sha256(token.encode()).hexdigest()
