"""4 clients x 5 providers: reasoning, and its proofs through three turns. The fake knows its proofs and answers 400 to
a wrong one, or to a call that comes back without; the proofs that reached it are counted besides."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.matrix import PAIRS, Matrix, alike, running
from tests.journeys.talk import Wish

TOOLS = ("get_weather", "get_time")
LOOP = """Go on. [[fake [
  {"reasoning": "First the weather.", "calls": [{"name": "get_weather", "arguments": "{\\"city\\":\\"Paris\\"}"}]},
  {"reasoning": "Then the time.", "calls": [{"name": "get_time", "arguments": "{\\"city\\":\\"Rome\\"}"}]},
  {"reasoning": "That is all.", "content": "Sunny, at nine."}
]]]"""
THOUGHTS = ["First the weather.", "Then the time.", "That is all."]


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running() as one:
        yield one


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("client", "provider"), PAIRS)
async def test_proofs_survive_a_loop_of_tools(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    wish = Wish(tools=TOOLS, reasons=True)
    talk = matrix.talk(client, provider)
    talk.user(LOOP)
    for step, (result, name) in enumerate(zip(("sunny", "nine"), TOOLS, strict=True)):
        said = await talk.ask(wish, stream=stream)
        assert alike(said, provider) == alike(await talk.ask(wish, stream=not stream), provider)
        assert said.reasoning == THOUGHTS[step]
        (call,) = said.calls
        assert call.name == name
        assert len(set(matrix.seals())) == step * _proofs(provider)
        talk.keep(said)
        talk.results((call, result))
    last = await talk.ask(wish, stream=stream)
    assert (last.text, last.reasoning) == ("Sunny, at nine.", THOUGHTS[2])
    assert last.usage.reasoning_tokens == (0 if provider == "converse" else matrix.counted().reasoning_tokens)
    assert len(set(matrix.seals())) == 2 * _proofs(provider)
    talk.keep(last)
    talk.user("Thank you.")
    assert "Thank you." in (await talk.ask(wish, stream=stream)).text
    await matrix.record(6)
    assert [r.outcome for r in matrix.serving.records] == ["completed"] * 6


def _proofs(provider: str) -> int:
    """Of each step; chat completions give none."""
    return 0 if provider == "chat" else 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["messages", "converse"])
@pytest.mark.parametrize("client", ["chat", "responses", "messages", "gemini"])
async def test_redacted_reasoning_comes_back_too(matrix: Matrix, client: str, provider: str, stream: bool) -> None:
    wish = Wish(tools=TOOLS, reasons=True)
    talk = matrix.talk(client, provider)
    talk.user(
        '[[fake [{"reasoning": "secret", "redacted": true, "calls": [{"name": "get_time", "arguments": "{}"}]}, '
        '{"content": "done"}]]]'
    )
    said = await talk.ask(wish, stream=stream)
    assert (said.reasoning, len(said.calls)) == ("", 1)
    talk.keep(said)
    talk.results((said.calls[0], "nine"))
    assert (await talk.ask(wish, stream=stream)).text == "done"
    assert len(matrix.seals()) == 1


@pytest.mark.parametrize(("client", "provider"), PAIRS)
async def test_thoughts_that_a_model_has_by_itself(matrix: Matrix, client: str, provider: str) -> None:
    talk = matrix.talk(client, provider)
    talk.user("What is streaming?")
    said = await talk.ask(Wish(reasons=True), stream=True)
    assert said.reasoning.startswith("The user says “What is streaming?”") or provider == "chat"
    assert "What is streaming?" in said.text
    talk.keep(said)
    talk.user("And now?")
    assert "And now?" in (await talk.ask(Wish(reasons=True), stream=False)).text
