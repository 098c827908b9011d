"""The Plan: the whole configuration as one frozen value, ready to be asked.

Everything that can be decided before a request arrives is decided here. A stream keeps the Plan it began with; a reload
swaps the reference. Nothing in a Plan is ever changed in place.
"""

from typing import Literal

import msgspec

from sluice.config.frozen import Frozen
from sluice.config.ledger_url import LedgerUrl
from sluice.config.process_facts import Addresses as Addresses
from sluice.config.process_facts import Limits as Limits
from sluice.config.process_facts import Logging as Logging
from sluice.config.process_facts import Prices as Prices
from sluice.config.status import ObjectStatus
from sluice.config.store_url import RedisUrl
from sluice.policies.access import Access
from sluice.policies.admission import Admission
from sluice.policies.ai import AiPolicy
from sluice.policies.budget import Budget
from sluice.policies.deadlines import Deadlines, OwnClocks
from sluice.policies.health import Health
from sluice.policies.limiting import Limiting
from sluice.policies.mirroring import Mirror
from sluice.policies.observing import NOTHING, Observing
from sluice.policies.retry import Retry
from sluice.policies.shaping import Shaping
from sluice.policies.streaming import Streaming
from sluice.providers.credential import CloudAuth, Credential, Placement, Secret
from sluice.providers.provider import Provider, Served


class Tls(Frozen):
    """How to speak TLS to a target, or with clients."""

    server_name: str = ""
    """SNI and the name to verify; empty = the host."""
    ca_pem: str = ""
    """Trust these authorities and no others; empty = the system's."""
    verify: bool = True


class ListenerTls(Frozen):
    """A listener's certificate chain and key, both PEM."""

    certificate_pem: str
    key_pem: Secret


class Endpoint(Frozen):
    """Where a target listens. Equal endpoints share a connection pool."""

    host: str
    port: int
    tls: Tls | None = None

    @property
    def label(self) -> str:
        """`host:port`, the field `endpoint` of the access log."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Target(Frozen):
    """One provider + model + credential: what an attempt goes to."""

    name: str
    """The provider's name inside its backend; the backend's own name when there is only one."""
    provider: Provider
    endpoint: Endpoint
    endpoints: dict[str, Endpoint] = msgspec.field(default_factory=dict)
    """Operation (a route type) -> where it is asked for, if that is another host."""
    model: str = ""
    """Replaces the model of the body when not empty."""
    default_model: str = ""
    """The model of a request that names none."""
    strips: str = ""
    """What a client's name of a model may begin with and the provider's does not: `groq/`."""
    chat_path: str = ""
    """Whole path of a chat request; empty = the provider's."""
    base_path: str | None = None
    """Replaces the provider's base path; None = the provider's."""
    serves: tuple[Served, ...] = ()
    """The dialects that this target speaks, where the operator says so; empty = the provider's."""
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    """Values of the variables in the provider's paths and query: `region`, `project`, `deployment` ..."""
    ai: AiPolicy = AiPolicy()
    """Inline in the provider or its backend."""
    cloud: CloudAuth | None = None
    """Signs requests instead of a credential."""
    credential: Secret | None = None
    passthrough: bool = False
    """Forward the client's own Authorization header instead of a credential of ours."""
    credentials: tuple[Credential, ...] = ()
    """More of them, each with its place."""
    placement: Placement | None = None
    """Where the credential goes; None = where the provider expects it."""
    clocks: OwnClocks | None = None
    """In place of the route's; None = it says nothing, and no attempt has to look any further."""
    weight: int = 1
    """Of its share of the requests of its group, where those of the group differ."""
    health: Health = Health()
    shaping: Shaping = Shaping()


class AiBackend(Frozen):
    """A backend that speaks a dialect: groups of targets in order of priority."""

    name: str
    """`namespace/name`."""
    groups: tuple[tuple[Target, ...], ...]
    ai: AiPolicy = AiPolicy()
    """Of policies that target the backend."""
    access: Access = Access()
    """Who may ask it, beside what its rule says: `extAuth` of a backend, `authorization` of a model."""
    shaping: Shaping = Shaping()


class HttpBackend(Frozen):
    """A backend that speaks plain HTTP: bytes go through unread."""

    name: str
    endpoint: Endpoint
    clocks: OwnClocks | None = None
    """See `Target`."""
    access: Access = Access()
    """See `AiBackend`."""
    shaping: Shaping = Shaping()


Backend = AiBackend | HttpBackend


class WeightedBackend(Frozen):
    """A backend of a rule.

    `backend` is None if its reference did not resolve: its share of requests gets a 500 (Gateway API,
    HTTPBackendRef).
    """

    weight: int
    backend: Backend | None
    error: str = ""
    shaping: Shaping = Shaping()


