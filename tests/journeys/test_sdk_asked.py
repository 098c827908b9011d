"""4 clients x 5 providers: what else a request asks for, as the provider gets it and as the client sees the answer."""

import json
from collections.abc import AsyncIterator

import anthropic
import openai
import pytest
from google.genai import errors

from tests.journeys.matrix import PAIRS, Matrix, running
from tests.journeys.talk import PNG, Wish


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running() as one:
        yield one


pairs = pytest.mark.parametrize(("client", "provider"), PAIRS)
streams = pytest.mark.parametrize("stream", [False, True])


@pairs
@streams
async def test_json_of_a_schema(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    talk = matrix.talk(client, provider)
    talk.user("Where?")
    said = await talk.ask(Wish(json=True), stream=stream)
    assert json.loads(said.text) == {"city": "Paris"}
    assert said.finish == talk.finishes["stop"]


@pairs
async def test_an_image_arrives_byte_for_byte(matrix: Matrix, client: str, provider: str) -> None:
    talk = matrix.talk(client, provider)
    talk.user("What is in this picture?", image=PNG)
    said = await talk.ask(stream=True)
    assert "What is in this picture?" in said.text
    body = matrix.fake.requests[-1].body.decode()
    assert PNG in body.replace("-", "+").replace("_", "/")  # Google's client writes the other alphabet of base64


@pairs
async def test_system_messages_arrive_in_their_order(matrix: Matrix, client: str, provider: str) -> None:
    talk = matrix.talk(client, provider)
    talk.system("Be brief.")
    talk.system("Speak French.")
    talk.user("Hello?")
    assert "Hello?" in (await talk.ask(stream=False)).text
    body = matrix.fake.requests[-1].body.decode()
    assert (body.count("Be brief."), body.count("Speak French.")) == (1, 1)
    assert body.find("Be brief.") < body.find("Speak French.")


@pairs
@streams
async def test_a_bound_on_the_output_ends_the_answer(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    talk = matrix.talk(client, provider)
    talk.user('[[fake {"content": "one two three four five six seven eight nine"}]]')
    said = await talk.ask(Wish(max_tokens=5), stream=stream)
    assert said.text == "one two three four five"
    assert said.finish == talk.finishes["length"]
    assert said.usage.output_tokens == 5
    record = await matrix.record(1)
    assert (record.outcome, record.finish_reason) == ("completed", "length")


@pairs
async def test_a_call_cut_off_by_the_bound(matrix: Matrix, client: str, provider: str) -> None:
    """dialects.md, decision 8: chat and Responses show the raw text, Messages and Gemini no call at all. Gemini's own
    API has none that could be cut, and a client of a provider's own dialect gets what that one sends."""
    talk = matrix.talk(client, provider)
    arguments = json.dumps({"city": "one two three four five six seven eight"})
    talk.user(f"[[fake {json.dumps({'content': 'Well', 'calls': [{'name': 'f', 'arguments': arguments}]})}]]")
    said = await talk.raw(Wish(tools=("f",), max_tokens=8))
    assert (said.text, said.finish) == ("Well", talk.finishes["length"])
    if provider == "gemini" or (client in ("messages", "gemini") and client != provider):
        assert said.calls == ()
    elif client in ("chat", "responses"):
        (call,) = said.calls
        assert len(call.arguments["cut"]) > 10
        assert arguments.startswith(call.arguments["cut"])
    assert (await matrix.record(1)).finish_reason == "length"


@streams
@pytest.mark.parametrize(("client", "provider"), [pair for pair in PAIRS if "responses" not in pair])
async def test_a_stop_sequence_ends_the_answer(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    talk = matrix.talk(client, provider)
    talk.user('[[fake {"content": "one two three four"}]]')
    said = await talk.ask(Wish(stop=("three",)), stream=stream)
    assert said.text == "one two "
    assert said.finish in (talk.finishes["stop"], "stop_sequence")


@pytest.mark.parametrize("client", ["chat", "messages", "gemini"])
async def test_a_stop_sequence_that_a_provider_cannot_take_is_refused_by_name(matrix: Matrix, client: str) -> None:
    """Responses has none."""
    talk = matrix.talk(client, "responses")
    talk.user("Hello?")
    with pytest.raises((openai.BadRequestError, anthropic.BadRequestError, errors.ClientError)) as caught:
        await talk.ask(Wish(stop=("three",)), stream=False)
    status, message = talk.error(caught.value)
    assert status == 400
    assert {"chat": "'stop'", "messages": "'stop_sequences'", "gemini": "stopSequences"}[client] in message
    assert matrix.fake.seen == 0
