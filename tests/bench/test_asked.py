"""Who is measured under which load, and with which request."""

from pathlib import Path

import msgspec
import pytest

from bench import asked, rig
from bench.asked import PLAIN, STREAMS, TRANSLATED, Load

SLUICE = rig.read_target(rig.HERE / "sluice.json")
OTHER = rig.Target(name="other", command=("other",), port=19999)


def rows(load: Load, folder: Path) -> list[tuple[str, str, str, str]]:
    return [(lane.name, lane.target.path, lane.form, lane.model) for lane in asked.lanes([SLUICE, OTHER], load, folder)]


def test_streams_and_plain_requests_ask_everyone_for_chat_completions(tmp_path: Path) -> None:
    for load, form in ((STREAMS, "chat"), (PLAIN, "whole")):
        assert rows(load, tmp_path) == [
            (name, "/v1/chat/completions", form, "gpt-4o-mini") for name in ("direct", "nginx", "sluice", "other")
        ]


def test_a_translation_stands_beside_what_hands_on_the_same_stream(tmp_path: Path) -> None:
    assert [(name, path, form) for name, path, form, _ in rows(TRANSLATED, tmp_path)] == [
        ("direct", "/v1/messages", "messages"),
        ("nginx", "/v1/messages", "messages"),
        ("sluice, mirrored", "/v1/messages", "messages"),
        ("sluice", "/v1/chat/completions", "chat"),
    ]


def test_the_model_that_is_translated_has_a_provider_of_its_own_in_the_measured_configuration() -> None:
    assert SLUICE.translated_model.startswith("claude-")
    assert '- name: "claude-*"\n      provider: anthropic\n' in (rig.HERE / "sluice.yaml").read_text()


@pytest.mark.parametrize("form", ["chat", "messages", "whole"])
def test_every_form_asks_in_its_own_words(form: asked.Form) -> None:
    body = msgspec.json.decode(asked.body(form, "some"))
    assert body["model"] == "some"
    assert body["stream"] is (form != "whole")
    assert [message["role"] for message in body["messages"]] == ["user"] if form == "messages" else ["system", "user"]
    assert ("system" in body, "max_tokens" in body) == (form == "messages",) * 2
