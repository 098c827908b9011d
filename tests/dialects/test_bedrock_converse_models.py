"""bedrock_converse/models.py: what each family of models is told of thinking, top-k and caching."""

import pytest

from sluice.chat.conversation import Conversation, Thinking
from sluice.dialects.bedrock_converse import models
from tests.dialects.converse import CLAUDE, LLAMA, NOVA, Json, talk, written

OPUS_46 = "global.anthropic.claude-opus-4-6-v1"
SONNET_5 = "us.anthropic.claude-sonnet-5"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
SONNET_37 = "anthropic.claude-3-7-sonnet-20250219-v1:0"
HAIKU_35 = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA_2 = "global.amazon.nova-2-lite-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
OWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl"


@pytest.mark.parametrize(
    ("model", "family"),
    [
        (CLAUDE, "claude"),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-6-v1", "claude"),
        (NOVA, "nova"),
        (NOVA_2, "nova2"),
        (GPT_OSS, "gpt-oss"),
        (LLAMA, "other"),
        ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-3-70b-instruct-v1:0", "other"),
        (OWN, "hidden"),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl", "hidden"),
        ("", "other"),
    ],
)
def test_families(model: str, family: str) -> None:
    assert models.family(model) == family


def enabled(budget: int) -> Json:
    return {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": budget}}}


def adaptive(effort: str = "", **more: str) -> Json:
    body: Json = {"additionalModelRequestFields": {"thinking": {"type": "adaptive", **more}}}
    return body | ({"outputConfig": {"effort": effort}} if effort else {})


EFFORT, BUDGET, ADAPTIVE = Thinking(effort="high"), Thinking(budget_tokens=3000), Thinking(adaptive=True)


def asked(model: str, thinking: Thinking, max_tokens: int | None = None) -> Json:
    """What a wish for thinking adds to the body."""
    body = written(talk(thinking=thinking, max_tokens=max_tokens), model)
    return {name: body[name] for name in body.keys() - {"messages", "inferenceConfig"}}


@pytest.mark.parametrize(
    ("model", "effort", "budget", "free"),
    [
        (HAIKU_35, {}, {}, {}),
        (SONNET_37, enabled(4096), enabled(3000), enabled(2048)),
        (SONNET_4, enabled(4096), enabled(3000), enabled(2048)),
        (CLAUDE, enabled(4096), enabled(3000), enabled(2048)),
        (OPUS_46, adaptive("high"), enabled(3000), adaptive()),
        (SONNET_5, adaptive("high"), adaptive("high"), adaptive()),
        ("anthropic.claude-opus-4-7", adaptive("high"), adaptive("high"), adaptive()),
        ("anthropic.claude-mythos-preview", adaptive("high"), adaptive("high"), adaptive()),
        (OWN, enabled(4096), enabled(3000), adaptive()),
        (LLAMA, {}, {}, {}),
        (NOVA, {}, {}, {}),
    ],
)
def test_thinking_of_each_model(model: str, effort: Json, budget: Json, free: Json) -> None:
    assert [asked(model, thinking) for thinking in (EFFORT, BUDGET, ADAPTIVE)] == [effort, budget, free]


@pytest.mark.parametrize("off", [Thinking(effort="none"), Thinking(budget_tokens=0), Thinking()])
@pytest.mark.parametrize("model", [NOVA, LLAMA, GPT_OSS])
def test_no_thinking_is_not_said(model: str, off: Thinking) -> None:
    assert asked(model, off) == {}


def test_no_thinking_of_a_claude_is_not_said() -> None:
    for model in (CLAUDE, SONNET_5, OWN):
        assert asked(model, Thinking(effort="none")) == asked(model, Thinking(budget_tokens=0)) == {}


@pytest.mark.parametrize(
    ("max_tokens", "wanted"), [(10_000, enabled(4096)), (2000, enabled(1999)), (1025, enabled(1024)), (1024, {})]
)
def test_a_budget_made_of_a_word_leaves_room_for_an_answer(max_tokens: int, wanted: Json) -> None:
    assert asked(CLAUDE, EFFORT, max_tokens) == wanted


def test_a_budget_of_the_clients_own_is_left_alone() -> None:
    assert asked(CLAUDE, BUDGET, 100) == enabled(3000)


@pytest.mark.parametrize(
    ("word", "claude", "others"),
    [("minimal", "low", "low"), ("low", "low", "low"), ("medium", "medium", "medium"), ("xhigh", "xhigh", "high")],
)
def test_words_for_effort(word: str, claude: str, others: str) -> None:
    thinking = Thinking(effort=word)  # type: ignore[arg-type]
    assert asked(SONNET_5, thinking) == adaptive(claude)
    assert asked(GPT_OSS, thinking) == {"additionalModelRequestFields": {"reasoning_effort": others}}
    config = {"type": "enabled", "maxReasoningEffort": others}
    assert asked(NOVA_2, thinking) == {"additionalModelRequestFields": {"reasoningConfig": config}}


def test_models_that_take_words_are_told_budgets_as_words() -> None:
    assert asked(GPT_OSS, Thinking(budget_tokens=2000)) == {
        "additionalModelRequestFields": {"reasoning_effort": "medium"}
    }
    assert asked(GPT_OSS, ADAPTIVE) == {}
    config = {"type": "enabled", "maxReasoningEffort": "medium"}
    assert asked(NOVA_2, ADAPTIVE) == {"additionalModelRequestFields": {"reasoningConfig": config}}


def test_the_text_of_reasoning_is_asked_for_where_it_can_be() -> None:
    shown = Thinking(effort="low", show=True)
    assert asked(SONNET_5, shown) == adaptive("low", display="summarized")
    assert asked(CLAUDE, shown) == enabled(1024)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (CLAUDE, {"top_k": 40}),
        (OWN, {"top_k": 40}),
        (NOVA, {"inferenceConfig": {"topK": 40}}),
        (LLAMA, None),
    ],
)
def test_top_k(model: str, wanted: Json | None) -> None:
    assert written(talk(top_k=40), model).get("additionalModelRequestFields") == wanted


def test_a_budget_and_top_k_stand_together() -> None:
    conversation: Conversation = talk(top_k=1, thinking=BUDGET)
    fields, effort = models.extras(conversation, CLAUDE)
    assert (fields, effort) == ({"top_k": 1, "thinking": {"type": "enabled", "budget_tokens": 3000}}, "")
