"""Schemas of shaping: what may stand in `traffic` of a policy, in `policies` of a backend and of the short form, and
with a model. Those of the filters of an HTTPRoute are in filter_api.py.

PURE. Obeys: compat-agentgateway 2.2, 2.3, 2.5 and 3.1; Gateway API 1.4, HTTPHeaderFilter and HTTPCORSFilter (read
2026-11-21). Headers and expressions may be written as a list of `name` and `value`, as manifests have it, or as a
mapping, as the short form has it.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, Schema, Text
from sluice.config.struct_fields import fields_of
from sluice.config.units import duration
from sluice.policies import origin

FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")]
ComputedName = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^:?[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")]
"""A header's, or one of `:path`, `:authority`, `:method`."""
FieldText = Annotated[str, msgspec.Meta(max_length=4096)]
PreciseHost = Annotated[
    str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?\Z")
]
RewrittenPath = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^(/[!-\"$->@-~]*)?\Z")]
"""Visible ASCII, neither `?` nor `#`; empty = `/`."""
Status = Annotated[int, msgspec.Meta(ge=200, le=599)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Member = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^.]+(\.[^.]+)*\Z")]
"""A member of a body; a dotted path leads into nested objects."""


def _at_least_one(value: msgspec.Struct) -> None:
    fields = fields_of(value)
    if all(getattr(value, field.name) in (None, (), {}) for field in fields):
        raise ValueError(f"expected at least one of {', '.join(f'`{field.encode_name}`' for field in fields)}")


# -- headers ----------------------------------------------------------------------------------------------------------


class HeaderValue(Schema):
    name: FieldName
    value: FieldText


HeaderValues = (
    Annotated[tuple[HeaderValue, ...], msgspec.Meta(max_length=16)]
    | Annotated[dict[FieldName, FieldText], msgspec.Meta(max_length=16)]
)


class HeaderModifier(Schema):
    """A header may stand in it once (Gateway API)."""

    set: HeaderValues = ()
    add: HeaderValues = ()
    remove: Annotated[tuple[FieldName, ...], msgspec.Meta(max_length=16)] = ()

    def __post_init__(self) -> None:
        _at_least_one(self)
        names = [name.lower() for name in (*_names(self.set), *_names(self.add), *self.remove)]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ValueError(f"the header `{twice}` stands in it twice")


class HeaderModifiers(Schema):
    request: HeaderModifier | None = None
    response: HeaderModifier | None = None

    def __post_init__(self) -> None:
        _at_least_one(self)


def _names(values: HeaderValues) -> list[str]:
    return list(values) if isinstance(values, dict) else [item.name for item in values]


# -- pages of other origins -------------------------------------------------------------------------------------------

MethodWord = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"]
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=origin.MAX_CHARS)]


class CorsSettings(Schema):
    allow_origins: Annotated[tuple[Pattern, ...], msgspec.Meta(max_length=64)] = ()
    allow_methods: Annotated[tuple[MethodWord, ...], msgspec.Meta(max_length=9)] = ()
    allow_headers: Annotated[tuple[FieldName, ...], msgspec.Meta(max_length=64)] = ()
    expose_headers: Annotated[tuple[FieldName, ...], msgspec.Meta(max_length=64)] = ()
    allow_credentials: bool = False
    max_age: Annotated[int, msgspec.Meta(ge=1, le=86400 * 365)] | str = 5
    """Seconds, or as the short form has it, `24h`."""

    def __post_init__(self) -> None:
        for pattern in self.allow_origins:
            origin.check(pattern)
        for name, values in (("allowOrigins", self.allow_origins), ("allowMethods", self.allow_methods)):
            if origin.ANY in values and len(values) > 1:
                raise ValueError(f"`{name}` has `*` beside others")
        if self.max_age_s < 1:
            raise ValueError("`maxAge` is a second at least")

    @property
    def max_age_s(self) -> int:
        return self.max_age if isinstance(self.max_age, int) else int(duration(self.max_age))


class CsrfSettings(Schema):
    additional_origins: Annotated[tuple[Pattern, ...], msgspec.Meta(max_length=16)] = ()

    def __post_init__(self) -> None:
        for pattern in self.additional_origins:
            origin.check(pattern)


# -- transformations --------------------------------------------------------------------------------------------------


class NamedExpression(Schema):
    name: ComputedName
    value: Expression


