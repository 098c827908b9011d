"""What a page asks an agent for besides conversation: data for its own views. agents.md B21.

@agent.endpoint("accounts.list")
async def accounts(call):
    return Envelope(data=[...], meta={"total": 3})
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sluice.agents.items import ItemStore


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One question."""

    name: str
    method: str
    data: Any
    user: str
    """The authenticated principal."""
    store: ItemStore
    context: Mapping[str, Any] = {}
    """Company, channel and platform, as the client says: nothing to base a permission on."""


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer. `meta` may have total, page, redirect, message."""

    data: Any = None
    schema: Any = None
    meta: Mapping[str, Any] | None = None


async def answered(function: Callable[..., Any], call: Call) -> dict[str, Any]:
    """Return what an endpoint says, in its envelope; a plain value is the data of one."""
    said = function(call)
    if inspect.isawaitable(said):
        said = await said
    if isinstance(said, Mapping) and said and said.keys() <= {"schema", "data", "meta"}:
        said = Envelope(**said)
    if not isinstance(said, Envelope):
        said = Envelope(said)
    return {"schema": said.schema, "data": said.data, "meta": dict(said.meta or {})}
