"""claude.py: which generation a name says, and what each is told of reasoning and sampling."""

import itertools
from typing import get_args

import pytest
from anthropic.types import ModelParam

from sluice.chat.content import Text
from sluice.chat.conversation import Conversation, Effort, Thinking, Tool, ToolChoice
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects import claude
from sluice.dialects.claude import Plan, Sampling

MESSAGES = claude.Api(origin="dialect.anthropic_messages", words_from=(4, 7), unknown=(3, 7))
CONVERSE = claude.Api(origin="dialect.bedrock_converse", words_from=(4, 6), unknown=(4, 6))
OFF = Thinking(effort="none")


def asked(**members: object) -> Conversation:
    return Conversation(messages=(), **members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "generation"),
    [
        ("claude-3-haiku-20240307", (3, 0)),
        ("claude-3-5-sonnet@20241022", (3, 5)),
        ("claude-3-7-sonnet-latest", (3, 7)),
        ("anthropic.claude-v2:1", (2, 0)),
        ("anthropic.claude-sonnet-4-20250514-v1:0", (4, 0)),
        ("claude-opus-4-1-20250805", (4, 1)),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", (4, 5)),
        ("anthropic/claude-opus-4.7", (4, 7)),
        ("anthropic/claude-4.7-opus", (4, 7)),
        ("claude-sonnet-5", (5, 0)),
        ("claude-fable-5-2", (5, 2)),
        ("claude-mythos-preview", (5, 0)),
        ("deepseek-chat", None),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", None),
        ("", None),
    ],
)
def test_generations(model: str, generation: tuple[int, int] | None) -> None:
    assert claude.generation(model) == generation


def test_every_name_that_the_vendor_lists_says_its_generation() -> None:
    literal, _ = get_args(ModelParam)
    known = [claude.generation(model) for model in get_args(literal)]
    assert known
    assert all(generation is not None and generation >= (3, 0) for generation in known)


@pytest.mark.parametrize(
    ("model", "config", "effort"),
    [
        ("claude-3-5-haiku-latest", None, None),
        ("claude-sonnet-4-5", "disabled", None),
        ("claude-opus-5", "disabled", None),
        ("claude-haiku-5-5", "disabled", None),
        ("deepseek-chat", "disabled", None),
        ("claude-opus-5-5", None, "low"),
        ("global.anthropic.claude-sonnet-5-5", None, "low"),
        ("claude-fable-5", None, "low"),
        ("claude-mythos-preview", None, "low"),
    ],
)
def test_reasoning_is_switched_off_where_it_can_be(model: str, config: str | None, effort: str | None) -> None:
    told = claude.plan(asked(thinking=OFF), model, MESSAGES)
    assert told == Plan(None if config is None else {"type": config}, effort)
    assert not told.on


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("claude-3-7-sonnet-latest", Sampling(1.0, 0.5, 5)),
        ("deepseek-chat", Sampling(1.0, 0.5, 5)),
        ("claude-sonnet-4-20250514", Sampling(1.0, None, 5)),
        ("claude-opus-4-1", Sampling(1.0, None, 5)),
        ("claude-opus-4-6", Sampling(1.0, None, 5)),
        ("us.anthropic.claude-opus-4-7", Sampling()),
        ("claude-opus-4-8", Sampling()),
        ("claude-sonnet-5", Sampling()),
        ("claude-fable-5", Sampling()),
        ("claude-mythos-preview", Sampling()),
    ],
)
def test_sampling(model: str, sent: Sampling) -> None:
    assert claude.sampling(asked(temperature=1.5, top_p=0.5, top_k=5), model, Plan()) == sent


def test_one_sampler_alone_is_sent() -> None:
    assert claude.sampling(asked(top_p=0.0), "claude-opus-4-6", Plan()) == Sampling(None, 0.0, None)
    assert claude.sampling(asked(temperature=0.0), "claude-opus-4-6", Plan()) == Sampling(0.0, None, None)
    assert claude.sampling(asked(top_p=0.95), "claude-opus-4-6", Plan({"type": "adaptive"})).top_p == 0.95


@pytest.mark.parametrize(
    ("model", "word", "wanted"),
    [
        ("claude-opus-4-6", "xhigh", "high"),
        ("claude-opus-4-7", "xhigh", "xhigh"),
        ("claude-opus-4-6", "minimal", "low"),
    ],
)
def test_words_for_effort(model: str, word: Effort, wanted: str) -> None:
    told = claude.plan(asked(thinking=Thinking(effort=word)), model, CONVERSE)
    assert (told.config, told.effort) == ({"type": "adaptive"}, wanted)


def test_what_is_told_together_is_never_refused() -> None:
    """Every generation, wish and bound: the rules of the vendor, said once more and the other way round."""
    models = ["claude-3-5-sonnet", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7", "claude-opus-5-5", "x"]
    wishes = [Thinking(effort="xhigh"), Thinking(budget_tokens=100), Thinking(budget_tokens=50_000), OFF]
    choices = [None, ToolChoice(mode="auto"), ToolChoice(mode="required")]
    for model, wish, choice, bound, api in itertools.product(
        models, [*wishes, Thinking(adaptive=True)], choices, [None, 1, 1025, 9000], [MESSAGES, CONVERSE]
    ):
        request = asked(
            thinking=wish, tool_choice=choice, tools=(Tool(name="f"),), max_tokens=bound, temperature=0.3, top_p=0.4
        )
        told = claude.plan(request, model, api)
        sent = claude.sampling(request, model, told)
        budget = told.config.get("budget_tokens", 1024) if told.config else 1024
        assert isinstance(budget, int)
        assert budget >= 1024
        if bound is not None and told.config is not None and "budget_tokens" in told.config:
            assert budget < bound
        if told.on:
            assert choice is None or choice.mode == "auto"
            assert (sent.temperature, sent.top_p) == (None, None)
        assert sent.temperature is None or sent.top_p is None or claude.generation(model) in (None, (3, 5))


def test_a_turn_begins_with_its_reasoning() -> None:
    proof, other = Reasoning("a", Seal("o", "reasoning", "s")), Reasoning("", Seal("o", "redacted", "t"))
    shown, sealed_text = Reasoning("b"), Reasoning("", Seal("o", "text", "u"))
    words = Text(text="w")
    assert claude.reasoning_first([words, proof, other, words]) == [proof, other, words, words]
    assert claude.reasoning_first([shown, sealed_text, words]) == [shown, sealed_text, words]
    assert claude.reasoning_first([]) == []
