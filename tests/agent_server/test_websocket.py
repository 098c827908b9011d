"""WebSockets: who may connect, what each subprotocol says, and what a client may not do."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from sluice.agent_server import websocket_line, websocket_text
from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.errors import Unauthenticated
from tests.agent_server.npm_agents import STORY, Gates, npm_site
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

NATIVE, TEXT, UI = Subprotocol("sluice.v1"), Subprotocol("text"), Subprotocol("ui")


class Keys:
    """Two principals by their keys."""

    async def principal(self, request: HTTPConnection) -> str:
        for name in ("anna", "ben"):
            if request.headers.get("authorization") == f"Bearer {name}-key":
                return name
        raise Unauthenticated("no key, or a wrong one", reason="apiKey")


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
async def site(agent_site: AgentSites, gates: Gates) -> AgentSite:
    return await npm_site(agent_site, gates)


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        said: dict[str, Any] = json.loads(await socket.recv())
        return said


async def events(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    """A run's events, to its end."""
    while True:
        event = await hear(socket)
        yield event
        if event["type"] in ("run.finished", "run.failed"):
            return


async def ask(socket: ClientConnection, **order: Any) -> dict[str, Any]:
    """Send an order and return what it is answered with."""
    await socket.send(json.dumps(order))
    return await hear(socket)


# -- native -----------------------------------------------------------------------------------------------------------


async def test_native_gives_each_event_with_its_number_and_resumes_behind_one(site: AgentSite, gates: Gates) -> None:
    url = f"{site.ws_url}/agents/gated/ws"
    async with connect(url, subprotocols=[NATIVE]) as socket:
        assert socket.subprotocol == NATIVE
        accepted = await ask(socket, type="run", id="1", text="native", thread_id="t1")
        assert (accepted["type"], accepted["id"], accepted["thread_id"]) == ("accepted", "1", "t1")
        first = [await hear(socket)]
        while "".join(event.get("text", "") for event in first) != "Once upon":
            first.append(await hear(socket))
    run = accepted["run_id"]
    last = first[-1]["seq"]
    async with connect(url, subprotocols=[NATIVE]) as socket:
        await ask(socket, type="resume", run_id=run, lastSequence=last)
        gates.open("native")
        rest = [event async for event in events(socket)]
        assert [event["seq"] for event in rest] == list(range(last + 1, last + 1 + len(rest)))
        assert "".join(event.get("text", "") for event in first + rest) == "".join(STORY)
        assert {event["run_id"] for event in first + rest} == {run}
        assert (await ask(socket, type="ping", id="p")) == {"type": "pong", "id": "p"}


async def test_native_runs_several_at_once_and_cancels_one_of_them(site: AgentSite, gates: Gates) -> None:
    async with connect(f"{site.ws_url}/ws?agent=gated", subprotocols=[NATIVE]) as socket:
        await socket.send(json.dumps({"type": "run", "id": "a", "text": "one"}))
        await socket.send(json.dumps({"type": "run", "id": "b", "text": "two"}))
        runs: dict[str, str] = {}
        texts: dict[str, str] = {}
        while len(runs) < 2 or any(texts.get(run) != "Once upon" for run in runs.values()):
            said = await hear(socket)
            if said["type"] == "accepted":
                runs[said["id"]] = said["run_id"]
            elif "text" in said:
                texts[said["run_id"]] = texts.get(said["run_id"], "") + said["text"]
        await socket.send(json.dumps({"type": "cancel", "run_id": runs["a"]}))
        gates.open("two")
        ends: dict[str, str] = {}
        while len(ends) < 2:
            said = await hear(socket)
            if said["type"] == "run.finished":
                ends[said["run_id"]] = said["outcome"]
        assert ends == {runs["a"]: "cancelled", runs["b"]: "success"}


async def test_native_answers_a_question(site: AgentSite) -> None:
    async with connect(f"{site.ws_url}/agents/asking/ws", subprotocols=[NATIVE]) as socket:
        accepted = await ask(socket, type="run", text="order", thread_id="t2")
        asked = [event async for event in events(socket)]
        assert asked[-1]["outcome"] == "interrupt"
        answered = await ask(socket, type="answer", run_id=accepted["run_id"], value="red")
        assert answered["type"] == "accepted"
        said = [event async for event in events(socket)]
        assert "So red." in "".join(event.get("text", "") for event in said)


