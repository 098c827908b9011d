"""What a controller would write into `status` of the objects of a configuration."""

import msgspec

from sluice.config.frozen import Frozen


class Condition(Frozen):
    """A Kubernetes condition. `scope` says of what: a parent, a listener, or empty for the object itself."""

    type: str
    status: bool
    reason: str
    message: str = ""
    scope: str = ""


class ObjectStatus(Frozen):
    """The conditions of one configuration object, as a controller would write them into `status`."""

    kind: str
    name: str
    file: str
    line: int
    conditions: tuple[Condition, ...]
    attached_routes: dict[str, int] = msgspec.field(default_factory=dict)
    """Of a Gateway: listener -> how many routes are attached to it."""
