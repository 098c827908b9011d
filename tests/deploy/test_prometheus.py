"""Every query of the labs' dashboard and of ours, asked of a real Prometheus that scrapes a real gateway.

One test, one mixed load: what is shown is compared with what its clients were told.
"""

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from sluice.stores.prices import shipped_prices
from tests.deploy.labs_queries import NEEDS_KUBERNETES, NEEDS_MCP, PRICED, as_sent, labs_queries
from tests.docs.pages import ROOT
from tests.support.prometheus_server import prometheus_binary
from tools.dashboards import DASHBOARDS
from tools.demand import Told, one_round, put
from tools.grafana import expression
from tools.otlp_receiver import OtlpReceiver
from tools.prometheus import Prometheus, Sample
from tools.stage import BETWEEN_TOKENS_MS, FIRST_TOKEN_MS, Stage

RULES = ROOT / "deploy/prometheus/rules/sluice.yml"
NOT_IN_THIS_LOAD = {
    'kind="Policy"': "it asks no services",
    "agentgateway_tls_handshake_duration_seconds": "the demonstration has no TLS listener",
    "agentgateway_rate_limits_failed_open_total": "its limits need no store that could be gone",
    "agentgateway_unrecognised_events_total": "the fake says nothing that its dialects do not know",
}
ZERO_IN_THIS_LOAD = (
    *("agentgateway_active_streams", "agentgateway_exchanges{", "admission_waiting", "reading_on"),  # it is over
    *('action="FailOpen"', "log_lines_dropped_total", "target_rests_total", NEEDS_MCP),
)
"""Anything else has a value above 0 in some series: a sum of a label that no longer exists has none."""
CHOICES = {
    "choose namespace": "count by (namespace) (agentgateway_build_info)",
    "choose route": "count by (route) (agentgateway_requests_total)",
    "choose model": "count by (gen_ai_request_model) (agentgateway_gen_ai_server_request_duration_count)",
}
"""What the variables of a dashboard offer."""
ASKED = [ask for ask in one_round() if ask.kind not in ("no key", "nowhere")]
STREAMS = [ask for ask in ASKED if ask.body.get("stream")]
"""Of a round, the requests that reach a route's models, and those that want a stream."""
Answers = dict[str, list[Sample]]


async def test_every_query_of_a_dashboard_shows_what_happened(tmp_path: Path) -> None:
    labs = {f"labs {name}": as_sent(query) for name, query in labs_queries().items()}
    with OtlpReceiver() as receiver:
        async with (
            Stage(tmp_path, otlp=receiver.url) as stage,
            Prometheus(tmp_path, f"127.0.0.1:{stage.stats}", binary=prometheus_binary(), rules=RULES) as prometheus,
        ):
            await prometheus.scraped()
            told = await put(stage.port, one_round())  # series begin: nothing has increased yet
            await prometheus.scraped(after=time.time())
            for _ in range(2):
                told += await put(stage.port, one_round())
            await prometheus.scraped(after=time.time())
            answers = {name: await prometheus.query(query) for name, query in (labs | ours() | CHOICES).items()}
            truth = Truth(prometheus, told)
            faults = [*(await truth.faults())]
    faults += implausible(labs, answers) + implausible(ours(), answers) + compared(answers, told)
    assert not faults, "\n".join(faults)


def ours() -> dict[str, str]:
    """Return the queries of our dashboards by where they stand."""
    return {
        f"{dashboard.uid} / {panel.title} / {number}": as_sent(expression(query.expr))
        for dashboard in DASHBOARDS
        for row in dashboard.rows
        for panel in row.panels
        for number, query in enumerate(panel.queries)
    }


# -- what any answer must be ------------------------------------------------------------------------------------------

