"""Schema of ratelimit.solo.io/v1alpha1 RateLimitConfig: descriptors with limits, and how a request becomes one.

PURE. Obeys: labs A014, A016 and B4; docs.solo.io, RateLimitConfig (read 2026-11-21). What is `Later` is refused.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, HeaderName, Object, Schema, Text
from sluice.config.unserved import Ignored, Later, instead

GROUP = "ratelimit.solo.io"
JWT_METADATA = "envoy.filters.http.jwt_authn"

Unit = Literal["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"]
UNIT_S = {
    "SECOND": 1,
    "MINUTE": 60,
    "HOUR": 3600,
    "DAY": 86_400,
    "WEEK": 604_800,
    "MONTH": 2_592_000,
    "YEAR": 31_536_000,
}
"""A month has 30 days, a year 365."""


class RateSettings(Schema):
    requests_per_unit: Annotated[int, msgspec.Meta(ge=1, le=(1 << 32) - 1)]
    """Or tokens, as the `type` of what asks for it says."""
    unit: Unit


class DescriptorTree(Schema):
    """One entry of a descriptor, its limit, and the entries that may follow it."""

    key: Text
    value: Text | None = None
    """Unset = any that no neighbour names: each value has a counter of its own."""
    rate_limit: RateSettings | None = None
    descriptors: tuple["DescriptorTree", ...] = ()
    weight: Later = None
    always_apply: Later = None

    def __post_init__(self) -> None:
        if self.rate_limit is None and not self.descriptors:
            raise ValueError("expected `rateLimit` or `descriptors`: an entry without either limits nothing")


class GenericKey(Schema):
    descriptor_value: Text
    descriptor_key: Text = "generic_key"


class RequestHeaders(Schema):
    header_name: HeaderName
    descriptor_key: Text


class CelAction(Schema):
    expression: Expression
    key: Text


class MetadataStep(Schema):
    key: Text


class MetadataKey(Schema):
    key: Text
    path: Annotated[tuple[MetadataStep, ...], msgspec.Meta(min_length=1, max_length=16)]


class MetadataAction(Schema, kw_only=True):
    """A claim of a verified token, as Envoy's filter of tokens notes it (lab E4)."""

    descriptor_key: Text
    metadata_key: MetadataKey
    source: Literal["DYNAMIC"] = "DYNAMIC"
    default: Text | None = None
    default_value: Text | None = None
    """The same."""

    def __post_init__(self) -> None:
        steps = [step.key for step in self.metadata_key.path]
        if self.metadata_key.key != JWT_METADATA or steps[0] != "principal" or len(steps) < 2:
            raise ValueError(
                f"only claims are known here: the key {JWT_METADATA} and a path that begins with `principal`; "
                "`cel` knows everything else"
            )


_ACTIONS = ("generic_key", "request_headers", "remote_address", "cel", "metadata")


class Action(Schema):
    """What one entry of a descriptor is made of."""

    generic_key: GenericKey | None = None
    request_headers: RequestHeaders | None = None
    remote_address: dict[str, Ignored] | None = None
    cel: CelAction | None = None
    header_value_match: Annotated[Later, instead("`cel` with an expression over `request.headers`")] = None
    metadata: MetadataAction | None = None
    source_cluster: Later = None
    destination_cluster: Later = None

    def __post_init__(self) -> None:
        later = (self.header_value_match, self.source_cluster, self.destination_cluster)
        found = sum(getattr(self, name) is not None for name in _ACTIONS)
        if found != 1 and not any(each is not None for each in later):
            written = "`genericKey`, `requestHeaders`, `remoteAddress`, `cel` and `metadata`"
            raise ValueError(f"expected exactly one of {written}")


class ActionList(Schema):
    """Actions whose entries, in their order, make one descriptor."""

    actions: Annotated[tuple[Action, ...], msgspec.Meta(min_length=1, max_length=16)]
    type: Literal["REQUEST", "TOKEN"] | None = None
    """Unset = requests; of a RouteOption tokens."""
    set_actions: Later = None
    limit: Later = None


class RawConfig(Schema):
    descriptors: Annotated[tuple[DescriptorTree, ...], msgspec.Meta(min_length=1, max_length=256)]
    rate_limits: Annotated[tuple[ActionList, ...], msgspec.Meta(min_length=1, max_length=16)]
    domain: Text | None = None
    """Names that equal each other in two domains are two limits, as they are in two objects."""
    set_descriptors: Later = None


class RateLimitConfigSpec(Schema):
    raw: RawConfig


class RateLimitConfig(Object, kw_only=True):
    spec: RateLimitConfigSpec