WRONG_ORDERS: list[Any] = [
    ('{"type":"run"}', "invalid_request_body", "text"),
    ('{"type":"fly"}', "invalid_request_body", "type"),
    ('{"type":"run","text":5}', "invalid_request_body", "text"),
    ("{", "invalid_request_body", None),
    ('{"type":"resume","run_id":"nobody-s"}', "not_found", None),
    ('{"type":"cancel","run_id":"nobody-s"}', "not_found", None),
    ('{"type":"run","text":"x","agent":"nobody"}', "not_found", None),
]


async def test_native_tells_what_is_wrong_and_stays(site: AgentSite) -> None:
    for order, code, param in WRONG_ORDERS:
        async with connect(f"{site.ws_url}/ws", subprotocols=[NATIVE]) as socket:
            await socket.send(order)
            refusal = await hear(socket)
            assert (refusal["type"], refusal["code"], refusal.get("param")) == ("error", code, param)
            assert (await ask(socket, type="ping"))["type"] == "pong"


# -- plain text -------------------------------------------------------------------------------------------------------


async def test_text_gives_each_chunk_as_it_is_and_then_done_one_message_after_the_other(site: AgentSite) -> None:
    async with connect(f"{site.ws_url}/agents/counting/ws", subprotocols=[TEXT]) as socket:
        await socket.send("one")
        await socket.send("two")
        async with asyncio.timeout(5):
            said = [await socket.recv() for _ in range(4)]
        assert said == ["1: one", "[DONE]", "3: one | 1: one | two", "[DONE]"]
        await socket.send(" ")
        assert [await socket.recv(), await socket.recv()] == ["[Error: the message is empty]", "[DONE]"]


async def test_without_a_subprotocol_the_first_message_tells_what_is_spoken(site: AgentSite) -> None:
    async with connect(f"{site.ws_url}/ws") as socket:
        await socket.send("a story")
        async with asyncio.timeout(5):
            assert [await socket.recv() for _ in range(4)] == [*STORY, "[DONE]"]
    async with connect(f"{site.ws_url}/ws") as socket:
        assert (await ask(socket, type="ping", id="7")) == {"type": "pong", "id": "7"}
    async with connect(f"{site.ws_url}/ws") as socket:
        assert (await ask(socket, type="resume", requestId="r", id="idle")) == {"type": "no-active", "requestId": "r"}


async def test_text_that_nobody_hears_is_cancelled_after_a_while(site: AgentSite) -> None:
    async with connect(f"{site.ws_url}/agents/gated/ws", subprotocols=[TEXT]) as socket:
        await socket.send("never opened")
        assert [await socket.recv(), await socket.recv()] == ["Once", " upon"]
        (running,) = site.service.running.values()
        assert (running.run.on_disconnect, running.run.linger_s) == ("cancel", 5.0)


async def test_text_takes_only_so_many_messages_ahead(site: AgentSite) -> None:
    async with connect(f"{site.ws_url}/agents/gated/ws", subprotocols=[TEXT]) as socket:
        for _ in range(websocket_text.WAITING + 2):  # one is being answered
            await socket.send("closed gate")
        async with asyncio.timeout(5):
            await socket.wait_closed()
        assert socket.close_code == 1013


# -- AI SDK -----------------------------------------------------------------------------------------------------------


def question(text: str) -> list[dict[str, Any]]:
    return [{"id": "u1", "role": "user", "parts": [{"type": "text", "text": text}]}]