BOUNDS = (
    # The fake's first token comes after 60 ms, or after nothing where the request says so; 504s and the like have none.
    (r"histogram_quantile\(.*time_to_first_(token|event)", 0.001, 1.0),
    (r"budget_used_ratio", 1e-6, 0.5),
    (r"time_per_output_token_count.* / .*time_per_output_token_sum", 10.0, 1100 / BETWEEN_TOKENS_MS),
    (r"histogram_quantile\(.*time_per_output_token", 0.0001, 0.5),
    (r"histogram_quantile\(.*gen_ai_server_request_duration", 0.001, 2.56),
    (r"histogram_quantile\(.*request_duration", 0.0, 2.5),
    (r"histogram_quantile\(.*lag_seconds", 0.0, 0.5),
    (r"tokio_num_workers", 1, 1),
    (r"build_info", 1, 1),
    (r"or vector\(0\)\) / sum", 0.0, 1.0),
)
"""What a query is like, and where its values lie; the first that fits counts. Any other: a number, 0 or more."""


def implausible(asked: dict[str, str], answers: Answers) -> list[str]:
    return [f"{name}: {fault}: {query}" for name, query in asked.items() for fault in _faults_of(query, answers[name])]


def _faults_of(query: str, found: list[Sample]) -> Iterable[str]:
    if not found:
        absent = [*NEEDS_KUBERNETES, *NOT_IN_THIS_LOAD, NEEDS_MCP, "mcp"]
        if not any(word in query for word in absent) or "or vector" in query:
            yield "no series"
        return
    low, high = next(((low, high) for like, low, high in BOUNDS if re.search(like, query)), (0.0, math.inf))
    for sample in found:
        if not low <= sample.number <= high:  # NaN is in no bounds
            yield f"{sample.metric} is {sample.number}, not in {low}..{high}"
    if not any(sample.number for sample in found) and not any(word in query for word in ZERO_IN_THIS_LOAD):
        yield "nothing but 0"


# -- what this load makes of some -------------------------------------------------------------------------------------


