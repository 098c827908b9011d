"""The one line about an exchange. Log, metrics and traces are views of it and read nothing else. Breakers, limits
and the ledger are told of the same end before it is built, and do not read it."""

from typing import Literal

import msgspec

from sluice.chat.usage import Usage
from sluice.policies.charge import NO_COST_FACTS, CostFacts
from sluice.policies.observing import UNOBSERVED, Observed, Tracing
from sluice.relay.outcome import OutcomeKind
from sluice.relay.tally import UNGUARDED, GuardFacts

UNKNOWN = "unknown"

GAP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the inter-token histogram. The meter sorts gaps into these itself, so that the metrics need one
addition per stream."""
ADDED_BUCKETS_S = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
"""Upper bounds of the histogram of the gateway's own time per event; sorted into by the meter, too."""


class StreamFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the meter saw. Times are seconds since the request's first byte; None = it did not happen."""

    first_byte_s: float | None = None
    first_event_s: float | None = None
    first_token_s: float | None = None
    """First non-empty token of any channel: text, reasoning, refusal, tool arguments. Streams only."""
    first_content_s: float | None = None
    """First non-empty text of an answer."""
    first_sent_s: float | None = None
    """When the first token was handed to the client's transport: later than it came where guards hold it."""
    last_token_s: float | None = None
    chunks: int = 0
    """Frames that carried data, the terminator not counted."""
    tokens: int = 0
    """Deltas that carried something: what the provider sent as one piece."""
    malformed: int = 0
    """Frames that were not what the dialect allows; forwarded and counted in mirror mode."""
    gap_counts: tuple[int, ...] = ()
    """How many gaps between tokens fell below each of GAP_BUCKETS_S, and above the last: len + 1 numbers, not
    cumulative."""
    gap_sum_s: float = 0.0
    stalls: int = 0
    """Silences of the provider after its first token that are out of proportion: see `Meter`."""
    stalled_s: float = 0.0
    """How long they lasted together."""
    stalled_at: tuple[tuple[float, float], ...] = ()
    """The first of them: when each began, in seconds since the request's first byte, and how long it lasted."""
    added_counts: tuple[int, ...] = ()
    """How many events took the gateway no longer than each of ADDED_BUCKETS_S, and longer than the last; not
    cumulative. Of some events only: see `gateway.pump`."""
    added_sum_s: float = 0.0
    bytes_from_provider: int = 0
    bytes_to_client: int = 0