Expressions = (
    Annotated[tuple[NamedExpression, ...], msgspec.Meta(max_length=16)]
    | Annotated[dict[ComputedName, Expression], msgspec.Meta(max_length=16)]
)


class TransformSettings(Schema):
    set: Expressions = ()
    add: Expressions = ()
    remove: Annotated[tuple[FieldName, ...], msgspec.Meta(max_length=16)] = ()
    body: Expression | None = None
    metadata: Annotated[dict[Text, Expression], msgspec.Meta(max_length=16)] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        _at_least_one(self)


class TransformationPair(Schema):
    request: TransformSettings | None = None
    response: TransformSettings | None = None


class ConditionalTransformation(Schema):
    policy: TransformationPair
    condition: Expression | None = None


class TransformationSettings(TransformationPair):
    """`traffic.transformation`, `backend.transformation`, `policies.transformations` of the short form."""

    conditional: Annotated[tuple[ConditionalTransformation, ...], msgspec.Meta(max_length=16)] = ()

    def __post_init__(self) -> None:
        _at_least_one(self)
        if self.conditional and (self.request or self.response):
            raise ValueError("expected either `conditional`, or `request` and `response`")
        check_fallback(self.conditional)


class FieldExpression(Schema):
    field: Member
    expression: Expression


FieldExpressions = (
    Annotated[tuple[FieldExpression, ...], msgspec.Meta(max_length=64)]
    | Annotated[dict[Member, Expression], msgspec.Meta(max_length=64)]
)
"""`ai.transformations` and `ai.finalTransformations`; `transformation` and `finalTransformation` of a model."""


class PromptCachingSettings(Schema):
    cache_system: bool = True
    cache_messages: bool = True
    cache_tools: bool = False
    min_tokens: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 1024
    cache_message_offset: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0


def check_fallback(entries: tuple["ConditionalTransformation | ConditionalDirect | ConditionalDelay", ...]) -> None:
    """Check that only the last of several entries goes without a condition.

    Raises:
        ValueError: another one does; what follows it would never be reached.
    """
    if any(entry.condition is None for entry in entries[:-1]):
        raise ValueError("only the last entry may have no `condition`")


# -- answers and faults -----------------------------------------------------------------------------------------------


class DirectAnswer(Schema):
    status: Status | None = None
    body: Annotated[str, msgspec.Meta(max_length=1 << 20)] | None = None
    body_expression: Expression | None = None
    headers: Expressions = ()

    def __post_init__(self) -> None:
        if self.body is not None and self.body_expression is not None:
            raise ValueError("expected `body` or `bodyExpression`, not both")
        if self.status in (204, 205, 304) and (self.body or self.body_expression):
            raise ValueError(f"an answer with the status {self.status} has no body")


class ConditionalDirect(DirectAnswer):
    """The answer stands in the entry, or in its `policy`."""

    condition: Expression | None = None
    policy: DirectAnswer | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.policy is None) == (self.status is None) or (self.policy and self.policy.status is None):
            raise ValueError("expected a `status`, once")


class DirectResponseSettings(DirectAnswer):
    conditional: Annotated[tuple[ConditionalDirect, ...], msgspec.Meta(max_length=16)] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.conditional) == (self.status is not None):
            raise ValueError("expected either a `status` or `conditional`")
        check_fallback(self.conditional)


class DelayEntry(Schema):
    duration: Expression | None = None
    """`250ms`, or CEL: `duration("250ms")`."""
    percent: Percent | None = None
    """An addition of Sluice: of the requests."""


class ConditionalDelay(DelayEntry):
    """The delay stands in the entry, or in its `policy`."""

    condition: Expression | None = None
    policy: DelayEntry | None = None

    def __post_init__(self) -> None:
        if (self.policy is None) == (self.duration is None) or (self.policy and self.policy.duration is None):
            raise ValueError("expected a `duration`, once")


class DelaySettings(DelayEntry):
    conditional: Annotated[tuple[ConditionalDelay, ...], msgspec.Meta(max_length=16)] = ()

    def __post_init__(self) -> None:
        if bool(self.conditional) == (self.duration is not None):
            raise ValueError("expected either a `duration` or `conditional`")
        check_fallback(self.conditional)


class AbortSettings(Schema):
    """An addition of Sluice: an error for a share of the requests, in the client's dialect."""

    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    percent: Percent = 100.0
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | None = None


class HostRewriteSettings(Schema):
    mode: Literal["Auto", "None"]
