"""The Responses API over a WebSocket, by the official client and by hand."""

import asyncio
import json
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.errors import Unauthenticated
from tests.agent_server.test_responses import Held, parrot, storyteller
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

ANY: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
END = ("response.completed", "response.failed", "response.incomplete")


def dial(site: AgentSite, **options: Any) -> connect:
    return connect(f"{site.ws_url}/v1/responses", proxy=None, **options)


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps({"type": "response.create", "model": "parrot", **message}))


async def hear(socket: ClientConnection) -> list[Any]:
    """Return the events up to the end of a response."""
    events = [json.loads(await socket.recv())]
    while events[-1]["type"] not in END:
        events.append(json.loads(await socket.recv()))
    return events


async def test_the_official_client_reads_responses_one_after_the_other(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    said = []
    async with (
        AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none") as asked,
        asked.responses.connect() as connection,
        asyncio.timeout(5),
    ):
        for _ in range(2):
            await connection.response.create(model="storyteller", input="a story")
            async for event in connection:
                if event.type == "response.completed":
                    said.append(event.response.output_text)
                    break
    assert said == ["Once upon a time"] * 2


async def test_the_events_are_those_of_the_stream(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with dial(site) as socket, AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none") as asked:
        await say(socket, model="storyteller", input="a story")
        events = await hear(socket)
        stream = await asked.responses.retrieve(events[-1]["response"]["id"], stream=True)
        streamed = [event.model_dump(mode="json", exclude_unset=True) async for event in stream]
    for event in events:
        ANY.validate_python(event, strict=True)
    assert events == streamed


async def test_lanes_are_answered_at_the_same_time_and_each_event_names_its_own(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(parrot(), held.agent)
    async with dial(site) as socket, asyncio.timeout(5):
        await say(socket, model="held", input="go", stream_id="slow")
        await say(socket, input="A", stream_id="quick")
        events = [json.loads(await socket.recv())]
        while (events[-1]["stream_id"], events[-1]["type"]) != ("quick", "response.completed"):
            events.append(json.loads(await socket.recv()))
        held.go.set()
        rest = await hear(socket)
    assert {event["stream_id"] for event in rest} == {"slow"}
    for lane in ("slow", "quick"):
        numbers = [event["sequence_number"] for event in [*events, *rest] if event["stream_id"] == lane]
        assert numbers == list(range(len(numbers)))


async def test_one_lane_is_answered_in_order(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with dial(site) as socket, asyncio.timeout(5):
        for text in ("A", "B", "C"):
            await say(socket, input=text)
        answers = [(await hear(socket))[-1]["response"]["output"][0]["content"][0]["text"] for _ in range(3)]
    assert answers == ["u:A", "u:B", "u:C"]


async def test_what_is_not_stored_is_gone_on_from_on_the_same_connection_only(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with dial(site) as socket, dial(site) as other, asyncio.timeout(5):
        await say(socket, input="A", store=False)
        first = (await hear(socket))[-1]["response"]
        await say(socket, input="B", store=False, previous_response_id=first["id"])
        second = (await hear(socket))[-1]["response"]
        await say(other, input="B", store=False, previous_response_id=first["id"])
        refused = json.loads(await other.recv())
    assert second["output"][0]["content"][0]["text"] == "u:A|a:u:A|u:B"
    assert (refused["type"], refused["status"], refused["error"]["param"]) == ("error", 404, "previous_response_id")


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("{", None),
        (b"\xff", None),
        ('{"type": "response.sing"}', "type"),
        ('{"type": "response.create", "input": 7}', "input"),
        ('{"type": "response.create", "input": "A", "generate": false}', "generate"),
        ('{"type": "response.create", "input": "A", "model": "nobody"}', "model"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_the_connection_stays(
    agent_site: AgentSites, message: str | bytes, param: str | None
) -> None:
    site = await agent_site(parrot())
    async with dial(site) as socket, asyncio.timeout(5):
        await socket.send(message)
        refused = json.loads(await socket.recv())
        await say(socket, input="A")
        assert (await hear(socket))[-1]["type"] == "response.completed"
    assert refused["type"] == "error"
    assert (refused["status"], refused["error"]["param"]) == (404 if param == "model" else 400, param)


async def test_steering_is_refused_in_the_protocols_own_words(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with (
        AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none") as asked,
        asked.responses.connect() as connection,
        asyncio.timeout(5),
    ):
        await connection.response.steer(input="faster", previous_response_id="resp_x")
        event: Any = await connection.recv()
    assert event.type == "response.steer.failed"
    assert event.error.code == "steering_not_supported"
    assert event.steer.previous_response_id == "resp_x"


async def test_a_response_goes_on_when_the_connection_is_closed(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with dial(site) as socket:
        await say(socket, model="held", input="go")
        await until(lambda: bool(held.seen))
        run = held.seen[0].run.id
        await until(lambda: site.service.running[run].viewers == 1)
    await until(lambda: site.service.running[run].viewers == 0)
    held.go.set()
    await until(lambda: run not in site.service.running)
    assert (await site.service.run("local", run)).status == "success"


async def test_a_failed_run_is_a_failed_response(agent_site: AgentSites) -> None:
    agent = Agent("broken")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        raise RuntimeError("secret")

    site = await agent_site(agent)
    async with dial(site) as socket, asyncio.timeout(5):
        await say(socket, model="broken", input="A")
        last = (await hear(socket))[-1]
    assert last["type"] == "response.failed"
    assert "secret" not in json.dumps(last)


class _Nobody:
    async def principal(self, request: Any) -> str:
        raise Unauthenticated("say who you are", reason="APIKeyAuth")


async def test_who_is_not_known_is_not_let_in(agent_site: AgentSites) -> None:
    site = await agent_site(parrot(), principals=_Nobody())
    with pytest.raises(InvalidStatus) as refused:
        await dial(site)
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["error"]["code"] == "unauthenticated"


async def test_pages_of_other_origins_are_not_let_in(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    with pytest.raises(InvalidStatus) as refused:
        await dial(site, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    async with dial(site, origin=site.url):
        pass
