"""The rows of metrics about streams, as a stopwatch in the client's hand would have them. See `names.py`.

What counts as what is said in `relay/meter.py`. Exchanges that asked for no stream are in none of these.
Obeys: pains H1 to H4, opportunity 11 (four stamps, stalls, the gateway's own delay, all by outcome).
"""

from sluice.relay.record import ADDED_BUCKETS_S, GAP_BUCKETS_S
from sluice.telemetry.metric import GEN_AI_LABELS, OUTCOME_LABELS, ROUTE_LABELS, Metric

TTFT_BUCKETS_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
FIRST_BUCKETS_S = (*TTFT_BUCKETS_S, 20.0, 40.0, 80.0)
"""With the compatible ones alone a quantile would never be above 10 s, and an alert beyond that never fire."""
TPOT_BUCKETS_S = (0.001, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

TIME_TO_FIRST_BYTE = Metric(
    name="gen_ai_server_time_to_first_byte",
    kind="histogram",
    help="Seconds from a request's first byte to the first of its provider's body, pings included. Streams.",
    labels=(*GEN_AI_LABELS, "outcome"),
    unit="seconds",
    buckets=FIRST_BUCKETS_S,
)
TIME_TO_FIRST_EVENT = Metric(
    name="gen_ai_server_time_to_first_event",
    kind="histogram",
    help="Seconds from a request's first byte to its provider's first event that says anything, a role too. Streams.",
    labels=(*GEN_AI_LABELS, "outcome"),
    unit="seconds",
    buckets=FIRST_BUCKETS_S,
)
TTFT = Metric(
    name="gen_ai_server_time_to_first_token",
    kind="histogram",
    help="Seconds from a request's first byte to its provider's first non-empty token of any channel. Streams.",
    labels=GEN_AI_LABELS,
    unit="seconds",
    buckets=TTFT_BUCKETS_S,
)
TPOT = Metric(
    name="gen_ai_server_time_per_output_token",
    kind="histogram",
    help="(last token - first token) / (output tokens - 1) in seconds. Streams that had two.",
    labels=GEN_AI_LABELS,
    unit="seconds",
    buckets=TPOT_BUCKETS_S,
)
INTER_TOKEN = Metric(
    name="gen_ai_server_inter_token_latency",
    kind="histogram",
    help="Seconds between neighbouring tokens of a stream, one observation per gap.",
    labels=GEN_AI_LABELS,
    unit="seconds",
    buckets=GAP_BUCKETS_S,
)
TTFT_DELIVERED = Metric(
    name="gen_ai_server_time_to_first_token_delivered",
    kind="histogram",
    help="Seconds from a request's first byte to the first token handed to the client's socket, guards included.",
    labels=(*GEN_AI_LABELS, "outcome"),
    unit="seconds",
    buckets=FIRST_BUCKETS_S,
)
STREAM_OUTCOMES = Metric(
    name="stream_outcomes_total",
    kind="counter",
    help="How exchanges that asked for a stream ended; every one ends in exactly one outcome.",
    labels=OUTCOME_LABELS,
    unit="streams",
)
STALLS = Metric(
    name="stream_stalls_total",
    kind="counter",
    help="Silences of providers in the midst of a stream: over 1 s, and over 5 times the stream's usual gap.",
    labels=OUTCOME_LABELS,
    unit="stalls",
)
STALLED = Metric(
    name="stream_stalled_seconds_total",
    kind="counter",
    help="How long those silences lasted.",
    labels=OUTCOME_LABELS,
    unit="seconds",
)
EVENT_ADDED = Metric(
    name="stream_event_added_seconds",
    kind="histogram",
    help="The gateway's own time from reading an event to having written it; one event in 16 of each stream.",
    labels=(*ROUTE_LABELS, "backend"),
    unit="seconds",
    buckets=ADDED_BUCKETS_S,
)

STREAM_FAMILIES = (
    *(TIME_TO_FIRST_BYTE, TIME_TO_FIRST_EVENT, TTFT, TTFT_DELIVERED, TPOT, INTER_TOKEN),
    *(STREAM_OUTCOMES, STALLS, STALLED),
)
"""All of them have labels of models."""
