"""The page that is open on the wall: is it up, is it fast, does anything fail?"""

from tools.grafana import Dashboard, Panel, Query, Row
from tools.panels import increase, part, quantile, quantiles, rate

_NOW = Row(
    "Now",
    (
        Panel(
            title="Requests",
            about="Exchanges that ended, a second. A fall to nothing with clients at work is an outage before us.",
            queries=(Query(rate("requests_total", "@route")),),
            unit="reqps",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Failed (5xx)",
            about="Share of answers with a status of 500 or more. Above 5 % for five minutes pages somebody. Streams "
            "that failed after their head was sent have status 200: see `Ended badly`.",
            queries=(Query(part("requests_total", 'status=~"5.."', "@route")),),
            unit="percentunit",
            kind="stat",
            worry=0.05,
            width=4,
            height=4,
        ),
        Panel(
            title="Ended badly",
            about="Share of exchanges that neither completed, nor were ended by their client, nor refused for what "
            "they asked. Policies whose service is down count here, and streams also if they failed in their midst.",
            queries=(
                Query(
                    part(
                        "exchange_outcomes_total",
                        'outcome!~"completed|client_gone|rejected|limited|blocked"',
                        "@route",
                    )
                ),
            ),
            unit="percentunit",
            kind="stat",
            worry=0.05,
            width=4,
            height=4,
        ),
        Panel(
            title="Limited",
            about="Share of requests that a limit or a budget of ours refused. Above 10 % one is too low, or a client "
            "loops. A provider's own 429 is not in it.",
            queries=(Query(part("requests_total", 'reason="RateLimit"', "@route")),),
            unit="percentunit",
            kind="stat",
            worry=0.1,
            width=4,
            height=4,
        ),
        Panel(
            title="Open streams",
            about="Streams under way now. It follows the load; a level that only grows means clients that never read.",
            queries=(Query("sum (agentgateway_active_streams{@node})"),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Cost an hour",
            about="What exchanges cost by the catalogue of prices, at the present rate.",
            queries=(Query(f"{rate('gen_ai_client_cost_usd_total', '@model')} * 3600"),),
            unit="currencyUSD",
            kind="stat",
            width=4,
            height=4,
        ),
    ),
)

_TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            title="Requests by status",
            about="499 is a client that left. 429 and 5xx are what to look for.",
            queries=(Query(rate("requests_total", "@route", by="status"), "{{status}}"),),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Requests by route",
            about="Who the load is for. `unknown` are requests that no route wanted.",
            queries=(Query(rate("requests_total", "@route", by="route"), "{{route}}"),),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Duration",
            about="From a request's first byte to its answer's last. Streams last as long as their models talk: judge "
            "those by their first token.",
            queries=quantiles("request_duration_seconds", "@route", 0.5, 0.95, 0.99),
            unit="s",
        ),
        Panel(
            title="How exchanges ended",
            about="Every exchange ends in exactly one of twelve ways. `upstream_*` and `timeout` are the providers', "
            "`shed` is this gateway being full, `internal` a policy whose service does not answer, or a defect: the "
            "reason says which.",
            queries=(Query(rate("exchange_outcomes_total", "@route", by="outcome"), "{{outcome}}"),),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Attempts given up unseen",
            about="Attempts that failed and were followed by another, by what failed. Clients noticed nothing but "
            "time; a target that is here all day should not be first in its group.",
            queries=(Query(rate("abandoned_attempts_total", "@node", by="target, result"), "{{target}} {{result}}"),),
            unit="reqps",
        ),
        Panel(
            title="The gateway's own time",
            about="Before the request leaves for its provider, and between the provider's head and the first byte to "
            "the client. Above 10 ms look at the event loop's lag, and at guards and authorizers that ask others.",
            queries=(
                *quantiles("request_processing_seconds", "@route", 0.5, 0.99, name="request"),
                *quantiles("response_processing_seconds", "@route", 0.5, 0.99, name="answer"),
            ),
            unit="s",
            worry=0.05,
        ),
    ),
)

_ROUTES = Row(
    "Routes and providers",
    (
        Panel(
            title="Busiest routes",
            about="Over the whole range that is shown.",
            queries=(
                Query(f"topk(20, {increase('requests_total', '@route', by='route')})", "requests"),
                Query(increase("requests_total", '@route, status=~"5.."', by="route"), "failed"),
                Query(quantile(0.95, "request_duration_seconds", "@route", by="route", window="@range"), "p95"),
                Query(increase("response_bytes_total", "@route", by="route"), "bytes"),
            ),
            columns=(("p95", "s"), ("bytes", "bytes")),
            kind="table",
            width=12,
        ),
        Panel(
            title="Failures by backend",
            about="Answers of 500 and more by the backend that was asked and the gateway's reason: the provider's own "
            "status, nobody reachable, a clock that ran out.",
            queries=(
                Query(rate("requests_total", '@route, status=~"5.."', by="backend, reason"), "{{backend}} {{reason}}"),
            ),
            unit="reqps",
            width=12,
        ),
        Panel(
            title="Time-outs",
            about="By the clock that ran out. `first_token` and `idle` are models that went silent.",
            queries=(Query(rate("timeouts_total", "@route", by="phase, backend"), "{{phase}} {{backend}}"),),
            unit="reqps",
            width=12,
        ),
        Panel(
            title="Calls to others",
            about="95th percentile of what the gateway waits for: providers, and services that guards, authorizers "
            "and limits ask.",
            queries=(
                Query(
                    quantile(0.95, "upstream_call_duration_seconds", "@node", by="kind, subtype") + " >= 0",
                    "{{kind}} {{subtype}}",
                ),
            ),
            unit="s",
            width=12,
        ),
    ),
)

OVERVIEW = Dashboard(
    uid="sluice-overview",
    title="Sluice: overview",
    about="Is it up, is it fast, does anything fail?",
    rows=(_NOW, _TRAFFIC, _ROUTES),
)