class RequestParams(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Parameters of a chat request that the log shows when the client sent them."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the plan answered. `unknown` where none did; never empty."""

    bind: str = UNKNOWN
    gateway: str = UNKNOWN
    listener: str = UNKNOWN
    route: str = UNKNOWN
    route_rule: str = UNKNOWN
    backend: str = UNKNOWN


class SpanFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that a traced exchange waited for. Times are seconds since the request's first byte."""

    kind: Literal["attempt", "guard", "auth", "limit", "mirror", "agent"]
    name: str
    """Of an attempt its target; of the others the policy."""
    span_id: str
    parent_id: str = ""
    """Of another of these spans; empty = the exchange's own."""
    began_s: float
    ended_s: float
    endpoint: str = ""
    """`host:port` that was asked; empty = nobody outside was."""
    status: int = 0
    """HTTP status of who was asked; 0 = there was none."""
    result: str = ""
    """`Allow`, `Mask`, `Reject`, `FailOpen` ... of a policy; of an attempt its outcome."""
    error_code: str = ""
    """What ended it; empty = nothing went wrong."""
    facts: tuple[tuple[str, str | int | float | bool], ...] = ()
    """Attributes that only its kind has."""


class TraceFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a span needs that nothing else does. Only exchanges that are sampled have one."""

    tracing: Tracing
    """Where the spans go, and what the operator leaves out of them."""
    parent_id: str = ""
    """Span id of the client's span; empty = there is none."""
    state: str = ""
    """The client's `tracestate`."""
    template: str = ""
    """The path of the match that led here, as the plan has it; empty = nothing matched."""
    scheme: str = "http"
    spans: tuple[SpanFacts, ...] = ()
    """In the order in which they began."""
    events: tuple[tuple[str, float, tuple[tuple[str, str | int | float | bool], ...]], ...] = ()
    """Name, seconds since the request's first byte, attributes: a stream's first token, its stalls, a guard's block."""


class BesideFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A span of a trace that is in no record: it ends when it ends, or is no exchange's."""

    tracing: Tracing
    trace_id: str
    state: str
    """The client's `tracestate`."""
    began_at: float
    """Wall clock, seconds since 1970; `span` counts from here."""
    parent_is_remote: bool
    span: SpanFacts
    """`parent_id` empty = it has none."""


class ExchangeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is ever said about one request and its answer. Built once, by the finaliser."""

    request_id: str
    trace_id: str
    span_id: str
    started_at: float
    """Wall clock, seconds since 1970."""
    duration_s: float
    """From the request's first byte to the answer's last."""
    added_s: float = 0.0
    """The gateway's own share before the request left for the provider."""
    answer_added_s: float = 0.0
    """The gateway's own share between the provider's head and the first byte to the client, waiting not counted."""
    route: Route
    endpoint: str = ""
    src_addr: str = ""
    method: str
    host: str = ""
    path: str
    """Without the query string, which may hold secrets."""
    http_version: str = "HTTP/1.1"
    status: int
    """As the access log shows it: 499 when the client left."""
    protocol: str = "http"
    """`llm` or `http`."""
    operation: str = ""
    """`chat`, `embeddings`, `rerank`, `count_tokens`; empty for what crosses unread."""
    provider: str = UNKNOWN
    request_model: str = ""
    response_model: str = ""
    streaming: bool = False
    params: RequestParams = RequestParams()
    usage: Usage | None = None
    stream: StreamFacts = StreamFacts()
    tpot_s: float | None = None
    """(last token - first token) / (output tokens - 1); None without two tokens or for answers that did not stream."""
    finish_reason: str = ""
    unrecognised: tuple[tuple[str, int], ...] = ()
    """What the provider sent and no dialect here has a word for, and how often."""
    client_dialect: str = ""
    """Module id of what the client spoke; empty for plain HTTP."""
    provider_dialect: str = ""
    """Module id of what the provider was asked in."""
    outcome: OutcomeKind
    reason: str = "Upstream"
    error: str = ""
    error_code: str = ""
    """What ended it, as a word of a closed set (`errors`) or of the provider; empty if nothing went wrong."""
    attempts: int = 1
    tried: tuple[tuple[str, str], ...] = ()
    """Every target that was asked and what became of it, `("first", "429"), ("second", "200")`: a status, or the code
    of what happened instead of one. Empty if there was only one."""
    principal: str = ""
    """Who asked, as `kind:id`: `jwt:alice`, `api_key:default/team-a`; empty = nobody knows."""
    labels: tuple[tuple[str, str], ...] = ()
    """What an asking part of this process says of itself: field of the log, value; `gen_ai.agent.name`, `support`."""
    guards: tuple[tuple[str, str, int], ...] = ()
    """What the guards of the request did: name, `Allow`, `Mask`, `Reject`, `FailOpen` or `FailClosed`, values found."""
    guard: GuardFacts = UNGUARDED
    """What those of the answer did."""
    money: CostFacts = NO_COST_FACTS
    connect_s: float | None = None
    """How long the upstream connect took; None when a pooled connection served."""
    connect_transport: str = "plaintext"
    """`plaintext` or `tls`."""
    calls_s: tuple[float, ...] = ()
    """How long each attempt took until its answer's head or its failure, connecting included."""
    observed: Observed = UNOBSERVED
    """What the operator wants to see besides."""
    trace: TraceFacts | None = None
    """None = nobody wants to see its spans."""

    @property
    def timeout_phase(self) -> str:
        """The clock that ended the exchange, as `errors.Phase`; empty if none did."""
        return self.error_code.removeprefix("timeout_") if self.outcome == "timeout" else ""
