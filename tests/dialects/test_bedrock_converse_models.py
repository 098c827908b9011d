"""bedrock_converse/models.py: what each family of models is told of thinking, top-k and caching."""

import pytest

from sluice.chat.content import ToolResult
from sluice.chat.conversation import Thinking, ToolChoice
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.bedrock_converse import models
from tests.dialects.converse import CALL, CLAUDE, LLAMA, NOVA, WEATHER, Json, said, talk, written
from tests.dialects.converse import OWN as OWN_SEALS

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


@pytest.mark.parametrize("off", [Thinking(effort="none"), Thinking(budget_tokens=0)])
def test_no_thinking_of_a_claude(off: Thinking) -> None:
    for model in (CLAUDE, SONNET_5):  # the newer ones think if nobody says a word
        assert asked(model, off) == {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}}
    for model in (OWN, HAIKU_35):
        assert asked(model, off) == {}
    assert asked("anthropic.claude-mythos-preview", off) == {"outputConfig": {"effort": "low"}}


@pytest.mark.parametrize(
    ("max_tokens", "wanted"), [(10_000, enabled(4096)), (2000, enabled(1024)), (1025, enabled(1024)), (1024, {})]
)
def test_a_budget_made_of_a_word_leaves_room_for_an_answer(max_tokens: int, wanted: Json) -> None:
    assert asked(CLAUDE, EFFORT, max_tokens) == wanted


def test_a_budget_of_the_clients_own_leaves_room_for_an_answer_too() -> None:
    assert [asked(CLAUDE, BUDGET, bound) for bound in (3001, 3000, 100)] == [enabled(3000), enabled(1500), {}]


LOOP = (said("user", "hi"), said("assistant", CALL), said("user", ToolResult(call_id="t1", parts=())))


@pytest.mark.parametrize("origin", [OWN_SEALS, "dialect.anthropic_messages", ""])
def test_a_loop_that_began_elsewhere_goes_on_without_a_budget(origin: str) -> None:
    proof = [Reasoning("hm", Seal(origin, "reasoning", "c2ln"))] if origin else []
    history = (LOOP[0], said("assistant", "So:", *proof, CALL), LOOP[2])
    body = written(talk(*history, tools=(WEATHER,), thinking=EFFORT, max_tokens=9000, temperature=0.5), CLAUDE)
    own = origin == OWN_SEALS
    assert body.get("additionalModelRequestFields") == (enabled(4096)["additionalModelRequestFields"] if own else None)
    assert body["inferenceConfig"] == {"maxTokens": 9000} | ({} if own else {"temperature": 0.5})
    kinds = [next(iter(block)) for block in body["messages"][1]["content"]]
    assert kinds == [*(["reasoningContent"] if own else []), "text", "toolUse"]


def test_adaptive_thinking_may_begin_within_a_loop() -> None:
    body = written(talk(*LOOP, tools=(WEATHER,), thinking=EFFORT), SONNET_5)
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}


@pytest.mark.parametrize("model", [CLAUDE, OPUS_46, SONNET_5, OWN])
def test_a_forced_tool_goes_before_thinking(model: str) -> None:
    for choice in (ToolChoice(mode="required"), ToolChoice(mode="named", name="weather")):
        body = written(talk(tools=(WEATHER,), tool_choice=choice, thinking=EFFORT), model)
        assert not {"additionalModelRequestFields", "outputConfig"} & body.keys()


@pytest.mark.parametrize("model", [CLAUDE, OPUS_46, SONNET_5, OWN])
def test_what_thinking_forbids_beside_it_is_left_out(model: str) -> None:
    body = written(talk(thinking=EFFORT, temperature=0.0, top_p=0.5, top_k=5), model)
    assert "inferenceConfig" not in body
    assert body["additionalModelRequestFields"].keys() == {"thinking"}


def test_nova_takes_both_samplers() -> None:
    assert written(talk(temperature=0.1, top_p=0.5), NOVA)["inferenceConfig"] == {"temperature": 0.1, "topP": 0.5}
    assert written(talk(temperature=0.1, top_p=0.5), CLAUDE)["inferenceConfig"] == {"temperature": 0.1}


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


def test_thinking_and_top_k_of_nova_stand_together() -> None:
    fields = written(talk(top_k=1, thinking=EFFORT), NOVA_2)["additionalModelRequestFields"]
    assert fields == {
        "inferenceConfig": {"topK": 1},
        "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"},
    }
