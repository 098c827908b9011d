"""Schemas of what operators want to see: `config.logging`, `config.metrics` and `frontendPolicies` of the short form,
`frontend.accessLog` and `frontend.metrics` of policies.

PURE. Obeys: compat-agentgateway 3.3; agentgateway, api/v1alpha1 `AccessLog`, `MetricLabels` (read 2026-11-21). `sample`
is an addition of Sluice.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, HeaderName, Schema
from sluice.config.unserved import Later, instead

LineField = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[!#-<>-\[\]-~]+\Z")]
"""Of a log line or a span: visible ASCII without quote, `=` and backslash."""
LabelName = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z][A-Za-z0-9_]*\Z")]
"""Of a metric: letters, digits and `_`, a letter first."""
MetricName = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z_:][A-Za-z0-9_:]*\Z")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
NO_LOG_DATABASE = instead("the line goes to standard output; `fields` chooses what is in it")
NO_OTLP_LOGS = instead("the line goes to standard output, where every collector reads it")


# -- config -----------------------------------------------------------------------------------------------------------


class FieldChanges(Schema):
    """Of a log line or a span: what it has besides, by a CEL expression each, and what it goes without."""

    add: dict[LineField, Expression] = msgspec.field(default_factory=dict)
    remove: tuple[LineField, ...] = ()


class LoggingSpec(Schema):
    level: Literal["debug", "info", "warn", "error"] | None = None
    format: Literal["text", "json", "auto"] | None = None
    filter: Expression | None = None
    """Of the exchanges: one gets a line if this is true."""
    sample: Share | None = None
    """Share of the exchanges that completed which get a line. 1 if unset."""
    fields: FieldChanges = FieldChanges()
    database: Annotated[Later, NO_LOG_DATABASE] = None


class LabelChanges(Schema):
    add: Annotated[dict[LabelName, Expression], msgspec.Meta(max_length=16)] = msgspec.field(default_factory=dict)


class MetricsSpec(Schema):
    remove: tuple[MetricName, ...] = ()
    fields: LabelChanges = LabelChanges()


SensitiveHeaders = tuple[HeaderName, ...]


class ShortAccessLog(Schema):
    """Of `frontendPolicies`: says over `config.logging` what it says."""

    filter: Expression | None = None
    sample: Share | None = None
    add: dict[LineField, Expression] = msgspec.field(default_factory=dict)
    remove: tuple[LineField, ...] = ()
    otlp: Annotated[Later, NO_OTLP_LOGS] = None
    database: Annotated[Later, NO_LOG_DATABASE] = None


# -- policies ---------------------------------------------------------------------------------------------------------


class NamedExpression(Schema):
    name: LineField
    expression: Expression


class Attributes(Schema):
    """The same as FieldChanges, as policies write it."""

    add: Annotated[tuple[NamedExpression, ...], msgspec.Meta(max_length=64)] = ()
    remove: Annotated[tuple[LineField, ...], msgspec.Meta(max_length=32)] = ()

    def __post_init__(self) -> None:
        if not (self.add or self.remove):
            raise ValueError("expected at least one of `add`, `remove`")


class AccessLogSettings(Schema):
    filter: Expression | None = None
    sample: Share | None = None
    attributes: Attributes | None = None
    otlp: Annotated[Later, NO_OTLP_LOGS] = None

    def __post_init__(self) -> None:
        if (self.filter, self.sample, self.attributes, self.otlp) == (None, None, None, None):
            raise ValueError("expected at least one of `filter`, `sample`, `attributes`")


class NamedLabel(Schema):
    name: LabelName
    expression: Expression


class LabelAttributes(Schema):
    add: Annotated[tuple[NamedLabel, ...], msgspec.Meta(min_length=1, max_length=16)]


class MetricLabelSettings(Schema):
    attributes: LabelAttributes
