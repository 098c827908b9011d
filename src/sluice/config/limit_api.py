"""Schema of what an operator says about limits: `rateLimit` of a policy and of the short form, `localRateLimit` and
`remoteRateLimit` of the short form, `entRateLimit` of the labs.

PURE. Obeys: compat-agentgateway 1.8 and 2.5, stream-life 9 (`key`, `concurrency`, `cutStream`), labs A014 to A016, B4.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, Name, Schema, Text
from sluice.config.guard_api import ServiceTarget
from sluice.config.units import Duration

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000_000)]
Burst = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)]
Places = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Unit = Literal["Seconds", "Minutes", "Hours"]
Kind = Literal["requests", "tokens", "Requests", "Tokens"]
FailureMode = Literal["FailClosed", "FailOpen", "failClosed", "failOpen"]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]

MIN_INTERVAL_S = 0.001


class LocalLimit(Schema):
    """One limit, in one of two forms, `{requests | tokens, unit, burst}` or `{maxTokens, tokensPerFill, fillInterval,
    type}`; and, beside or instead of it, `concurrency`."""

    requests: Count | None = None
    """Of each `unit`."""
    tokens: Count | None = None
    """The same, of tokens in and out."""
    unit: Unit | None = None
    burst: Burst | None = None
    """How many more a bucket holds. Unset = 0."""
    max_tokens: Count | None = None
    """What the bucket holds, whatever it counts."""
    tokens_per_fill: Count | None = None
    fill_interval: Duration | None = None
    type: Kind | None = None
    """What the second form counts. Unset = requests."""
    key: Expression | None = None
    """A bucket, and places, for each value. Unset = one for all."""
    concurrency: Places | None = None
    """Exchanges that may be under way at once."""
    cut_stream: bool = False
    """End a stream in its midst when its tokens are used up."""

    def __post_init__(self) -> None:
        first = self.requests is not None or self.tokens is not None
        second = self.max_tokens is not None or self.tokens_per_fill is not None or self.fill_interval is not None
        if first and second:
            raise ValueError("`requests` or `tokens` with `unit`, or `maxTokens` with `fillInterval`: not both")
        if self.requests is not None and self.tokens is not None:
            raise ValueError("`requests` and `tokens` are two limits: write two entries")
        if first and self.unit is None:
            raise ValueError("`unit` is missing: Seconds, Minutes or Hours")
        if not first and (self.unit is not None or self.burst is not None):
            raise ValueError("`unit` and `burst` belong to `requests` or `tokens`")
        if second:
            self._check_bucket()
        elif self.type is not None:
            raise ValueError(
                "`type` belongs to `maxTokens`; here it is `requests` or `tokens` that says what is counted"
            )
        if not first and not second and self.concurrency is None:
            raise ValueError("expected `requests`, `tokens`, `maxTokens` or `concurrency`")
        if self.cut_stream and self.tokens is None and str(self.type).lower() != "tokens":
            raise ValueError("`cutStream` belongs to a limit of tokens")

    def _check_bucket(self) -> None:
        if self.max_tokens is None or self.tokens_per_fill is None or self.fill_interval is None:
            raise ValueError("`maxTokens`, `tokensPerFill` and `fillInterval` belong together")
        if self.tokens_per_fill > self.max_tokens:
            raise ValueError("`tokensPerFill` cannot be more than `maxTokens`: it would not fit into the bucket")
        if self.fill_interval < MIN_INTERVAL_S:
            raise ValueError("`fillInterval` is 1ms at least")


class DescriptorEntry(Schema):
    """`name` and `expression` in a policy, `key` and `value` in the short form: both values are CEL."""

    name: Text | None = None
    key: Text | None = None
    expression: Expression | None = None
    value: Expression | None = None

    def __post_init__(self) -> None:
        if (self.name is None) == (self.key is None) or (self.expression is None) == (self.value is None):
            raise ValueError("expected `name` and `expression`, or `key` and `value`")


class DescriptorSettings(Schema):
    entries: Annotated[tuple[DescriptorEntry, ...], msgspec.Meta(min_length=1, max_length=16)]
    unit: Kind | None = None
    type: Kind | None = None
    """The same in the short form. Unset = requests."""
    cost: Expression | None = None
    limit_override: Expression | None = None

    def __post_init__(self) -> None:
        if self.unit is not None and self.type is not None:
            raise ValueError("`unit` and `type` are one setting")


class ConfigReference(Schema):
    """A RateLimitConfig."""

    name: Name
    namespace: Name | None = None


class GlobalLimit(Schema):
    """Limits of all replicas: a service that counts (`domain`, `descriptors` and where it is), or the shared store
    (`limits`, `rateLimitConfigRefs`)."""

    domain: Text | None = None
    descriptors: Annotated[tuple[DescriptorSettings, ...], msgspec.Meta(min_length=1, max_length=16)] | None = None
    backend_ref: ServiceTarget | None = None
    url: Address | None = None
    host: Address | None = None
    """`host:port`, as the short form has it."""
    limits: Annotated[tuple[LocalLimit, ...], msgspec.Meta(min_length=1, max_length=16)] | None = None
    rate_limit_config_refs: Annotated[tuple[ConfigReference, ...], msgspec.Meta(min_length=1, max_length=16)] | None = (
        None
    )
    failure_mode: FailureMode | None = None
    """Unset = FailClosed."""

    def __post_init__(self) -> None:
        ways = sum(each is not None for each in (self.backend_ref, self.url, self.host))
        own = self.limits is not None or self.rate_limit_config_refs is not None
        if self.descriptors is not None:
            if own:
                raise ValueError("`descriptors` are counted by a service, `limits` by the shared store: not both")
            if self.domain is None:
                raise ValueError("`domain` is missing: it is what the service knows these descriptors by")
            if ways != 1:
                raise ValueError("expected exactly one of `backendRef`, `url` and `host`: where the service is")
        elif not own:
            raise ValueError("expected `descriptors`, `limits` or `rateLimitConfigRefs`")
        elif ways or self.domain is not None:
            raise ValueError(
                "`limits` and `rateLimitConfigRefs` are counted by the gateway itself: no service is asked"
            )


LocalLimits = Annotated[tuple[LocalLimit, ...], msgspec.Meta(min_length=1, max_length=16)]


class LimitGroup(Schema):
    local: LocalLimits | None = None
    global_: GlobalLimit | None = msgspec.field(name="global", default=None)

    def __post_init__(self) -> None:
        if self.local is None and self.global_ is None:
            raise ValueError("expected `local` or `global`")


class ConditionalLimits(Schema):
    """Limits for requests of which a condition holds; without one, for all others."""

    policy: LimitGroup
    condition: Expression | None = None


class RateLimit(Schema):
    """`rateLimit`: limits for all requests, or the first of `conditional` whose condition holds, or both."""

    local: LocalLimits | None = None
    global_: GlobalLimit | None = msgspec.field(name="global", default=None)
    conditional: Annotated[tuple[ConditionalLimits, ...], msgspec.Meta(min_length=1, max_length=16)] | None = None

    def __post_init__(self) -> None:
        if self.local is None and self.global_ is None and self.conditional is None:
            raise ValueError("expected `local`, `global` or `conditional`")


class EnterpriseLimit(Schema):
    """`entRateLimit`, as the labs write it."""

    global_: GlobalLimit = msgspec.field(name="global")


class OptionLimit(EnterpriseLimit):
    """`rateLimitConfigs` of a RouteOption: they count tokens unless they say otherwise (lab E4)."""


class LimitSettings(Schema):
    """All of it; `spec.traffic` of a policy and `llm.policies` of the short form have these members among others."""

    rate_limit: RateLimit | None = None
    ent_rate_limit: EnterpriseLimit | None = None
    local_rate_limit: LocalLimits | None = None
    remote_rate_limit: GlobalLimit | None = None