class Rule(Frozen):
    """What happens to a request that matched."""

    name: str
    """The rule's name or its number, the label `route_rule`."""
    backends: tuple[WeightedBackend, ...]
    deadlines: Deadlines = Deadlines()
    streaming: Streaming = Streaming()
    retry: Retry = Retry()
    error_format: Literal["json", "text"] = "json"
    """Of errors that the gateway writes: an object in the client's dialect, or the bare sentence."""
    ai: AiPolicy = AiPolicy()
    """Of policies that target the route. Per member the strongest that says something wins: the target's, this one,
    the backend's, the gateway's."""
    gateway_ai: AiPolicy = AiPolicy()
    """Of policies that target the Gateway or its listener."""
    access: Access = Access()
    limits: Limiting = Limiting()
    budgets: tuple[Budget, ...] = ()
    shaping: Shaping = Shaping()
    mirrors: tuple[Mirror[Backend], ...] = ()
    """Who gets copies."""
    sources: tuple[tuple[str, str], ...] = ()
    """Kind of policy that holds here, and the object that says so: for people."""
    streams: bool = False
    """A chat request that does not say whether it streams does (`routeType: CHAT_STREAMING`)."""


class PathMatch(Frozen):
    """`kind` is Exact, PathPrefix (whole segments) or RegularExpression (whole path, RE2-like subset)."""

    kind: str = "PathPrefix"
    value: str = "/"


class ValueMatch(Frozen):
    """A header (name lower case) or query parameter that must have a value."""

    name: str
    value: str
    regex: bool = False


class Match(Frozen):
    """All conditions must hold."""

    path: PathMatch = PathMatch()
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()
    method: str = ""


class Entry(Frozen):
    """One match of one rule of one route.

    A listener's entries stand in order of precedence: the first that matches wins.
    """

    hostname: str
    """Empty = any; may begin with `*.`."""
    match: Match
    route: str
    """`namespace/name`."""
    rule: Rule
    answer: Literal["backends", "by_model", "model_list"] = "backends"
    """Who answers: the rule's backends; the backend of `Plan.models` that the body's model names; or the list of
    public `Plan.models`.
    """


class Listener(Frozen):
    """A port that clients connect to."""

    name: str
    gateway: str
    """`namespace/name`."""
    port: int
    hostname: str = ""
    tls: ListenerTls | None = None
    entries: tuple[Entry, ...] = ()
    access: Access = Access()
    """Who may ask, before a route is chosen (`phase: PreRouting`)."""
    shaping: Shaping = Shaping()
    """What becomes of a request before a route is chosen."""
    sources: tuple[tuple[str, str], ...] = ()
    """Of both; see `Rule`."""
    observing: Observing | None = None
    """In place of the plan's; None = the plan's."""

    @property
    def bind(self) -> str:
        """The label `bind`: `8080/namespace/name`."""
        return f"{self.port}/{self.gateway}"


class Alternative(Frozen):
    """One of several backends behind a virtual model."""

    backend: AiBackend
    weight: int = 1
    when: str = ""
    """A CEL expression over the request; the first alternative whose expression holds answers, an empty one holds."""


class ModelRoute(Frozen):
    """A model of the unified addresses: which backend answers for a name (exact, `prefix*`, `*suffix`, `*`).

    A virtual model has alternatives, chosen by weight, or in order if any of them has a condition. Fail-over needs
    none: it is one backend with several groups.
    """

    pattern: str
    matches: tuple[tuple[ValueMatch, ...], ...] = ()
    """Sets of headers, one of which has to fit beside the name; empty = every request."""
    backend: AiBackend | None = None
    alternatives: tuple[Alternative, ...] = ()
    public: bool = True


class Plan(Frozen):
    """The whole configuration, compiled."""

    listeners: tuple[Listener, ...]
    models: tuple[ModelRoute, ...] = ()
    default_model: str = ""
    """The model that a request to the unified addresses means when it names none."""
    limits: Limits = Limits()
    admission: Admission = Admission()
    logging: Logging = Logging()
    addresses: Addresses = Addresses()
    metrics_prefix: str = "agentgateway_"
    observing: Observing = NOTHING
    statuses: tuple[ObjectStatus, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences for the banner: what was found, what was assumed."""
    store: RedisUrl | None = None
    """Where what all replicas share is kept; None = nowhere. Looked at when the process starts."""
    ledger: LedgerUrl | None = None
    """Where money is written down; None = the default of the process."""
    prices: tuple[Prices, ...] = ()
    """Over those that are shipped; of several that know a model the later wins."""
    needs_fake: bool = False
    """Some target is the fake provider of this process; its endpoint has port 0 until the lifecycle fills it in."""

    @property
    def seen(self) -> tuple[Observing, ...]:
        """What the process says that is to be seen, and what listeners say in its place."""
        return (self.observing, *(one.observing for one in self.listeners if one.observing is not None))
