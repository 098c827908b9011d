"""docs/streams.md: its commands print what it says, both forms of an example mean the same, and nothing is missing."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml

from sluice.config import Source, load, traffic
from sluice.config.health_policy import HealthSettings
from sluice.config.plan import AiBackend, Plan, Rule
from sluice.policies.deadlines import CLOCKS, OwnClocks
from sluice.policies.health import Health
from sluice.relay.outcome import OutcomeKind
from sluice.standard import STANDARD
from sluice.telemetry import names
from tests.docs.pages import ROOT, Session, blocks, sessions
from tests.docs.terminal import ENV, follow, in_folder, lay_out
from tests.support.command import Sluice
from tools.log_reference import FIELDS

PAGE = "docs/streams.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
FILES = {block.file: block.text for block in blocks(PAGE) if block.language == "yaml"}
PAIRS = sorted(name.removesuffix("-policy.yaml") for name in FILES if name.endswith("-policy.yaml"))
TRAFFIC = [name for name in PAIRS if name not in ("failover", "health", "two-clocks")]
"""The pairs that say something about traffic."""


@pytest.mark.parametrize("session", sessions(PAGE), ids=lambda session: session.place)
async def test_the_commands_print_what_the_page_says(session: Session, tmp_path: Path) -> None:
    lay_out(PAGE, tmp_path)
    async with Sluice(*in_folder(session.args, tmp_path)) as sluice:
        await follow(session, tmp_path, sluice)


def test_the_page_has_the_blocks_that_it_should() -> None:
    assert len(sessions(PAGE)) == 10
    assert all(session.args for session in sessions(PAGE))
    assert all(step.output for session in sessions(PAGE) for step in session.steps)
    assert set(FILES) == {
        *("base.yaml", "plain.yaml"),
        *(f"{name}{form}" for name in PAIRS for form in (".yaml", "-policy.yaml")),
    }
    assert len(PAIRS) == 10


# -- both forms of an example mean the same ----------------------------------------------------------------------------


def loaded(*files: str) -> Plan:
    return load([Source(name, FILES[name]) for name in files], ENV, STANDARD)


def short(name: str) -> Plan:
    return loaded(f"{name}.yaml")


def manifests(name: str) -> Plan:
    plan = loaded("base.yaml", f"{name}-policy.yaml")
    false = [(status.name, c) for status in plan.statuses for c in status.conditions if not c.status]
    assert false == []
    return plan


def chat_rule(plan: Plan) -> Rule:
    """What is said of the chat addresses: of the short form's unified ones, of the manifests' only route."""
    (rule,) = {
        id(entry.rule): entry.rule
        for listener in plan.listeners
        for entry in listener.entries
        if entry.rule.name == "chat"
    }.values()
    return rule


def backend(plan: Plan, name: str) -> AiBackend:
    found = [route.backend for route in plan.models if route.pattern == name]
    found += [
        weighted.backend
        for listener in plan.listeners
        for entry in listener.entries
        for weighted in entry.rule.backends
        if isinstance(weighted.backend, AiBackend) and weighted.backend.name == f"default/{name}"
    ]
    assert isinstance(found[0], AiBackend)
    return found[0]


@pytest.mark.parametrize("name", TRAFFIC)
def test_both_forms_of_an_example_are_one_plan(name: str) -> None:
    one, other = short(name), manifests(name)
    for member in ("deadlines", "streaming", "retry", "error_format"):
        assert getattr(chat_rule(one), member) == getattr(chat_rule(other), member), member
    assert one.admission == other.admission


@pytest.mark.parametrize("name", TRAFFIC)
def test_an_example_changes_something(name: str) -> None:
    plan, usual = short(name), short("plain")
    said = [getattr(chat_rule(plan), member) for member in ("deadlines", "streaming", "retry", "error_format")]
    default = [getattr(chat_rule(usual), member) for member in ("deadlines", "streaming", "retry", "error_format")]
    assert ([*said, plan.admission] == [*default, usual.admission]) is False


def test_both_forms_of_the_health_are_one() -> None:
    ((one,),) = backend(short("health"), "*").groups
    ((other,),) = backend(manifests("health"), "models").groups
    assert one.health == other.health != Health()


def test_both_forms_of_the_fail_over_ask_the_same_targets_in_the_same_order() -> None:
    one, other = backend(short("failover"), "resilient").groups, backend(manifests("failover"), "resilient").groups
    assert [[t.name for t in group] for group in one] == [[t.name for t in group] for group in other]
    assert [[t.name for t in group] for group in one] == [["down"], ["up"]]
    assert one[0][0].endpoint == other[0][0].endpoint


def test_both_forms_of_two_clocks_ask_the_same_targets_with_the_same_clocks() -> None:
    one, other = short("two-clocks"), manifests("two-clocks")
    groups, others = backend(one, "best").groups, backend(other, "best").groups
    assert [[(t.name, t.clocks, t.ai) for t in group] for group in groups] == [
        [(t.name, t.clocks, t.ai) for t in group] for group in others
    ]
    assert [[(t.name, t.clocks) for t in group] for group in groups] == [
        [("quick", OwnClocks(first_token_s=0.3))],
        [("thinker", OwnClocks(first_token_s=120, idle_s=600))],
    ]
    (route,) = [e.rule for listener in other.listeners for e in listener.entries if e.rule.name == "best"]
    assert chat_rule(one).deadlines == route.deadlines


# -- nothing is missing ------------------------------------------------------------------------------------------------


def keys(mapping: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def fields(schema: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(schema):
        inner = [kind for kind in get_args(field.type) if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
        if inner:
            yield from fields(inner[0], f"{prefix}{field.encode_name}.")
        else:
            yield f"{prefix}{field.encode_name}"


@pytest.mark.parametrize("form", ["short form", "manifests"])
def test_each_knob_has_an_example_in_both_forms(form: str) -> None:
    shown: set[str] = set()
    for name, text in FILES.items():
        for document in yaml.safe_load_all(text):
            if form == "short form":
                shown |= set(keys(document.get("llm", {}).get("policies", {})))
                shown |= {key for m in document.get("llm", {}).get("models", ()) for key in keys(m)}
            elif name.endswith("-policy.yaml"):
                shown |= set(keys(document["spec"].get("traffic", {}))) | set(keys(document["spec"].get("backend", {})))
    tables = {
        "timeouts": traffic.CLOCKS,
        "stream": traffic.STREAM,
        "retry": traffic.RETRY,
        "admission": traffic.ADMISSION,
    }
    knobs = {f"{name}.{key}" for name, table in tables.items() for key in table} | {"errorFormat"}
    knobs |= {f"health.{key}" for key in fields(HealthSettings)}
    assert len(knobs) == 29
    assert knobs - shown == set()


def test_the_table_of_outcomes_has_each_once() -> None:
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| ", TEXT.partition("## How it ends")[2], re.MULTILINE)
    shown = [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(shown) == sorted(get_args(OutcomeKind))


def test_the_header_of_each_clock_is_named() -> None:
    assert set(re.findall(r"`x-sluice-timeout-([a-z-]+)`", TEXT)) == set(CLOCKS)


def test_the_metrics_and_log_fields_that_are_named_are_there() -> None:
    known = {metric.name for metric in names.METRICS}
    named = set(re.findall(r"agentgateway_([a-z_]+_total|exchanges)\b", TEXT)) | set(
        re.findall(r"`([a-z_]+_total|exchanges|reading_on|admission_waiting|upstream_connections)[`{]", TEXT)
    )
    assert len(named) >= 9
    assert named <= known
    assert {row.name for row in names.GATEWAY_GAUGES} <= named
    assert {"stream.outcome", "timeout.phase", "retry.targets"} <= set(FIELDS)
    assert set(re.findall(r"`((?:stream|timeout|retry)\.[a-z]+)`", TEXT)) <= set(FIELDS)
