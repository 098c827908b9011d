"""Put the fake provider's port into a plan, once it is known."""

from typing import TypeVar

import msgspec

from sluice.config.plan import Endpoint, Plan

T = TypeVar("T")


def with_fake_at(plan: Plan, port: int) -> Plan:
    """Return the plan with every endpoint that waits for a port (0) given this one."""
    return _rewired(plan, port)


def _rewired(value: T, port: int) -> T:
    if isinstance(value, Endpoint):
        return msgspec.structs.replace(value, port=port) if value.port == 0 else value
    if isinstance(value, tuple):
        return type(value)(_rewired(item, port) for item in value)
    if isinstance(value, msgspec.Struct):
        changed = {name: _rewired(getattr(value, name), port) for name in value.__struct_fields__}
        return type(value)(**changed)
    return value
