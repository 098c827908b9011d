"""Numbers from outside that decide about money, in every dialect: a client's bound, a provider's usage."""

import json

import pytest

from sluice.chat.events import Reported
from sluice.chat.usage import MOST, Usage
from sluice.dialects.dialect import Dialect
from sluice.dialects.reading import bound
from sluice.errors import BadRequest
from sluice.standard import STANDARD

BOUNDS = [
    ("dialect.openai_chat", "max_tokens", {"messages": [{"role": "user", "content": "Hi"}]}),
    ("dialect.openai_chat", "max_completion_tokens", {"messages": [{"role": "user", "content": "Hi"}]}),
    ("dialect.openai_responses", "max_output_tokens", {"input": "Hi"}),
    ("dialect.anthropic_messages", "max_tokens", {"messages": [{"role": "user", "content": "Hi"}]}),
    ("dialect.gemini", "generationConfig.maxOutputTokens", {"contents": [{"parts": [{"text": "Hi"}]}]}),
]
"""Of each dialect that clients speak, where it bounds an answer, and a body around that."""


DIALECTS = {name: STANDARD.get(name, Dialect) for name in STANDARD.ids("dialect")}  # type: ignore[type-abstract]


def dialect(module_id: str) -> Dialect:
    return DIALECTS[module_id]


def request(where: str, value: int, body: dict[str, object]) -> bytes:
    outer, _, inner = where.rpartition(".")
    member: object = {inner: value}
    return json.dumps(body | ({outer: member} if outer else {inner: value})).encode()


@pytest.mark.parametrize(("module_id", "where", "body"), BOUNDS)
@pytest.mark.parametrize("value", [0, -1, -(10**9), -(10**30)])
def test_a_bound_below_one_is_the_clients_mistake(
    module_id: str, where: str, body: dict[str, object], value: int
) -> None:
    with pytest.raises(BadRequest) as found:
        dialect(module_id).read_request(request(where, value, body), model="m", stream=False)
    assert (str(found.value), found.value.param) == (
        f"Invalid value for '{where}': expected an integer of at least 1.",
        where,
    )


@pytest.mark.parametrize(("module_id", "where", "body"), BOUNDS)
def test_a_bound_of_one_and_more_passes(module_id: str, where: str, body: dict[str, object]) -> None:
    read = dialect(module_id).read_request
    assert read(request(where, 1, body), model="m", stream=False).max_tokens == 1
    assert read(request(where, 1 << 60, body), model="m", stream=False).max_tokens == 1 << 60


def test_every_dialect_of_clients_has_its_case_here() -> None:
    assert DIALECTS.keys() - {"dialect.bedrock_converse"} == {module_id for module_id, _, _ in BOUNDS}


def test_no_bound_is_none() -> None:
    assert bound(None, "max_tokens") is None


# -- what a provider says it used -------------------------------------------------------------------------------------

HUGE, BELOW = 10**30, -100_000
CHAT = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}
RESPONSES = {"id": "r", "object": "response", "status": "completed", "output": []}
MESSAGES = {"id": "m", "type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"}
GEMINI = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]}
SAID = {"message": {"role": "assistant", "content": [{"text": "x"}]}}
CONVERSE: dict[str, object] = {"output": SAID, "stopReason": "end_turn"}


def answers(n: int) -> list[tuple[str, dict[str, object]]]:
    details = {"cached_tokens": n, "cache_write_tokens": n, "audio_tokens": n, "reasoning_tokens": n}
    return [
        (
            "dialect.openai_chat",
            CHAT
            | {
                "usage": {
                    "prompt_tokens": n,
                    "completion_tokens": 7,
                    "prompt_tokens_details": details,
                    "completion_tokens_details": details,
                }
            },
        ),
        (
            "dialect.openai_responses",
            RESPONSES
            | {
                "usage": {
                    "input_tokens": n,
                    "output_tokens": 7,
                    "input_tokens_details": details,
                    "output_tokens_details": details,
                }
            },
        ),
        (
            "dialect.anthropic_messages",
            MESSAGES
            | {
                "usage": {
                    "input_tokens": n,
                    "output_tokens": 7,
                    "cache_read_input_tokens": n,
                    "cache_creation_input_tokens": n,
                    "output_tokens_details": {"thinking_tokens": n},
                }
            },
        ),
        (
            "dialect.gemini",
            GEMINI
            | {
                "usageMetadata": {
                    "promptTokenCount": n,
                    "candidatesTokenCount": 7,
                    "cachedContentTokenCount": n,
                    "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": n}],
                    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": n}],
                }
            },
        ),
        (
            "dialect.bedrock_converse",
            CONVERSE
            | {
                "usage": {
                    "inputTokens": n,
                    "outputTokens": 7,
                    "cacheReadInputTokens": n,
                    "cacheWriteInputTokens": n,
                }
            },
        ),
    ]


def usage_of(module_id: str, answer: dict[str, object]) -> Usage:
    events = dialect(module_id).read_answer(json.dumps(answer).encode())
    return next(event.usage for event in events if isinstance(event, Reported))


@pytest.mark.parametrize(("module_id", "answer"), answers(HUGE))
def test_no_provider_makes_a_count_that_cannot_be_written_down(module_id: str, answer: dict[str, object]) -> None:
    usage = usage_of(module_id, answer)
    assert usage.input_tokens == MOST
    assert usage.output_tokens == 7
    assert usage.cache_read_tokens + usage.cache_write_tokens <= MOST
    assert max(usage.reasoning_tokens, usage.output_audio_tokens) <= 7


@pytest.mark.parametrize(("module_id", "answer"), answers(BELOW))
def test_no_provider_gives_tokens_back(module_id: str, answer: dict[str, object]) -> None:
    assert usage_of(module_id, answer) == Usage(output_tokens=7)


def test_every_dialect_of_providers_has_its_case_here() -> None:
    assert DIALECTS.keys() == {module_id for module_id, _ in answers(0)}
