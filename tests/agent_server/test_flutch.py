"""Seed 004 on real sockets: /stream, /generate and /cancel as agents.md B and E settle them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import ANY

import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.errors import RateLimited
from tests.agent_server.flutch_agents import STORY, Held, Start, start, storyteller, told
from tests.agent_server.flutch_client import asked, client_of
from tests.support.agent_site import AgentSites
from tests.support.waiting import until

__all__ = ["start"]


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
            "value": {"label": "Shall I?", "token": ANY, "interruptId": question["id"]},
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