def compared(answers: Answers, told: list[Told]) -> list[str]:
    """An increase is extrapolated to the ends of its window, and blind to a series' first value: it lies between
    what the later rounds brought and what all did."""
    later = told[len(told) // 3 :]
    streams = [t for t in told if t.output_tokens]
    expected = {
        "labs 2A": (len(later), len(told)),
        "labs 43A": (sum(t.input_tokens for t in later), 1.3 * sum(t.input_tokens for t in told)),
        "labs 44A": (sum(t.output_tokens for t in later), 1.3 * sum(t.output_tokens for t in told)),
        "labs 49A": _share(later, 429),
        "labs 48A": _share(later, 401),
        "labs 3A": _share(later, 503, 504),
        "labs 46A": (FIRST_TOKEN_MS / 1000, 0.5),
        "labs 15A": (FIRST_TOKEN_MS / 1000, 0.25),
        "labs 17A": (0.001, 0.025),
        "labs 84A": (_labs_cost(later), 1.3 * _labs_cost(told)),
        "labs 85A": (_labs_cost(later), 1.3 * _labs_cost(told)),
        "sluice-overview / Limited / 0": _share(later, 429),
        "sluice-overview / Failed (5xx) / 0": _share(later, 503, 504),
        "sluice-streaming / Streaming share / 0": _near(len(STREAMS) / len(ASKED)),
        "sluice-streaming / Truncated / 0": _near(3 / len(STREAMS)),  # and what was silent, and what failed
        "sluice-streaming / Cancelled / 0": _near(1 / len(STREAMS)),
    }
    assert len(streams) > len(told) / 2
    faults = [
        f"{name}: {answers[name][0].number} is not in {low}..{high}"
        for name, (low, high) in expected.items()
        if not low <= answers[name][0].number <= high
    ]
    models = {sample.metric["gen_ai_response_model"] for sample in answers["labs 30A"]}
    if models != {t.model for t in told if t.model}:
        faults.append(f"labs 30A: models are {models}")
    routes = {sample.metric["route"] for sample in answers["choose route"]}
    if not routes > {"default/chat", "default/guarded", "default/limited", "unknown"}:
        faults.append(f"routes to choose from are {routes}")
    if [sample.metric for sample in answers["choose namespace"]] != [{"namespace": "demo"}]:
        faults.append(f"namespaces to choose from are {answers['choose namespace']}")
    if "gpt-4o-mini" not in {sample.metric["gen_ai_request_model"] for sample in answers["choose model"]}:
        faults.append(f"models to choose from are {answers['choose model']}")
    organisations = {sample.metric.get("user_org") for sample in answers["labs 39A"]}
    if organisations != {"acme", "initech"}:
        faults.append(f"organisations are {organisations}")
    return faults


def _share(told: list[Told], *statuses: int) -> tuple[float, float]:
    return _near(sum(t.status in statuses for t in told) / len(told))


def _near(share: float) -> tuple[float, float]:
    return 0.9 * share, 1.1 * share


def _labs_cost(told: list[Told]) -> float:
    """What the answers cost by the prices of the labs' dashboard, for the models that it knows."""
    return (
        sum(
            t.input_tokens * price_in + t.output_tokens * price_out
            for t in told
            for _, name, price_in, price_out in PRICED
            if re.fullmatch(name, t.model)
        )
        / 1e6
    )


class Truth:
    """Counters against what clients were told: equal, not nearly."""

    def __init__(self, prometheus: Prometheus, told: list[Told]) -> None:
        self._prometheus, self._told = prometheus, told

    async def faults(self) -> list[str]:
        found = []
        for query, expected in self._equal().items():
            counted = await self._prometheus.number(f"sum(agentgateway_{query})")
            if counted != pytest.approx(expected, rel=1e-9):
                found.append(f"{query}: {counted}, and clients saw {expected}")
        return found

    def _equal(self) -> dict[str, float]:
        kinds, statuses = Counter(t.kind for t in self._told), Counter(t.status for t in self._told)
        statuses[200] -= kinds["left"]
        equal: dict[str, float] = {f'requests_total{{status="{code}"}}': n for code, n in statuses.items()}
        equal |= {
            "requests_total": len(self._told),
            'requests_total{status="499"}': kinds["left"],
            'requests_total{reason="RateLimit"}': statuses[429],
            "rate_limited_total": statuses[429],
            'stream_outcomes_total{outcome="upstream_truncated"}': kinds["truncated"],
            'stream_outcomes_total{outcome="client_gone"}': kinds["left"],
            'stream_outcomes_total{outcome="blocked"}': kinds["cut by a guard"],
            'stream_outcomes_total{outcome="timeout"}': kinds["silent"],
            "stream_stalls_total": kinds["stalled"],
            'guardrail_hits_total{phase="Request", action="Reject"}': kinds["rejected"],
            'guardrail_hits_total{phase="Response", action="Mask"}': kinds["masked"],
            "timeouts_total": kinds["silent"],
            "malformed_events_total": kinds["malformed"],
            'retries_total{route="default/chat"}': kinds["failing"],
            'gen_ai_server_request_duration_count{gen_ai_operation_name="embeddings"}': kinds["embeddings"],
            "active_streams": 0,
        }
        return equal | self._models()

    def _models(self) -> dict[str, float]:
        """Tokens, and money by the catalogue, of the models that only ever answered in full."""
        catalogue = json.loads(shipped_prices())["providers"]
        equal: dict[str, float] = {}
        for provider, name, model in (
            ("openai", "gpt-4o", "gpt-4o-2024-08-06"),
            ("anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ):
            rates = catalogue[provider]["models"][name]["rates"]
            answers = [t for t in self._told if t.model == model]
            assert len(answers) > 2
            tokens_in, tokens_out = sum(t.input_tokens for t in answers), sum(t.output_tokens for t in answers)
            of = f'gen_ai_response_model="{model}"'
            equal[f'gen_ai_client_token_usage_sum{{{of}, gen_ai_token_type="input"}}'] = tokens_in
            equal[f'gen_ai_client_token_usage_sum{{{of}, gen_ai_token_type="output"}}'] = tokens_out
            cost = tokens_in * float(rates["input"]) + tokens_out * float(rates["output"])
            equal[f"gen_ai_client_cost_usd_total{{{of}}}"] = cost / 1e6
        return equal
