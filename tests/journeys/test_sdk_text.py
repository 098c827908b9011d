"""4 clients x 5 providers: text and tools, streamed and whole, with the official clients over real sockets."""

from collections.abc import AsyncIterator

import pytest

from sluice.chat.usage import Usage
from tests.journeys.matrix import CLIENT_DIALECTS, PAIRS, SERVED, Matrix, alike, running
from tests.journeys.talk import Said, Wish

SUNNY, LATE = "sunny all week", "half past nine"


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running() as one:
        yield one


pairs = pytest.mark.parametrize(("client", "provider"), PAIRS)


@pairs
async def test_text_is_the_same_streamed_and_whole(matrix: Matrix, client: str, provider: str) -> None:
    talk = matrix.talk(client, provider)
    talk.user("What is streaming?")
    whole = await talk.ask(stream=False)
    assert_counted(matrix, whole)
    streamed = await talk.ask(stream=True)
    assert_counted(matrix, streamed)
    raw = await talk.raw()
    assert "What is streaming?" in whole.text
    assert whole.finish == talk.finishes["stop"]
    assert alike(streamed, provider) == alike(whole, provider)
    assert (raw.text, raw.finish, raw.usage) == (whole.text, whole.finish, whole.usage)

    await matrix.record(3)
    for record, streams in zip(matrix.serving.records, (False, True, True), strict=True):
        assert (record.outcome, record.status, record.streaming) == ("completed", 200, streams)
        assert (record.finish_reason, record.operation) == ("stop", "chat")
        assert (record.client_dialect, record.provider_dialect) == (CLIENT_DIALECTS[client], SERVED[provider].dialect)
        assert (record.stream.first_token_s is not None) == streams
        assert record.usage is not None
        assert shown(record.usage) == shown(whole.usage)


@pairs
@pytest.mark.parametrize("stream", [False, True])
async def test_parallel_calls_and_their_results(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    wish = Wish(tools=("get_weather", "get_time", "unused"))
    talk = matrix.talk(client, provider)
    talk.user("Call get_weather and get_time, please.")
    asked = await talk.ask(wish, stream=stream)
    assert_counted(matrix, asked)
    assert asked.finish == talk.finishes["tool_calls"]
    assert [(call.name, call.arguments) for call in asked.calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {"city": "Paris"}),
    ]
    assert alike(asked, provider) == alike(await talk.ask(wish, stream=not stream), provider)
    if client != "gemini":
        assert len({call.id for call in asked.calls} - {""}) == 2
    talk.keep(asked)
    talk.results((asked.calls[0], SUNNY), (asked.calls[1], LATE))
    answer = await talk.ask(wish, stream=stream)
    assert_counted(matrix, answer)
    assert f"{SUNNY}; {LATE}" in answer.text
    assert answer.finish == talk.finishes["stop"]
    assert alike(answer, provider) == alike(await talk.ask(wish, stream=not stream), provider)
    await matrix.record(4)
    assert [r.finish_reason for r in matrix.serving.records] == ["tool_calls", "tool_calls", "stop", "stop"]


@pairs
@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_that_must_be_called_and_takes_nothing(
    matrix: Matrix, client: str, provider: str, stream: bool
) -> None:
    talk = matrix.talk(client, provider)
    talk.user('[[fake {"content": "I look.", "calls": [{"name": "get_time", "arguments": "{}"}]}]]')
    said = await talk.ask(Wish(tools=("get_time",), required=True), stream=stream)
    assert (said.text, [(call.name, call.arguments) for call in said.calls]) == ("I look.", [("get_time", {})])


# -- usage ------------------------------------------------------------------------------------------------------------


def shown(usage: Usage) -> tuple[int, int, int]:
    """What every client shows."""
    return usage.input_tokens, usage.output_tokens, usage.cache_read_tokens


def assert_counted(matrix: Matrix, said: Said) -> None:
    """What the client shows, and what the record has, is what the fake counted."""
    counted = matrix.counted()
    record = matrix.serving.records[-1]
    assert record.usage is not None
    assert shown(said.usage) == shown(record.usage) == shown(counted)
    told = 0 if record.provider_dialect == SERVED["converse"].dialect else counted.reasoning_tokens
    assert said.usage.reasoning_tokens == record.usage.reasoning_tokens == told
