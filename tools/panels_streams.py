"""The page about streams: how soon they begin, how evenly they run, how they end."""

from tools.grafana import Dashboard, Panel, Query, Row
from tools.panels import part, quantile, quantiles, rate, share

_TTFT = "gen_ai_server_time_to_first_token"
_TPOT = "gen_ai_server_time_per_output_token"
_MODEL = "gen_ai_request_model"

_NOW = Row(
    "Now",
    (
        Panel(
            title="Streams",
            about="Streams that ended, a second. Those under way are on the runtime page.",
            queries=(Query(rate("stream_outcomes_total", "@model")),),
            unit="reqps",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Streaming share",
            about="Share of the requests to models that asked for a stream. What does not stream waits for whole "
            "answers.",
            queries=(
                Query(
                    share(
                        rate("stream_outcomes_total", "@model"), rate("gen_ai_server_request_duration_count", "@model")
                    )
                ),
            ),
            unit="percentunit",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Truncated",
            about="Share of streams that their provider broke off, with an error or with none, or that went silent. "
            "Clients got an error event and no success marker. Above 2 % look which model it is, below.",
            queries=(
                Query(part("stream_outcomes_total", 'outcome=~"upstream_truncated|upstream_error|timeout"', "@model")),
            ),
            unit="percentunit",
            kind="stat",
            worry=0.02,
            width=4,
            height=4,
        ),
        Panel(
            title="Cancelled",
            about="Share of streams that their client left. Some is people pressing stop; a jump with a slow first "
            "token is people who gave up waiting.",
            queries=(Query(part("stream_outcomes_total", 'outcome=~"client_gone|slow_reader"', "@model")),),
            unit="percentunit",
            kind="stat",
            worry=0.2,
            width=4,
            height=4,
        ),
        Panel(
            title="First token (p95)",
            about="Seconds from a request's first byte to the provider's first token.",
            queries=(Query(quantile(0.95, _TTFT, "@model")),),
            unit="s",
            kind="stat",
            worry=5.0,
            width=4,
            height=4,
        ),
        Panel(
            title="Output tokens a second",
            about="Of all answers together, whole ones too.",
            queries=(Query(rate("gen_ai_client_token_usage_sum", '@model, gen_ai_token_type="output"')),),
            kind="stat",
            width=4,
            height=4,
        ),
    ),
)

_BEGIN = Row(
    "How soon they begin",
    (
        Panel(
            title="Time to first token",
            about="From a request's first byte to the first non-empty token of any kind, as it came from the "
            "provider: text, reasoning, a tool's arguments. Authentication, guards and failed attempts are in it.",
            queries=quantiles(_TTFT, "@model", 0.5, 0.95, 0.99),
            unit="s",
            worry=5.0,
        ),
        Panel(
            title="Time to first token by model (p95)",
            about="One model that rises alone is its provider; all together are this gateway or its network.",
            queries=(Query(quantile(0.95, _TTFT, "@model", by="gen_ai_request_model"), "{{gen_ai_request_model}}"),),
            unit="s",
        ),
        Panel(
            title="First byte, event, token, and token delivered (p50)",
            about="Four moments of the same streams. First byte to first token is the model's thinking; token to "
            "delivered is what guards hold back: if that gap grows, a guard waits for long matches.",
            queries=(
                Query(quantile(0.5, "gen_ai_server_time_to_first_byte", "@model"), "first byte"),
                Query(quantile(0.5, "gen_ai_server_time_to_first_event", "@model"), "first event"),
                Query(quantile(0.5, _TTFT, "@model"), "first token"),
                Query(quantile(0.5, "gen_ai_server_time_to_first_token_delivered", "@model"), "delivered"),
            ),
            unit="s",
        ),
    ),
)

_RUN = Row(
    "How evenly they run",
    (
        Panel(
            title="Time per output token",
            about="(last token - first) / (tokens - 1), per stream. People read at some 0.1 s a token: above that "
            "they wait.",
            queries=quantiles(_TPOT, "@model", 0.5, 0.95),
            unit="s",
        ),
        Panel(
            title="Time per output token by model (p95)",
            about="The slowest streams of each model.",
            queries=(Query(quantile(0.95, _TPOT, "@model", by="gen_ai_request_model"), "{{gen_ai_request_model}}"),),
            unit="s",
        ),
        Panel(
            title="Time between tokens",
            about="Every gap of every stream. A p99 far above the p50 is a provider that sends in bursts, or a "
            "network that does.",
            queries=quantiles("gen_ai_server_inter_token_latency", "@model", 0.5, 0.95, 0.99),
            unit="s",
        ),
        Panel(
            title="Tokens a second of one stream",
            about="1 / mean time per output token: what one reader sees. A quantile cannot say it: all models quicker "
            "than 100 tokens a second lie in one bucket.",
            queries=(
                Query(
                    f"{rate(f'{_TPOT}_count', '@model', by=_MODEL)} / {rate(f'{_TPOT}_sum', '@model', by=_MODEL)}",
                    "{{gen_ai_request_model}}",
                ),
            ),
        ),
        Panel(
            title="Output tokens a second by model",
            about="Throughput of all answers together, counted when they end.",
            queries=(
                Query(
                    rate(
                        "gen_ai_client_token_usage_sum",
                        '@model, gen_ai_token_type="output"',
                        by="gen_ai_response_model",
                    ),
                    "{{gen_ai_response_model}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            title="Added by the gateway to an event",
            about="The gateway's own work, from reading an event to having written it; one event in 16 is measured. "
            "Microseconds. Above 1 ms guards or translations cost too much; what a guard holds back is not in it.",
            queries=quantiles("stream_event_added_seconds", "@route", 0.5, 0.99),
            unit="s",
            worry=0.001,
        ),
        Panel(
            title="Stalls",
            about="Silences of more than a second, and of five times a stream's usual gap, a second.",
            queries=(
                Query(rate("stream_stalls_total", "@model", by="gen_ai_request_model"), "{{gen_ai_request_model}}"),
            ),
            width=12,
        ),
        Panel(
            title="Streams that stand still",
            about="Seconds of stall a second: how many streams, on average, stood still at any moment.",
            queries=(
                Query(
                    rate("stream_stalled_seconds_total", "@model", by="gen_ai_request_model"),
                    "{{gen_ai_request_model}}",
                ),
            ),
            width=12,
        ),
    ),
)

_END = Row(
    "How they end",
    (
        Panel(
            title="Outcomes",
            about="Every stream ends in exactly one of twelve ways.",
            queries=(Query(rate("stream_outcomes_total", "@model", by="outcome"), "{{outcome}}"),),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Not completed, by model",
            about="Streams that ended any other way, and how.",
            queries=(
                Query(
                    rate("stream_outcomes_total", '@model, outcome!="completed"', by="gen_ai_request_model, outcome"),
                    "{{gen_ai_request_model}} {{outcome}}",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            title="Events that their dialect does not allow, or know",
            about="Malformed ones are a provider's defect. Unrecognised ones after a provider's release are a reason "
            "to update Sluice; they reach clients of the same dialect.",
            queries=(
                Query(rate("malformed_events_total", "@route", by="gen_ai_system"), "malformed {{gen_ai_system}}"),
                Query(
                    rate("unrecognised_events_total", "@route", by="gen_ai_system"), "unrecognised {{gen_ai_system}}"
                ),
            ),
        ),
    ),
)

STREAMING = Dashboard(
    uid="sluice-streaming",
    title="Sluice: streaming",
    about="How soon streams begin, how evenly they run, how they end.",
    rows=(_NOW, _BEGIN, _RUN, _END),
)
