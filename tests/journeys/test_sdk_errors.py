"""4 clients x 5 providers: a provider's errors are the client's own errors, with status and message."""

import json
from collections.abc import AsyncIterator
from itertools import islice

import anthropic
import msgspec
import openai
import pytest
from google.genai import errors

from sluice.testing.fake_provider import Script
from tests.journeys.matrix import PAIRS, Matrix, running
from tests.journeys.talk import Talk

CLASSES: dict[str, dict[int, type[Exception]]] = {
    "chat": {
        401: openai.AuthenticationError,
        404: openai.NotFoundError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
        503: openai.InternalServerError,
    },
    "messages": {
        401: anthropic.AuthenticationError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        529: anthropic.InternalServerError,
    },
    "gemini": {
        401: errors.ClientError,
        404: errors.ClientError,
        429: errors.ClientError,
        500: errors.ServerError,
        503: errors.ServerError,
    },
}
CLASSES["responses"] = CLASSES["chat"]
MANY_WORDS = "one two three four five six seven eight nine ten"


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running() as one:
        yield one


pairs = pytest.mark.parametrize(("client", "provider"), PAIRS)


def failing(talk: Talk, status: int, message: str, *, after: int | None = None) -> None:
    """Ask for an error of the provider's."""
    wish = {"content": MANY_WORDS, "error": {"status": status, "message": message, "after": after}}
    talk.user(f"[[fake {json.dumps(wish)}]]")


def here(client: str, status: int) -> int:
    """The status as this client's API has it: 529 is Anthropic's own."""
    return 503 if status == 529 and client != "messages" else status


@pairs
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [401, 404, 429, 500, 529])
async def test_a_refusal_is_the_clients_own_error(
    matrix: Matrix, client: str, provider: str, status: int, stream: bool
) -> None:
    talk = matrix.talk(client, provider)
    failing(talk, status, "The fake says no.")
    expected = here(client, status)
    with pytest.raises(CLASSES[client][expected]) as caught:
        await talk.ask(stream=stream)
    code, message = talk.error(caught.value)
    assert code == expected
    assert "The fake says no." in message
    record = await matrix.record(1)
    assert (record.outcome, record.status, record.finish_reason) == ("upstream_error", expected, "")
    assert record.usage is None


@pairs
async def test_when_to_come_back_is_passed_on(matrix: Matrix, client: str, provider: str) -> None:
    def later(usual: Script) -> Script:
        return msgspec.structs.replace(usual, headers=[*usual.headers, (b"retry-after", b"7")])

    matrix.fake.twist(later)
    talk = matrix.talk(client, provider)
    failing(talk, 429, "Slow down.")
    with pytest.raises(CLASSES[client][429]) as caught:
        await talk.ask(stream=True)
    assert talk.headers(caught.value)["retry-after"] == "7"


@pairs
async def test_a_failure_before_the_first_word_has_a_status(matrix: Matrix, client: str, provider: str) -> None:
    """Inside the provider's 200: nothing was sent to the client yet."""
    talk = matrix.talk(client, provider)
    failing(talk, 429, "Slow down.", after=1 if provider != "gemini" else 0)
    with pytest.raises(CLASSES[client][429]) as caught:
        await talk.ask(stream=True)
    assert talk.error(caught.value) == (429, talk.error(caught.value)[1])
    assert "Slow down." in talk.error(caught.value)[1]
    record = await matrix.record(1)
    assert (record.outcome, record.status, record.finish_reason) == ("upstream_error", 429, "")


@pairs
async def test_a_failure_after_the_first_words_is_inside_the_stream(matrix: Matrix, client: str, provider: str) -> None:
    talk = matrix.talk(client, provider)
    failing(talk, 500, "It broke.", after=7)
    with pytest.raises((openai.APIError, anthropic.APIStatusError, errors.APIError)) as caught:
        await talk.raw()
    assert "It broke." in talk.error(caught.value)[1]
    record = await matrix.record(1)
    assert (record.outcome, record.status, record.finish_reason) == ("upstream_error", 200, "")
    assert record.stream.tokens > 0


@pairs
async def test_an_answer_that_is_cut_off_is_never_taken_for_a_whole_one(
    matrix: Matrix, client: str, provider: str
) -> None:
    talk = matrix.talk(client, provider)
    talk.user("What is streaming?")
    matrix.fake.twist(lambda usual: msgspec.structs.replace(usual, chunks=islice(usual.chunks, 12)))
    with pytest.raises((openai.APIError, anthropic.APIStatusError, errors.APIError)) as caught:
        await talk.raw()
    assert talk.error(caught.value)[1]
    record = await matrix.record(1)
    assert (record.outcome, record.status) == ("upstream_truncated", 200)