async def test_ai_sdk_chunks_are_numbered_without_a_gap_and_go_on_behind_a_number(
    site: AgentSite, gates: Gates
) -> None:
    url = f"{site.ws_url}/agents/gated/ws"
    first: list[dict[str, Any]] = []
    async with connect(url, subprotocols=[UI]) as socket:
        started = await ask(socket, type="send", requestId="a", id="c1", messages=question("ui"), body={})
        assert started == {"type": "start", "requestId": "a"}
        while not first or first[-1]["chunk"].get("delta") != " upon":
            first.append(await hear(socket))
    async with connect(url, subprotocols=[UI]) as socket:
        await ask(socket, type="resume", requestId="b", id="c1", lastSequence=first[-1]["sequence"])
        gates.open("ui")
        rest: list[dict[str, Any]] = []
        while (said := await hear(socket))["type"] == "chunk":
            rest.append(said)
        assert said == {"type": "end", "requestId": "b"}
    numbers = [one["sequence"] for one in first + rest]
    assert numbers == list(range(len(numbers)))
    deltas = [one["chunk"]["delta"] for one in first + rest if one["chunk"]["type"] == "text-delta"]
    assert "".join(deltas) == "".join(STORY)


async def test_ai_sdk_errors_belong_to_their_request(site: AgentSite) -> None:
    async with connect(f"{site.ws_url}/ws", subprotocols=[UI]) as socket:
        nothing = await ask(socket, type="send", requestId="a", id="c1", messages=[], body={})
        assert (nothing["type"], nothing["requestId"]) == ("error", "a")
        unknown = await ask(socket, type="fly", requestId="b")
        assert (unknown["type"], unknown["requestId"]) == ("error", "b")


# -- the connection ---------------------------------------------------------------------------------------------------


async def test_a_key_comes_as_a_header_or_as_a_subprotocol_and_threads_are_the_principal_s_own(
    agent_site: AgentSites,
) -> None:
    site = await agent_site(echo(), principals=Keys())
    url = f"{site.ws_url}/ws"
    for offered in ([NATIVE], [NATIVE, Subprotocol("bearer.wrong")]):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, subprotocols=offered)
        assert refused.value.response.status_code == 401
    async with connect(url, subprotocols=[Subprotocol("bearer.anna-key"), NATIVE]) as socket:
        assert socket.subprotocol == NATIVE
        run = (await ask(socket, type="run", text="mine", thread_id="t"))["run_id"]
        assert [event async for event in events(socket)][-1]["outcome"] == "success"
    async with connect(url, subprotocols=[NATIVE], additional_headers={"authorization": "Bearer ben-key"}) as socket:
        assert (await ask(socket, type="resume", run_id=run))["code"] == "not_found"


async def test_pages_of_other_origins_are_refused(site: AgentSite) -> None:
    url = f"{site.ws_url}/ws"
    for origin in ("https://evil.example", "null", f"https://127.0.0.1:{site.port}.evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, origin=origin)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
    async with connect(url, origin=site.url):  # type: ignore[arg-type]
        pass


async def test_a_message_that_is_too_big_or_no_text_closes_the_line_with_its_code(
    site: AgentSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_line, "MAX_MESSAGE", 1000)
    for message, code in (("x" * 1001, 1009), (b"bytes", 1003)):
        async with connect(f"{site.ws_url}/ws") as socket:
            await socket.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                async with asyncio.timeout(5):
                    await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code


async def test_a_client_that_reads_nothing_is_dropped_and_its_run_goes_on(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_line, "SEND_S", 0.1)
    agent = Agent("flood")

    @agent.on_message
    async def flood(ctx: Context) -> Any:
        for _ in range(200):
            yield "x" * 50_000

    def viewers() -> int:
        return sum(task.get_name().startswith("WebSocket viewer") for task in asyncio.all_tasks())

    site = await agent_site(agent)
    lazy = connect(f"{site.ws_url}/ws", subprotocols=[NATIVE], compression=None, max_queue=1, close_timeout=0.1)
    async with lazy as socket:
        run = (await ask(socket, type="run", text="go", thread_id="t"))["run_id"]
        assert viewers() == 1
        await until(lambda: not viewers())
    async with httpx.AsyncClient(base_url=site.url) as http:
        answer = await http.get(f"/runs/{run}/wait")
    assert answer.json()["status"] == "success"


def echo() -> Agent:
    agent = Agent("echo")

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        yield ctx.text

    return agent
