"""`sluice.Client` against a real server, through a connection that breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sluice.agent_client.client import Client
from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.errors import Refused, UpstreamError
from sluice.runs.events import TERMINAL, Event, RunFailed, RunFinished, TextDelta
from sluice.runs.messages import FilePart, Message, TextPart
from tests.support.agent_site import AgentSites
from tests.support.waiting import until


def counter() -> Agent:
    """Says twenty numbers, each in its own piece."""
    agent = Agent("counter")

    @agent.on_message
    async def handle(ctx: Context) -> AsyncIterator[str]:
        for number in range(20):
            yield f"{number} "
            await asyncio.sleep(0)

    return agent


def parrot() -> Agent:
    agent = Agent("parrot")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        return "|".join(message.text for message in ctx.messages)

    return agent


class Held:
    """An agent that says one word, and the next when it is let go."""

    def __init__(self) -> None:
        self.agent = Agent("held")
        self.go = asyncio.Event()
        self.agent.on_message(self._handle)

    async def _handle(self, ctx: Context) -> AsyncIterator[str]:
        yield "one"
        await self.go.wait()
        yield " two"


class CutWire:
    """A port in front of a server that breaks each connection when it has carried so many bytes of answers."""

    def __init__(self, port: int, *lasts: int) -> None:
        self._port = port
        self._lasts = list(lasts)
        self.connections = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "CutWire":
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left = self._lasts.pop(0) if self._lasts else 1 << 40
        if left == 0:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        asking = asyncio.create_task(self._ask(reader, back), name="requests")
        try:
            while left > 0 and (data := await there.read(min(left, 65536))):
                left -= len(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            asking.cancel()
            await asyncio.wait({asking})
            for side in (writer, back):
                side.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            back.write(data)
            await back.drain()


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[Client]:
    async with Client(url, **{"backoff_s": 0.001, **options}) as made, asyncio.timeout(10):
        yield made


async def test_a_run_is_streamed_to_its_end(agent_site: AgentSites) -> None:
    site = await agent_site(counter())
    async with client(site.url) as asked:
        events = [event async for event in asked.runs.stream("go")]
        assert await asked.runs.text("go") == "".join(f"{number} " for number in range(20))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "".join(
        f"{n} " for n in range(20)
    )
    assert isinstance(events[-1], RunFinished)


async def test_a_stream_that_breaks_anywhere_is_taken_up_behind_what_was_heard(agent_site: AgentSites) -> None:
    site = await agent_site(counter())
    async with client(site.url) as plain:
        run = await plain.runs.start("go")
        uncut = [event async for event in plain.runs.watch(run.id)]
    async with CutWire(site.port, *range(150, 3000, 150)) as wire, client(wire.url) as asked:
        heard = [event async for event in asked.runs.watch(run.id)]
        assert wire.connections > 3
    assert said(heard) == said(uncut)
    assert [event.seq for event in heard] == sorted({event.seq for event in heard})
    assert heard[-1] == uncut[-1]


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_a_request_that_gets_lost_is_sent_again_and_begins_one_run(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with client(site.url) as plain:
        thread = await plain.threads.create()
    async with CutWire(site.port, 20, 0, 60) as wire, client(wire.url) as asked:
        run = await asked.runs.start("hi", thread=thread.id)
        assert wire.connections == 4
    assert [one.id for one in await site.service.store.list_runs("local", thread.id)] == [run.id]


async def test_a_server_that_stays_away_is_given_up_after_so_many_attempts(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with CutWire(site.port, *[0] * 99) as wire, client(wire.url, retries=3) as asked:
        with pytest.raises(UpstreamError):
            await asked.agents()
        assert wire.connections == 4


async def test_a_conversation_is_kept_read_and_forgotten(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with client(site.url) as asked:
        thread = await asked.threads.create(metadata={"topic": "birds"})
        assert await asked.runs.text("A", thread=thread.id) == "A"
        assert await asked.runs.text("B", thread=thread.id) == "A|A|B"
        assert [message.text for message in await asked.threads.messages(thread.id)] == ["A", "A", "B", "A|A|B"]
        assert (await asked.threads.get(thread.id)).metadata == {"topic": "birds"}
        await asked.threads.delete(thread.id)
        with pytest.raises(Refused) as gone:
            await asked.threads.get(thread.id)
    assert gone.value.status == 404


async def test_a_client_may_choose_the_name_of_its_conversation(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with client(site.url) as asked:
        for _ in range(2):
            assert (await asked.threads.create("büro 1?")).id == "büro 1?"
        await asked.runs.text("A", thread="büro 1?")
        assert len(await asked.threads.messages("büro 1?")) == 2


async def test_messages_of_any_parts_reach_the_agent(agent_site: AgentSites) -> None:
    seen: list[Message] = []
    agent = Agent("looker")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        seen.append(ctx.message)
        return "seen"

    site = await agent_site(agent)
    picture = FilePart(url="data:image/png;base64,AAAA", media_type="image/png", name="a.png")
    async with client(site.url) as asked:
        await asked.runs.text(Message(role="user", parts=(TextPart(text="look"), picture)))
        await asked.runs.text([{"role": "user", "content": "plain"}])
    assert seen[0].parts == (TextPart(text="look"), picture)
    assert seen[1].text == "plain"


async def test_leaving_the_stream_leaves_the_run_and_cancelling_stops_it(agent_site: AgentSites) -> None:
    held = Held()
    site = await agent_site(held.agent)
    async with client(site.url) as asked:
        run = await asked.runs.start("go")
        watching = asked.runs.watch(run.id)
        async for event in watching:
            if isinstance(event, TextDelta):
                break
        await watching.aclose()
        await until(lambda: site.service.running[run.id].viewers == 0)
        assert (await asked.runs.get(run.id)).status == "running"
        assert (await asked.runs.cancel(run.id)).status == "cancelled"
        assert (await asked.runs.cancel(run.id)).status == "cancelled"
        last = [event async for event in asked.runs.watch(run.id)][-1]
    assert isinstance(last, RunFinished)
    assert last.outcome == "cancelled"


async def test_an_interrupted_run_is_answered(agent_site: AgentSites) -> None:
    agent = Agent("careful")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        return f"you said {await ctx.interrupt('Go on?')}"

    site = await agent_site(agent)
    async with client(site.url) as asked:
        thread = await asked.threads.create()
        run = await asked.runs.start("go", thread=thread.id)
        assert [event async for event in asked.runs.watch(run.id)][-1].outcome == "interrupt"  # type: ignore[union-attr]
        resumed = await asked.runs.resume(run.id, "yes")
        assert said([event async for event in asked.runs.watch(resumed.id)]) == "you said yes"


async def test_an_answer_that_gets_lost_is_sent_again_and_given_once(agent_site: AgentSites) -> None:
    agent = Agent("careful")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        return f"you said {await ctx.interrupt('Go on?')}"

    site = await agent_site(parrot(), agent)
    async with client(site.url) as plain:
        run = await plain.runs.start("go", agent="careful")
        assert len([event async for event in plain.runs.watch(run.id)]) > 1
    async with CutWire(site.port, 20, 0, 60) as wire, client(wire.url) as asked:
        resumed = await asked.runs.resume(run.id, "yes")
        assert wire.connections == 4
        assert said([event async for event in asked.runs.watch(resumed.id)]) == "you said yes"


async def test_a_run_that_fails_ends_its_stream_with_how(agent_site: AgentSites) -> None:
    agent = Agent("broken")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        raise RuntimeError("secret")

    site = await agent_site(agent)
    async with client(site.url) as asked:
        last = [event async for event in asked.runs.stream("go")][-1]
    assert isinstance(last, RunFailed)
    assert isinstance(last, TERMINAL)
    assert "secret" not in last.message


async def test_what_the_server_refuses_is_said_once(agent_site: AgentSites) -> None:
    site = await agent_site(parrot())
    async with CutWire(site.port) as wire, client(wire.url) as asked:
        with pytest.raises(Refused, match="nobody") as refused:
            await asked.runs.start("hi", agent="nobody")
        with pytest.raises(Refused) as missing:
            _ = [event async for event in asked.runs.watch("nothing")]
        assert wire.connections == 1
    assert (refused.value.status, missing.value.status) == (404, 404)


async def test_the_agents_can_be_listed(agent_site: AgentSites) -> None:
    site = await agent_site(parrot(), counter())
    async with client(site.url + "/") as asked:
        assert [(agent.name, agent.default) for agent in await asked.agents()] == [("parrot", True), ("counter", False)]


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url)
