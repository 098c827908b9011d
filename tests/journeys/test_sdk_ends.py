"""4 clients x 5 providers: what is counted, and the ends that are neither a stop nor a bound."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.matrix import PAIRS, Matrix, alike, running

MANY_TOKENS = " ".join(["word"] * 80)


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running() as one:
        yield one


pairs = pytest.mark.parametrize(("client", "provider"), PAIRS)
streams = pytest.mark.parametrize("stream", [False, True])


@pairs
@streams
async def test_tokens_of_the_prompt_cache(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    """dialects.md, decision 6: the input includes them, but for Messages, which tells them apart; who is told of
    writes tells of them."""
    talk = matrix.talk(client, provider)
    talk.user(f'{MANY_TOKENS} [[fake {{"content": "yes", "cached_tokens": 30, "cache_write_tokens": 20}}]]')
    said = await talk.ask(stream=stream)
    counted, record = matrix.counted(), await matrix.record(1)
    assert counted.cache_read_tokens == 30
    assert (said.usage.input_tokens, said.usage.output_tokens) == (counted.input_tokens, counted.output_tokens)
    assert said.usage.cache_read_tokens == 30
    assert record.usage is not None
    assert (record.usage.input_tokens, record.usage.cache_read_tokens) == (counted.input_tokens, 30)
    writes = 20 if provider in ("messages", "converse", "responses") else 0
    assert record.usage.cache_write_tokens == writes
    if client == "messages":
        assert said.usage.cache_write_tokens == writes
        assert said.body["usage"]["input_tokens"] == counted.input_tokens - 30 - writes


@pairs
@streams
async def test_a_refusal(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    """Each API has its own way to say that the model declined; its words reach the client in any."""
    talk = matrix.talk(client, provider)
    talk.user('[[fake {"refusal": "I would rather not."}]]')
    said = await talk.ask(stream=stream)
    assert alike(said, provider) == alike(await talk.ask(stream=not stream), provider)
    words = said.text or said.body.get("refusal") or said.body["output"][0]["content"][0]["refusal"]
    assert words == "I would rather not."
    record = await matrix.record(2)
    declined = "refusal" if provider in ("chat", "responses", "messages") else "content_filter"
    assert (record.outcome, record.finish_reason) == ("completed", declined)
    assert said.finish in _DECLINED[client, declined]


_DECLINED = {
    ("chat", "refusal"): ("stop", "content_filter"),
    ("chat", "content_filter"): ("content_filter",),
    ("responses", "refusal"): ("completed",),
    ("responses", "content_filter"): ("content_filter",),
    ("messages", "refusal"): ("refusal",),
    ("messages", "content_filter"): ("refusal",),
    ("gemini", "refusal"): ("SAFETY",),
    ("gemini", "content_filter"): ("SAFETY",),
}


@pairs
@streams
async def test_an_answer_that_a_filter_ends(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    talk = matrix.talk(client, provider)
    talk.user('[[fake {"content": "One two", "finish": "content_filter"}]]')
    said = await talk.ask(stream=stream)
    assert said.text == "One two"
    record = await matrix.record(1)
    assert (record.outcome, record.status) == ("completed", 200)
    assert record.finish_reason == ("refusal" if provider == "messages" else "content_filter")
    assert said.finish in _DECLINED[client, record.finish_reason]
