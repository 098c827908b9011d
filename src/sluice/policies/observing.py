"""What an operator wants to see of an exchange besides what is always told: fields, labels, attributes, and of which.

Guarantee: an expression is evaluated once per exchange, when that has ended, and only if something names it; one that
fails gives nothing, and a field of nothing is left out. What is evaluated never delays or fails an exchange.
Obeys: compat-agentgateway 3.3 (`config.logging`, `config.metrics`, `config.tracing`) and 4.1 to 4.4; labs A001.
"""

from typing import Literal

import msgspec

Fields = tuple[tuple[str, str], ...]
"""Name -> a CEL expression over the variables of `policies.scene.VARIABLES`."""


class Logging(msgspec.Struct, frozen=True, kw_only=True):
    """Of the access log."""

    filter: str = ""
    """Only exchanges for which this holds get a line; empty = all do."""
    sample: float = 1.0
    """Share of the exchanges that completed which get a line; what did not complete, or has a status of 400 and above,
    always gets one."""
    add: Fields = ()
    remove: tuple[str, ...] = ()
    """Names of fields that are left out."""


class Tracing(msgspec.Struct, frozen=True, kw_only=True):
    """Where spans go, and of which exchanges there are any."""

    endpoint: str
    """`http://host:4317` or `https://...`."""
    protocol: Literal["grpc", "http"] = "grpc"
    path: str = "/v1/traces"
    """Of `http`."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent to the collector; may hold a secret."""
    random_sampling: str = "false"
    """CEL: true, false or a share; of exchanges that come without a sampled trace."""
    client_sampling: str = "true"
    """CEL: the same of those whose client has sampled them."""
    add: Fields = ()
    remove: tuple[str, ...] = ()
    resources: Fields = ()
    """Of the whole process: evaluated once, over nothing."""


class Observing(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. What a listener or a route says stands over what the process says."""

    logging: Logging = Logging()
    labels: Fields = ()
    """Of the metrics, looked at when the process starts."""
    removed_metrics: tuple[str, ...] = ()
    tracing: Tracing | None = None
    sensitive_headers: tuple[str, ...] = ()
    """In lower case: whose values no field, label or attribute shows, beside those whose names tell."""


NOTHING = Observing()


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What those expressions came to, of one exchange."""

    logged: bool = True
    """It gets a line."""
    fields: tuple[tuple[str, object], ...] = ()
    """Of the line: values of JSON."""
    removed: frozenset[str] = frozenset()
    """Names of fields that the line goes without."""
    labels: tuple[str, ...] = ()
    """Values of `Observing.labels`, in its order; `unknown` where an expression failed."""
    attributes: tuple[tuple[str, object], ...] = ()
    """Of the span: values of JSON."""


UNOBSERVED = Observed()
