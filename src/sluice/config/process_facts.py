"""Facts of the Plan that are about the process as a whole: bounds, logs, side doors, prices."""

import msgspec

from sluice.config.frozen import Frozen
from sluice.policies.cost import Catalog


class Limits(Frozen):
    """Bounds on what a client or a provider may send. Bytes and seconds."""

    max_head_bytes: int = 64 << 10
    max_body_bytes: int = 32 << 20
    head_timeout_s: float = 30.0
    """From the first byte of a request's head to its last."""
    idle_timeout_s: float = 600.0
    """How long a kept-alive client connection may rest."""
    pool_idle_timeout_s: float = 90.0
    max_buffered_bytes: int = 1 << 30
    """Of the bodies of all requests that are still being read or wait behind another one, in the whole process."""


class Logging(Frozen):
    """`format` is json, text, or auto (text on a terminal)."""

    format: str = "auto"
    level: str = "info"


class Addresses(Frozen):
    """Where the side doors listen: `host:port`, or `off`. Empty = the default of the process."""

    admin: str = ""
    stats: str = ""
    readiness: str = ""


class Prices(Frozen):
    """Prices of models: those that stand in the configuration, or a file with them, which whoever serves reads."""

    catalog: Catalog = msgspec.field(default_factory=dict)
    file: str = ""
