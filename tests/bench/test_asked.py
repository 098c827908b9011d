"""Who is measured under which load, and with which request."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from bench import asked, rig
from bench.asked import PLAIN, PLAIN_PROSE, PROSE, STREAMS, TRANSLATED, Load
from sluice.config import Source
from sluice.config import load as read_config
from sluice.policies.guards import TextRules
from sluice.standard import STANDARD

SLUICE = rig.read_target(rig.HERE / "sluice.json")
OTHER = rig.Target(name="other", command=("other",), port=19999)


def rows(load: Load, folder: Path) -> list[tuple[str, str, str, str]]:
    return [(lane.name, lane.target.path, lane.form, lane.model) for lane in asked.lanes([SLUICE, OTHER], load, folder)]


def test_streams_and_plain_requests_ask_everyone_for_chat_completions(tmp_path: Path) -> None:
    for load, form in ((STREAMS, "chat"), (PLAIN, "whole")):
        assert rows(load, tmp_path) == [
            (name, "/v1/chat/completions", form, "gpt-4o-mini")
            for name in ("direct", "nginx", "sluice", "sluice, a tenth traced", "other")
        ]


def test_what_is_called_traced_has_one_tenth_traced_for_the_collector_that_runs() -> None:
    plan = read_config([Source("traced", (rig.HERE / "traced.yaml").read_text())], {}, STANDARD)
    assert plan.observing.tracing is not None
    assert plan.observing.tracing.random_sampling == "0.1"
    assert plan.observing.tracing.endpoint.endswith(f":{rig.SINK_PORT}")


def test_a_translation_stands_beside_what_hands_on_the_same_stream(tmp_path: Path) -> None:
    assert [(name, path, form) for name, path, form, _ in rows(TRANSLATED, tmp_path)] == [
        ("direct", "/v1/messages", "messages"),
        ("nginx", "/v1/messages", "messages"),
        ("sluice, mirrored", "/v1/messages", "messages"),
        ("sluice", "/v1/chat/completions", "chat"),
    ]


def test_policies_stand_beside_nginx_and_the_same_gateway_without_them(tmp_path: Path) -> None:
    assert [(name, form) for name, _, form, _ in rows(PROSE, tmp_path)] == [
        ("nginx", "prose"),
        ("sluice", "prose"),
        ("sluice, guarded", "guarded"),
        ("sluice, everything on", "guarded"),
    ]
    assert [(name, form) for name, _, form, _ in rows(PLAIN_PROSE, tmp_path)] == [
        ("nginx", "prose_whole"),
        ("sluice, everything on", "guarded_whole"),
    ]
    lanes = {lane.name: lane.target for lane in asked.lanes([SLUICE], PROSE, tmp_path)}
    assert {name: target.command[-1] for name, target in lanes.items() if target.name != "nginx"} == {
        "sluice": "bench/sluice.yaml",
        "sluice, guarded": "bench/guarded.yaml",
        "sluice, everything on": "bench/everything.yaml",
    }
    assert lanes["sluice"].headers == ()


BUILTINS = {"credit_card", "ssn", "phone_number", "email", "ca_sin"}


@pytest.mark.parametrize("name", ["guarded", "everything"])
def test_what_is_called_guarded_has_all_built_ins_and_ten_patterns(name: str, tmp_path: Path) -> None:
    text = (rig.HERE / f"{name}.yaml").read_text()
    plan = read_config([Source(name, text)], {"LEDGER": str(tmp_path / "ledger.db")}, STANDARD)
    (guard,) = {
        guard for one in plan.listeners for entry in one.entries for guard in entry.rule.gateway_ai.guards.response
    }
    assert isinstance(guard, TextRules)
    assert ({*guard.builtins}, len(guard.patterns), guard.mode) == (BUILTINS, 10, "incremental")


def test_the_model_that_is_translated_has_a_provider_of_its_own_in_the_measured_configuration() -> None:
    assert SLUICE.translated_model.startswith("claude-")
    assert '- name: "claude-*"\n      provider: anthropic\n' in (rig.HERE / "sluice.yaml").read_text()


@pytest.mark.parametrize("form", get_args(asked.Form))
def test_every_form_asks_in_its_own_words(form: asked.Form) -> None:
    body = msgspec.json.decode(asked.body(form, "some"))
    assert body["model"] == "some"
    assert body["stream"] is (form not in ("whole", "prose_whole", "guarded_whole"))
    assert [message["role"] for message in body["messages"]] == ["user"] if form == "messages" else ["system", "user"]
    assert ("system" in body, "max_tokens" in body) == (form == "messages",) * 2
