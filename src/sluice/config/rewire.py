"""Put into a plan what is known only when the process runs: the fake provider's port, the port it listens on."""

from typing import TypeVar

import msgspec

from sluice.config.plan import Endpoint, Plan
from sluice.errors import ConfigError

T = TypeVar("T")


def with_fake_at(plan: Plan, port: int) -> Plan:
    """Return the plan with every endpoint that waits for a port (0) given this one."""
    return _rewired(plan, port)


def with_port(plan: Plan, port: int) -> Plan:
    """Return the plan with its one port replaced: requests are routed by the port that they came in through.

    Raises:
        ConfigError: the plan listens on several ports; it cannot be said which one is meant.
    """
    written = sorted({listener.port for listener in plan.listeners})
    if len(written) > 1:
        ports = ", ".join(map(str, written))
        raise ConfigError(f"one port cannot replace {len(written)}: {ports}", path="--port", hint="leave it out")
    moved = tuple(msgspec.structs.replace(listener, port=port) for listener in plan.listeners)
    return msgspec.structs.replace(plan, listeners=moved)


def _rewired(value: T, port: int) -> T:
    if isinstance(value, Endpoint):
        return msgspec.structs.replace(value, port=port) if value.port == 0 else value
    if isinstance(value, tuple):
        return type(value)(_rewired(item, port) for item in value)
    if isinstance(value, msgspec.Struct):
        changed = {name: _rewired(getattr(value, name), port) for name in value.__struct_fields__}
        return type(value)(**changed)
    return value
