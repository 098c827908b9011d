"""Seed 004 on real sockets: /stream, /generate and /cancel as agents.md B and E settle them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.errors import RateLimited
from sluice.runs.events import TokenUsage
from tests.agent_server.flutch_client import Client, Said, asked, client_of
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

STORY = ("Once", " upon", " a", " time")
Start = Callable[..., Awaitable[tuple[AgentSite, Client]]]


def storyteller(version: str = "1.0.0", name: str = "streaming-chat") -> Agent:
    """An agent that tells the story piece by piece, each only when the one before is on its way."""
    agent = Agent(name, version=version)

    @agent.on_message
    async def tell(ctx: Context) -> AsyncIterator[str]:
        for piece in STORY:
            yield piece
            await asyncio.sleep(0)
        ctx.writer.spent("fake", TokenUsage(input_tokens=5, output_tokens=4))

    return agent


class Held:
    """An agent that says one thing, and the rest when it is let."""

    def __init__(self) -> None:
        self.agent = Agent("streaming-chat")
        self.go = asyncio.Event()
        self.calls = 0
        self.agent.on_message(self._tell)

    async def _tell(self, ctx: Context) -> AsyncIterator[str]:
        self.calls += 1
        yield "Once"
        await self.go.wait()
        yield " upon a time"


@pytest.fixture
async def start(agent_site: AgentSites) -> AsyncIterator[Start]:
    """Start a server of these agents and give it with its client."""
    async with httpx.AsyncClient(timeout=10) as http:

        async def started(*agents: Agent) -> tuple[AgentSite, Client]:
            site = await agent_site(*agents)
            http.base_url = httpx.URL(site.url)
            return site, Client(http)

        yield started


def told(events: list[Said]) -> str:
    """Return the text of the pieces, in either dialect."""
    pieces = [said.data for said in events if said.event == "stream_event"]
    return "".join(piece.get("content") or piece["delta"]["text"] for piece in pieces)


async def test_a_stream_says_chunks_and_then_one_final(start: Start) -> None:
    _, client = await start(storyteller())
    events = await client.stream(asked())
    assert [said.event for said in events] == ["stream_event"] * (len(events) - 1) + ["final"]
    assert all(said.data["type"] == "chunk" for said in events[:-1])
    assert told(events) == "".join(STORY)
    assert events[-1].data == {
        "requestId": "req-001",
        "text": "Once upon a time",
        "attachments": [],
        "metadata": {"usageMetrics": {"promptTokens": 5, "completionTokens": 4, "totalTokens": 9}},
        "reasoningChains": [],
        "contentChains": [
            {"channel": "text", "steps": [{"index": 0, "type": "text", "text": "Once upon a time"}], "isComplete": True}
        ],
    }


async def test_generate_is_the_fold_of_stream_to_the_byte(start: Start) -> None:
    _, client = await start(storyteller())
    async with client.http.stream("POST", "/stream", json=asked()) as answer:
        frames = (await answer.aread()).split(b"\n\n")
    final = next(frame for frame in frames if b"event: final" in frame)
    whole = await client.http.post("/generate", json=asked())
    assert whole.status_code == 200
    assert final.partition(b"data: ")[2] == whole.content
    alone = await client.http.post("/generate", json=asked(requestId="req-002"))
    assert alone.json() == whole.json() | {"requestId": "req-002"}


@pytest.mark.parametrize("how", [{"path": "/stream?dialect=sdk"}, {"Accept_Dialect": "sdk"}])
async def test_the_dialect_of_the_sdk_is_given_to_those_who_ask_for_it(start: Start, how: dict[str, str]) -> None:
    _, client = await start(storyteller())
    events = await client.stream(asked(), **how)
    assert {(said.data["channel"], said.data["delta"]["type"]) for said in events[:-1]} == {("text", "text_chunk")}
    assert (told(events), events[-1].event) == ("Once upon a time", "final")


async def test_another_dialect_is_refused(start: Start) -> None:
    _, client = await start(storyteller())
    assert await client.post("/stream?dialect=klingon", asked()) == (
        400,
        {"message": "'klingon' is no dialect; there are seed and sdk", "error": "Bad Request", "statusCode": 400},
    )


async def test_the_same_request_is_the_same_run_while_it_runs_and_after(start: Start) -> None:
    held = Held()
    _, client = await start(held.agent)
    async with client.open(asked()) as first, client.open(dict(reversed(asked().items()))) as second:
        assert (await anext(first)).data == (await anext(second)).data == {"type": "chunk", "content": "Once"}
        held.go.set()
        ends = [[said async for said in events][-1] for events in (first, second)]
    assert ends[0] == ends[1] == (await client.stream(asked()))[-1]
    assert (await client.post("/generate", asked()))[1] == ends[0].data
    assert held.calls == 1


async def test_the_same_request_id_with_another_body_is_a_conflict(start: Start) -> None:
    _, client = await start(storyteller())
    await client.stream(asked())
    other = asked(message={"content": "another"})
    for path in ("/stream", "/generate"):
        status, body = await client.post(path, other)
        assert (status, body["error"], body["statusCode"]) == (409, "Conflict", 409)


@pytest.mark.parametrize("dialect", ["seed", "sdk"])
async def test_a_repeated_post_goes_on_behind_the_last_event_id(start: Start, dialect: str) -> None:
    _, client = await start(storyteller())
    path = f"/stream?dialect={dialect}"
    whole = await client.stream(asked(), path)
    for place, said in enumerate(whole):
        rest = await client.stream(asked(), path, Last_Event_ID=said.id)
        assert [int(one.id) > int(said.id) for one in rest] == [True] * len(rest)
        assert told(whole[: place + 1]) + told(rest) == "Once upon a time"
        assert rest[-1:] == ([] if said is whole[-1] else [whole[-1]])


async def test_a_cancel_gives_the_text_so_far(start: Start) -> None:
    held = Held()
    _, client = await start(held.agent)
    async with client.open(asked()) as events:
        await anext(events)
        assert await client.post("/cancel/req-001") == (200, {"message": "Generation req-001 cancelled"})
        (final,) = [said async for said in events]
    assert (final.event, final.data["text"], final.data["metadata"]) == ("final", "Once", {"cancelled": True})
    assert [chain["isComplete"] for chain in final.data["contentChains"]] == [False]
    assert await client.post("/cancel/req-001") == (200, {"message": "Generation req-001 cancelled"})
    assert await client.post("/generate", asked()) == (200, final.data)


async def test_a_cancel_tells_the_truth_about_what_is_over_or_never_was(start: Start) -> None:
    _, client = await start(storyteller())
    await client.stream(asked())
    assert await client.post("/cancel/req-001") == (200, {"message": "Generation req-001 has ended already: success"})
    status, body = await client.post("/cancel/req-999")
    assert (status, body["error"], body["statusCode"]) == (404, "Not Found", 404)


async def test_a_run_without_a_request_id_is_cancelled_by_its_own(start: Start) -> None:
    held = Held()
    _, client = await start(held.agent)
    async with client.http.stream("POST", "/stream", json=asked(requestId=...)) as answer:
        run = answer.headers["x-run-id"]
        assert await client.post(f"/cancel/{run}") == (200, {"message": f"Generation {run} cancelled"})
        assert b'"requestId":"' + run.encode() in await answer.aread()


async def test_a_failure_is_one_error_event_and_of_generate_a_status(start: Start) -> None:
    agent = Agent("streaming-chat")

    @agent.on_message
    async def fail(ctx: Context) -> AsyncIterator[str]:
        yield "Once"
        raise ValueError("secret")

    _, client = await start(agent)
    events = await client.stream(asked())
    assert [said.event for said in events] == ["stream_event", "error"]
    assert events[-1].data == {"message": "the agent failed: ValueError", "code": "error"}
    status, body = await client.post("/generate", asked())
    assert (status, body) == (500, {"statusCode": 500, "message": "Generation failed: the agent failed: ValueError"})


@pytest.mark.parametrize(
    ("agent", "status", "message"),
    [
        (Agent("streaming-chat", timeout=0.05), 504, "streaming timeout after 0.05s"),
        (Agent("streaming-chat"), 500, "slow down"),
    ],
    ids=["timeout", "limit"],
)
async def test_generate_fails_with_a_status_of_the_server(
    start: Start, agent: Agent, status: int, message: str
) -> None:
    async def tell(ctx: Context) -> AsyncIterator[str]:
        yield "Once"
        if agent.timeout == 600:
            raise RateLimited("slow down")
        await asyncio.Event().wait()

    agent.handler = None
    agent.on_message(tell)
    _, client = await start(agent)
    assert await client.post("/generate", asked()) == (
        status,
        {"statusCode": status, "message": f"Generation failed: {message}"},
    )
    (error,) = [said for said in await client.stream(asked()) if said.event in ("final", "error")]
    assert (error.event, error.data["message"]) == ("error", message)


async def test_reasoning_and_another_channel_are_no_part_of_the_text(start: Start) -> None:
    agent = Agent("streaming-chat")

    @agent.on_message
    async def think(ctx: Context) -> AsyncIterator[str]:
        await ctx.think("hm")
        ctx.channel = "processing"
        yield "looking"
        ctx.channel = "text"
        yield "answer"

    _, client = await start(agent)
    plain, sdk = await client.stream(asked()), await client.stream(asked(), "/stream?dialect=sdk")
    assert [(said.data["type"], said.data["content"]) for said in plain[:-1]] == [
        ("processing", "hm"),
        ("processing", "looking"),
        ("chunk", "answer"),
    ]
    assert [said.data["channel"] for said in sdk[:-1]] == ["processing", "processing", "text"]
    final = plain[-1].data
    assert final["text"] == "answer"
    assert final["reasoningChains"] == [{"steps": [{"index": 0, "type": "text", "text": "hm"}], "isComplete": True}]
    assert [(chain["channel"], [step["text"] for step in chain["steps"]]) for chain in final["contentChains"]] == [
        ("processing", ["hm", "looking"]),
        ("text", ["answer"]),
    ]


async def test_attachments_come_as_they_are_made_and_in_the_final(start: Start) -> None:
    agent = Agent("streaming-chat")

    @agent.callback("more")
    def more(press: Any) -> None:
        pass

    @agent.on_message
    async def attach(ctx: Context) -> AsyncIterator[str]:
        yield "here"
        await ctx.attach("chart", {"y": [1, 2]}, title="t")
        await ctx.file("https://example.com/a.png", "image/png", name="a.png")
        await ctx.source("https://example.com", title="Example")
        await ctx.button("More", "more", page=2)

    _, client = await start(agent)
    *events, final = await client.stream(asked())
    attachments = [said.data["attachment"] for said in events if said.data["type"] == "attachment"]
    assert attachments == final.data["attachments"]
    assert [one["type"] for one in attachments] == ["chart", "image", "source", "button"]
    assert attachments[0] == {"type": "chart", "value": {"y": [1, 2]}, "metadata": {"title": "t"}}
    assert attachments[1]["value"] == {
        "url": "https://example.com/a.png",
        "mediaType": "image/png",
        "name": "a.png",
    }
    assert attachments[3]["value"]["label"] == "More"
    assert attachments[3]["value"]["token"].startswith("cb::streaming-chat::")


async def test_history_is_heard_as_messages_and_replaces_what_the_thread_has(start: Start) -> None:
    agent = Agent("streaming-chat")
    heard: list[list[tuple[str, str]]] = []

    @agent.on_message
    async def tell(ctx: Context) -> str:
        heard.append([(message.role, message.text) for message in ctx.messages])
        return "told"

    _, client = await start(agent)
    history = [
        {"role": "system", "content": "obey"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
    ]
    for number in (1, 2):
        await client.stream(asked(requestId=f"r{number}", threadId="t", context={"history": history}))
    await client.stream(asked(requestId="r3", threadId="t", message={"content": "more"}))
    asked_of = [("user", "one"), ("assistant", "two"), ("user", "Tell me a story")]
    assert heard == [asked_of, asked_of, [*asked_of, ("assistant", "told"), ("user", "more")]]


async def test_the_newer_generation_of_the_request_is_understood(start: Start) -> None:
    agent = Agent("flutch.simple", version="1.2.0")
    heard: list[Any] = []

    @agent.on_message
    async def tell(ctx: Context) -> str:
        heard.append((ctx.thread.id, ctx.settings, ctx.metadata, [(one.role, one.text) for one in ctx.messages]))
        return "told"

    _, client = await start(Agent("other"), agent)
    body = {
        "requestId": "r1",
        "input": {"messages": [{"type": "human", "content": [{"type": "text", "text": "hi"}]}]},
        "config": {
            "configurable": {
                "thread_id": "t1",
                "checkpoint_ns": "simple",
                "checkpoint_id": "t1",
                "context": {"messageId": "m", "threadId": "t1", "userId": "u", "agentId": "a", "platform": "web"},
                "metadata": {"k": "v"},
                "graphSettings": {"graphType": "flutch.simple::1.0.0", "tone": "dry"},
            },
            "recursionLimit": 40,
        },
    }
    events = await client.stream(body, "/stream?dialect=sdk")
    assert (events[-1].event, events[-1].data["text"]) == ("final", "told")
    assert heard == [("t1", {"tone": "dry"}, {"k": "v"}, [("user", "hi")])]


async def test_the_fields_that_the_seeds_own_snippets_leave_out_may_be_left_out(start: Start) -> None:
    _, client = await start(storyteller())
    minimal = {"requestId": "req-001", "graphType": "streaming-chat", "message": {"content": "Hello"}}
    assert told(await client.stream(minimal)) == "Once upon a time"
    assert (await client.post("/generate", {"message": "Hello", "threadId": None}))[1]["text"] == "Once upon a time"


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ({"graphSettings": {"graphType": "acme.chat::1.0.0"}}, "1.0.0"),
        ({"graphSettings": {"graphType": "acme.chat::1.0.3"}}, "1.1.0"),
        ({"graphSettings": {}}, "2.0.0"),
        ({"graphType": ..., "graphSettings": {"graphType": "chat::1.0.0"}}, "1.0.0"),
        ({"graphType": "chat", "graphSettings": {"graphType": "acme.chat::1.0.0", "strict": True}}, "1.0.0"),
        ({"graphType": ..., "graphSettings": ..., "agentId": "acme.chat::1.1.0"}, "1.1.0"),
    ],
)
async def test_graph_type_picks_the_router_and_the_settings_the_version(
    start: Start, fields: dict[str, Any], version: str
) -> None:
    agents = [Agent("acme.chat", version=version) for version in ("1.0.0", "1.1.0", "2.0.0")]
    for agent in agents:
        agent.on_message(lambda ctx: ctx.agent.version)
    _, client = await start(*agents)
    body = asked(**{"graphType": "acme.chat", **fields})
    assert (await client.post("/generate", body))[1]["text"] == version


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"graphType": "nope"}, 400, "graphType is nope, and graphSettings.graphType streaming-chat::1.0.0"),
        ({"graphType": "nope", "graphSettings": {}}, 404, "Graph type 'nope' not found"),
        ({"graphType": 7}, 400, "graphType must be a string of at most 256 characters"),
        ({"requestId": "x" * 257}, 400, "requestId must be a string of at most 256 characters"),
        ({"message": ...}, 400, "message should not be empty"),
        ({"message": {"content": ""}}, 400, "message should not be empty"),
        ({"message": {"content": 7}}, 400, "message.content must be a string or a list of parts"),
        ({"graphSettings": []}, 400, "graphSettings must be an object"),
        ({"context": {"history": "x"}}, 400, "context.history must be a list of messages"),
        ({"context": {"history": [{"content": "x"}]}}, 400, "context.history[0] has no role"),
        (
            {"graphSettings": {"graphType": "streaming-chat::0.9.0", "strict": True}},
            404,
            "graph type 'streaming-chat' has no version 0.9.0; it has 1.0.0",
        ),
    ],
)
async def test_what_is_wrong_is_said_before_any_stream_in_nests_shape(
    start: Start, fields: dict[str, Any], status: int, message: str
) -> None:
    _, client = await start(storyteller())
    for path in ("/stream", "/generate"):
        got, body = await client.post(path, asked(**fields))
        assert (got, body["message"], body["statusCode"]) == (status, message, status)
        assert set(body) == {"message", "error", "statusCode"}


async def test_unknown_addresses_are_told_as_nest_does(start: Start) -> None:
    _, client = await start(storyteller())
    for path in ("/stream", "/generate", "/graph-types/x", "/api/graph/x/y", "/agent/nope", "/cancel/a/b"):
        answer = await client.http.get(path)
        assert answer.status_code == 404
        assert answer.json() == {"message": f"Cannot GET {path}", "error": "Not Found", "statusCode": 404}


async def test_agents_by_name_have_one_conversation_with_each_user(start: Start) -> None:
    agent = storyteller()
    _, client = await start(Agent("other"), agent)
    body = {"agentId": "streaming-chat", "userId": "u1", "input": "Hello", "requestId": "r1"}
    async with client.http.stream("POST", "/agent/stream", json=body) as answer:
        assert answer.headers["x-thread-id"] == "streaming-chat:u1"
        assert b"event: final" in await answer.aread()
    status, whole = await client.post("/agent/generate", body)
    assert (status, whole["text"], whole["requestId"]) == (200, "Once upon a time", "r1")
    for path in ("/agent/stream", "/agent/generate"):
        assert (await client.post(path, body | {"agentId": "nobody"}))[0] == 404


async def test_a_server_for_older_clients_answers_201(start: Start) -> None:
    site, client = await start(storyteller())
    site.server.legacy_status = 201
    assert (await client.http.post("/stream", json=asked())).status_code == 201
    assert (await client.post("/generate", asked()))[0] == 201
    assert (await client.post("/cancel/req-001"))[0] == 201
    assert (await client.post("/cancel/nope"))[0] == 404


async def test_an_interrupt_is_a_button_and_resume_answers_it(start: Start) -> None:
    agent = Agent("streaming-chat")

    @agent.on_message
    async def ask(ctx: Context) -> AsyncIterator[str]:
        yield "Well, "
        answer = await ctx.interrupt("Shall I?")
        yield f"you said {answer}"

    _, client = await start(agent)
    (*_, final) = await client.stream(asked(threadId="t"))
    (question,) = final.data["metadata"]["interrupts"]
    assert question["question"] == "Shall I?"
    assert final.data["attachments"] == [
        {
            "type": "button",
            "value": {"label": "Shall I?", "interruptId": question["id"]},
            "metadata": {"reason": "input"},
        }
    ]
    _, whole = await client.post("/generate", asked(requestId="r2", threadId="t", message=..., resume="yes"))
    assert whole["text"] == "you said yes"


async def test_a_stream_that_nobody_watches_ends_and_a_generate_goes_on(start: Start) -> None:
    held = Held()
    site, client = await start(held.agent)
    async with client.open(asked()) as events:
        await anext(events)
        (running,) = site.service.running.values()
        assert (running.run.on_disconnect, running.run.linger_s) == ("cancel", 5.0)
    waiting = asyncio.create_task(client.post("/generate", asked(requestId="r2")))
    await until(lambda: len(site.service.running) == 2)
    assert {running.run.on_disconnect for running in site.service.running.values()} == {"cancel", "continue"}
    held.go.set()
    assert (await waiting)[1]["text"] == "Once upon a time"


async def test_others_cannot_see_or_stop_a_run(agent_site: AgentSites) -> None:
    class ByHeader:
        async def principal(self, request: Any) -> str:
            name: str = request.headers["x-user"]
            return name

    held = Held()
    site = await agent_site(held.agent, principals=ByHeader())
    async with client_of(site.url) as client, client.open(asked(), X_User="ann") as events:
        await anext(events)
        status, _ = await client.post("/cancel/req-001", X_User="bob")
        assert status == 404
        async with client.open(asked(message={"content": "mine"}), X_User="bob") as mine:
            await anext(mine)
        assert held.calls == 2
        held.go.set()
        assert [said async for said in events][-1].event == "final"
