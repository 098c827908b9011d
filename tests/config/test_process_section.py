"""The section `config` beside manifests says of the process what it says in the short form."""

import pytest

from sluice.config.plan import Addresses
from sluice.config.store_url import redis_url

from .loading import BACKEND, LATER, plan, refusal, route
from .test_observing_policy import GATEWAY, parameters

SECTION = """\
config:
  adminAddr: localhost:1
  statsAddr: "off"
  logging: {format: json, level: warn, filter: response.code > 1, fields: {add: {who: '"me"'}}}
  metrics: {fields: {add: {team: '"a"'}}, remove: [retries_total]}
  tracing: {otlpEndpoint: "http://$COLLECTOR:4317"}
  backend: {poolIdleTimeout: 7s}
  database: {url: "sqlite:///state/ledger.db"}
  sharedStore: {url: "redis://store:6379/1"}
  sensitiveHeaders: [X-Mine]
  modelCatalog:
  - file: prices.json
  - inline: {providers: {openai: {models: {m: {rates: {input: "1"}}}}}}
frontendPolicies: {accessLog: {sample: 0.5}}
"""
LLM = "llm: {models: [{name: m, provider: fake}]}\n"
ENV = {"COLLECTOR": "there"}
MEMBERS = ("limits", "logging", "addresses", "observing", "ledger", "store", "prices")


def test_it_means_what_it_means_in_the_short_form_in_a_file_of_its_own_or_not() -> None:
    short = plan(SECTION + LLM, env=ENV)
    for beside in (plan(BACKEND, SECTION, route(), env=ENV), plan(f"{SECTION}---\n{BACKEND}{route()}", env=ENV)):
        assert [getattr(beside, member) for member in MEMBERS] == [getattr(short, member) for member in MEMBERS]
        assert beside.addresses == Addresses(admin="localhost:1", stats="off")
        assert beside.store == redis_url("redis://store:6379/1")
        assert beside.listeners[0].port == 8080
        assert not beside.models
    (first, second) = short.prices
    assert (first.file, second.catalog["openai"]["m"].rates is None) == ("prices.json", False)


def test_what_parameters_of_a_gateway_say_stands_over_it_and_names_add_up() -> None:
    says = "{rawConfig: {config: {logging: {sample: 0.25}, metrics: {fields: {add: {team: '\"b\"', user: '\"u\"'}}}}}}"
    seen = plan(GATEWAY, parameters(says), SECTION, env=ENV).observing
    assert (seen.logging.sample, seen.logging.filter, seen.logging.add) == (
        0.25,
        "response.code > 1",
        (("who", '"me"'),),
    )
    assert seen.labels == (("team", '"b"'), ("user", '"u"'))
    assert seen.removed_metrics == ("retries_total",)
    assert seen.sensitive_headers == ("x-mine",)
    assert seen.tracing is not None
    assert seen.tracing.endpoint == "http://there:4317"


def test_the_process_has_one_format_of_its_log() -> None:
    (line,) = refusal(GATEWAY, parameters("{logging: {format: text}}"), SECTION, env=ENV)
    assert line.endswith("one process has one format of its log, and elsewhere it is said to be `json`")
    assert plan(GATEWAY, parameters("{logging: {format: json}}"), SECTION, env=ENV).logging.level == "warn"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("config: {adminAdr: off}", "b.yaml:1: config.adminAdr: unknown field (did you mean `adminAddr`?)"),
        ("config: {adminAddr: nowhere}", "b.yaml:1: config.adminAddr: expected `host:port` or `off`"),
        ("config: {workerThreads: 2}", "b.yaml:1: config.workerThreads: `workerThreads`" + LATER),
        ("config: {}\nroutes: []\nui: {}", "b.yaml:3: ui: `ui`" + LATER),
        (
            "config: {backend: {connectTimeout: 1s}}",
            (
                "b.yaml:1: config.backend.connectTimeout: it is of the short form's models "
                "(`tcp.connectTimeout` in `policies` of a backend is the same)"
            ),
        ),
        ("config: {adminAddr: $NOWHERE}", "b.yaml:1: config.adminAddr: the environment variable NOWHERE is not set"),
    ],
)
def test_what_is_wrong_in_it_has_its_place(text: str, line: str) -> None:
    assert refusal(BACKEND, text + "\n") == [line]


def test_there_is_one() -> None:
    (line,) = refusal(BACKEND, "config: {}\n", "config: {}\n")
    assert line.startswith("c.yaml:1: this is neither an object nor alone")
