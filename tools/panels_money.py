"""The page about models: who is asked, what they used, what it cost."""

from tools.grafana import Dashboard, Panel, Query, Row
from tools.panels import increase, mean, quantile, rate, share

_COST = "gen_ai_client_cost_usd_total"
_TOKENS = "gen_ai_client_token_usage_sum"
_REQUESTS = "gen_ai_server_request_duration_count"
_INPUT, _OUTPUT = '@model, gen_ai_token_type="input"', '@model, gen_ai_token_type="output"'

_SUM = Row(
    "In this range",
    (
        Panel(
            title="Cost",
            about="By the catalogue of prices. Models without a price cost nothing here: see the last row.",
            queries=(Query(increase(_COST, "@model")),),
            unit="currencyUSD",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Cost of a month like this",
            about="The range that is shown, extended to 30 days. Show a week: an hour says little about a month.",
            queries=(Query(f"{rate(_COST, '@model', window='@range')} * 3600 * 24 * 30"),),
            unit="currencyUSD",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Cost of 1,000 requests",
            about="Of those to models. A jump without new traffic is a dearer model or longer prompts.",
            queries=(Query(f"{increase(_COST, '@model')} / {increase(_REQUESTS, '@model')} * 1000"),),
            unit="currencyUSD",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Input tokens",
            about="Includes what was read from and written to a cache, for every provider.",
            queries=(Query(increase(_TOKENS, _INPUT)),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Output tokens",
            about="Includes reasoning, for every provider.",
            queries=(Query(increase(_TOKENS, _OUTPUT)),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Input from a cache",
            about="Share of the input tokens that providers read from their prompt caches, at a tenth of the price or "
            "half.",
            queries=(
                Query(
                    share(increase(_TOKENS, '@model, gen_ai_token_type="input_cache_read"'), increase(_TOKENS, _INPUT))
                ),
            ),
            unit="percentunit",
            kind="stat",
            width=4,
            height=4,
        ),
    ),
)

_MODELS = Row(
    "Models",
    (
        Panel(
            title="By model",
            about="Models as their providers name them in their answers, with the date of the version.",
            queries=(
                Query(increase(_REQUESTS, "@model", by="gen_ai_response_model"), "requests"),
                Query(increase(_TOKENS, _INPUT, by="gen_ai_response_model"), "input tokens"),
                Query(increase(_TOKENS, _OUTPUT, by="gen_ai_response_model"), "output tokens"),
                Query(increase(_COST, "@model", by="gen_ai_response_model"), "cost"),
                Query(
                    quantile(
                        0.5, "gen_ai_server_request_duration", "@model", by="gen_ai_response_model", window="@range"
                    ),
                    "p50",
                ),
                Query(
                    quantile(
                        0.95, "gen_ai_server_request_duration", "@model", by="gen_ai_response_model", window="@range"
                    ),
                    "p95",
                ),
            ),
            columns=(("cost", "currencyUSD"), ("p50", "s"), ("p95", "s")),
            kind="table",
            width=24,
        ),
        Panel(
            title="Requests by model",
            about="As clients ask for them: aliases and virtual models have their own names.",
            queries=(Query(rate(_REQUESTS, "@model", by="gen_ai_request_model"), "{{gen_ai_request_model}}"),),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Duration by model (p95)",
            about="To the last byte of the answer, streams and whole answers together.",
            queries=(
                Query(
                    quantile(0.95, "gen_ai_server_request_duration", "@model", by="gen_ai_response_model"),
                    "{{gen_ai_response_model}}",
                ),
            ),
            unit="s",
            worry=30.0,
        ),
        Panel(
            title="Tokens of a request",
            about="Means. Input that grows day by day is a conversation or a prompt that nobody shortens.",
            queries=(
                Query(mean("gen_ai_client_token_usage", _INPUT), "input"),
                Query(mean("gen_ai_client_token_usage", _OUTPUT), "output"),
            ),
        ),
    ),
)

_MONEY = Row(
    "Money and tokens",
    (
        Panel(
            title="Cost an hour by model",
            about="At the rate of each moment. A step is a new client or a new version of one.",
            queries=(
                Query(f"{rate(_COST, '@model', by='gen_ai_response_model')} * 3600", "{{gen_ai_response_model}}"),
            ),
            unit="currencyUSD",
            stacked=True,
        ),
        Panel(
            title="Cost an hour by route",
            about="Whose traffic it is. Give a route a budget before its line is the whole picture.",
            queries=(Query(f"{rate(_COST, '@model', by='route')} * 3600", "{{route}}"),),
            unit="currencyUSD",
            stacked=True,
        ),
        Panel(
            title="Tokens a second by type",
            about="`input` contains the two `input_cache_*`: they are parts of it, not more.",
            queries=(Query(rate(_TOKENS, "@model", by="gen_ai_token_type"), "{{gen_ai_token_type}}"),),
        ),
        Panel(
            title="Exchanges without a price",
            about="Models that the catalogue does not know, or knows without rates. What they cost is in no figure "
            "here, and budgets in USD let them pass: add them to `config.modelCatalog`.",
            queries=(
                Query(
                    rate("cost_catalog_lookups_total", '@model, status!="Exact"', by="status, gen_ai_response_model"),
                    "{{status}} {{gen_ai_response_model}}",
                ),
            ),
            unit="reqps",
            width=24,
            height=6,
        ),
    ),
)

MODELS = Dashboard(
    uid="sluice-models",
    title="Sluice: models and cost",
    about="Which models are asked, what they used, what it cost.",
    rows=(_SUM, _MODELS, _MONEY),
)
