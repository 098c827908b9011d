"""The native protocol on real sockets: runs read, waited for, stopped, resumed; conversations; the agents there are."""

import asyncio
from typing import Any

import httpx
import pytest

from sluice.agents.agent import Agent
from sluice.agents.asked import Asked
from sluice.agents.service import Service
from sluice.runs.events import Codec, Event, RunFinished, TextDelta
from sluice.runs.messages import said
from sluice.runs.records import Run
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.agents import asks, counts, echo, fails, waits
from tests.support.sse import Frame, frames, read_frames
from tests.support.waiting import until


async def begun(service: Service, text: str = "hello there", **asked: Any) -> Run:
    return await service.start(Asked(owner="local", input=(said(text),), **asked))


def events(read: list[Frame]) -> list[Event]:
    return [Codec.decode(frame.data) for frame in read]


def http(site: AgentSite) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, timeout=5)


# -- one run ----------------------------------------------------------------------------------------------------------


async def test_a_stream_is_the_log_with_its_numbers(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    run = await begun(site.service)
    async with http(site) as ask:
        answer = await ask.get(f"/runs/{run.id}/stream")
    read = frames(answer.content)
    assert [frame.id for frame in read] == [str(number) for number in range(1, len(read) + 1)]
    assert [frame.event for frame in read][:3] == ["run.started", "message.started", "text.started"]
    assert "".join(event.text for event in events(read) if isinstance(event, TextDelta)) == "hello there "
    assert isinstance(events(read)[-1], RunFinished)
    assert b"\r" not in answer.content
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-run-id"] == run.id
    assert answer.headers["content-location"] == f"/threads/{run.thread_id}/runs/{run.id}"
    assert answer.headers["location"] == f"/runs/{run.id}/stream"


async def test_head_and_first_event_come_before_the_run_has_ended(agent_site: AgentSites) -> None:
    gate = asyncio.Event()
    site = await agent_site(waits(gate))
    run = await begun(site.service)
    async with http(site) as ask, ask.stream("GET", f"/runs/{run.id}/stream") as answer:
        lines = answer.aiter_lines()
        async for line in lines:
            if line == "event: text.delta":
                break
        gate.set()
        rest = [line async for line in lines]
    assert "event: run.finished" in rest


@pytest.mark.parametrize("by", ["header", "query"])
async def test_a_reader_who_comes_back_gets_what_it_has_not(agent_site: AgentSites, by: str) -> None:
    site = await agent_site(echo())
    run = await begun(site.service)
    async with http(site) as ask:
        whole = frames((await ask.get(f"/runs/{run.id}/stream")).content)
        for cut in range(len(whole)):
            how: Any = {"headers": {"last-event-id": str(cut)}} if by == "header" else {"params": {"after": str(cut)}}
            assert frames((await ask.get(f"/runs/{run.id}/stream", **how)).content) == whole[cut:]
        done = await ask.get(f"/runs/{run.id}/stream", headers={"last-event-id": str(len(whole))})
    assert done.status_code == 204  # an EventSource stops coming back


async def test_any_run_is_read_in_any_protocol(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    run = await begun(site.service)
    async with http(site) as ask:
        theirs = await ask.get(f"/runs/{run.id}/stream", params={"protocol": "langgraph"})
        assert [frame.event for frame in frames(theirs.content)] == ["metadata", "values", "values", "end"]
        unknown = await ask.get(f"/runs/{run.id}/stream", params={"protocol": "telex"})
        begins = await ask.post("/runs/stream?protocol=native", json={"agent": "echo", "input": "short"})
    assert unknown.status_code == 400
    assert unknown.headers["content-type"] == "application/problem+json"
    assert "telex" in unknown.json()["detail"]
    assert unknown.json()["param"] == "protocol"
    assert frames(begins.content)[0].event == "run.started"


async def test_who_waits_gets_the_whole_record(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    run = await begun(site.service, "hello")
    async with http(site) as ask:
        ended = (await ask.get(f"/runs/{run.id}/wait")).json()
        assert (await ask.get(f"/runs/{run.id}")).json() == ended
    assert ended["status"] == "success"
    assert ended["output"][0]["text"] == "hello "
    assert ended["stats"]["chunks"] == 1


async def test_cancel_stops_a_run_and_is_harmless_after(agent_site: AgentSites) -> None:
    site = await agent_site(waits(asyncio.Event()))
    run = await begun(site.service)
    async with http(site) as ask:
        ended = await ask.post(f"/runs/{run.id}/cancel?wait=1")
        assert ended.json()["status"] == "cancelled"
        again = await ask.post(f"/runs/{run.id}/cancel")
        assert (again.status_code, again.json()["status"]) == (200, "cancelled")
        last = frames((await ask.get(f"/runs/{run.id}/stream")).content)[-1]
    assert Codec.decode(last.data).outcome == "cancelled"  # type: ignore[union-attr]


async def test_a_question_is_answered_once(agent_site: AgentSites) -> None:
    site = await agent_site(asks())
    run = await begun(site.service, thread_id="t")
    async with http(site) as ask:
        asked = (await ask.get(f"/runs/{run.id}/wait")).json()
        assert asked["status"] == "interrupted"
        resumed = await ask.post(f"/runs/{run.id}/resume", json={"value": "yes"})
        assert resumed.status_code == 201
        assert resumed.json()["resumes"] == run.id
        ended = (await ask.get(f"/runs/{resumed.json()['run_id']}/wait")).json()
        again = await ask.post(f"/runs/{run.id}/resume", json={"value": "no"})
        never = await ask.post(f"/runs/{resumed.json()['run_id']}/resume", json={"value": "no"})
    assert ended["output"][0]["text"] == "you said yes"
    assert again.status_code == never.status_code == 409


async def test_a_resume_can_be_streamed(agent_site: AgentSites) -> None:
    site = await agent_site(asks())
    run = await begun(site.service)
    await site.service.wait(run)
    async with http(site) as ask:
        wants = {"accept": "text/event-stream"}
        answer = await ask.post(f"/runs/{run.id}/resume", json={"value": "yes"}, headers=wants)
    assert [frame.event for frame in frames(answer.content)][1] == "interrupt.resolved"


async def test_a_failed_run_keeps_what_it_said_and_tells_nobody_why_in_detail(agent_site: AgentSites) -> None:
    site = await agent_site(fails())
    run = await begun(site.service, thread_id="t")
    async with http(site) as ask:
        answer = await ask.get(f"/runs/{run.id}/stream")
        messages = (await ask.get("/threads/t/messages")).json()
    assert frames(answer.content)[-1].event == "run.failed"
    assert "secret" not in answer.text
    assert [message["text"] for message in messages] == ["hello there", "half\n[Error: Stream interrupted]"]
    assert [type(error) for error in site.faults] == [ValueError]


@pytest.mark.parametrize("protocol", ["native", "langgraph", "flutch", "ui", "ag-ui", "a2a", "openai", "responses"])
async def test_the_place_that_a_stream_names_reads_the_same_protocol(agent_site: AgentSites, protocol: str) -> None:
    site = await agent_site(echo())
    async with http(site) as ask:
        first = await ask.post(f"/runs/stream?protocol={protocol}", json={"input": "hello"})
        again = await ask.get(first.headers["location"])
    assert first.status_code == 200
    assert again.content == first.content
    assert first.headers["content-location"].endswith(f"/runs/{first.headers['x-run-id']}")


# -- a conversation ---------------------------------------------------------------------------------------------------


async def test_a_conversation_is_followed_over_its_runs_and_those_to_come(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    first = await begun(site.service, "a", thread_id="t")
    await site.service.wait(first)
    async with http(site) as ask, ask.stream("GET", "/threads/t/stream") as answer:
        read = read_frames(answer)
        before = [await anext(read) for _ in range(7)]
        second = await begun(site.service, "b", thread_id="t")
        after = [await anext(read) for _ in range(7)]
    assert [frame.id for frame in (*before, *after)] == [str(number) for number in range(1, 15)]
    assert {event.run_id for event in events(before)} == {first.id}
    assert [event.seq for event in events(after)] == list(range(1, 8))
    assert {event.run_id for event in events(after)} == {second.id}


@pytest.mark.parametrize("cut", [0, 3, 7, 10])
async def test_a_conversation_goes_on_behind_any_of_its_events(agent_site: AgentSites, cut: int) -> None:
    site = await agent_site(echo())
    for text in ("a", "b"):
        await site.service.wait(await begun(site.service, text, thread_id="t"))
    async with http(site) as ask:
        async with ask.stream("GET", "/threads/t/stream", headers={"last-event-id": str(cut)}) as answer:
            read = [await anext(reader) for reader in [read_frames(answer)] for _ in range(14 - cut)]
        async with ask.stream("GET", f"/threads/t/stream?after={cut}&protocol=langgraph") as answer:
            last = [await anext(reader) for reader in [read_frames(answer)] for _ in range(2)]
    assert [frame.id for frame in read] == [str(number) for number in range(cut + 1, 15)]
    assert last[-1].event in ("values", "end")


async def test_a_conversation_ends_when_the_server_shuts_down(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    await site.service.wait(await begun(site.service, "a", thread_id="t"))
    async with http(site) as ask, ask.stream("GET", "/threads/t/stream?after=7") as answer:
        closing = asyncio.create_task(site.service.close())
        assert [frame async for frame in read_frames(answer)] == []
        await closing


async def test_messages_of_a_thread_are_its_own(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    await site.service.wait(await begun(site.service, "a", thread_id="t"))
    await site.service.start(Asked(owner="somebody else", thread_id="theirs", input=(said("x"),)))
    async with http(site) as ask:
        own = (await ask.get("/threads/t/messages")).json()
        assert [(message["role"], message["text"]) for message in own] == [("user", "a"), ("assistant", "a ")]
        for path in ("messages", "stream", "state", "runs"):
            assert (await ask.get(f"/threads/theirs/{path}")).status_code == 404


# -- agents -----------------------------------------------------------------------------------------------------------


async def test_agents_say_what_they_are(agent_site: AgentSites) -> None:
    site = await agent_site(echo(description="Says it again."), echo(version="2.0.0"), Agent("other"))
    async with http(site) as ask:
        listed = (await ask.get("/agents")).json()
        assert [(one["name"], one["version"], one["default"]) for one in listed] == [
            ("echo", "2.0.0", True),
            ("other", "1.0.0", False),
        ]
        assert (await ask.get("/agents/echo")).json()["versions"] == ["1.0.0", "2.0.0"]
        assert (await ask.get("/agents/echo::1.0.0")).json()["description"] == "Says it again."
        assert "messages" in (await ask.get("/agents/echo/schemas")).json()["input_schema"]["properties"]
        assert (await ask.get("/agents/nobody")).status_code == 404


async def test_every_protocol_stands_below_each_agent(agent_site: AgentSites) -> None:
    site = await agent_site(echo(), counts(2))
    async with http(site) as ask:
        answer = await ask.post("/agents/counts/runs/wait", json={"input": "x"})
        ran = await ask.get(f"/agents/counts/runs/{answer.headers['x-run-id']}")
        nobody = await ask.post("/agents/nobody/runs/wait", json={"input": "x"})
    assert answer.json()["messages"][-1]["content"] == "0 1 "
    assert ran.json()["agent"] == "counts"
    assert nobody.status_code == 404


# -- whose it is ------------------------------------------------------------------------------------------------------


async def test_runs_of_others_are_not_there(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    theirs = await site.service.start(Asked(owner="somebody else", input=(said("x"),)))
    async with http(site) as ask:
        for verb, path in (
            ("GET", ""),
            ("GET", "/stream"),
            ("GET", "/wait"),
            ("POST", "/cancel"),
            ("POST", "/resume"),
        ):
            answer = await ask.request(verb, f"/runs/{theirs.id}{path}")
            assert answer.status_code == 404, path
            assert answer.json()["title"] == "not_found"


async def test_the_same_request_finds_its_run_again(agent_site: AgentSites) -> None:
    site = await agent_site(echo(), echo("other"))
    key = {"idempotency-key": "k-1"}
    async with http(site) as ask:
        first = await ask.post("/runs/wait", json={"input": "x"}, headers=key)
        same = await ask.post("/runs/wait", json={"input": "x"}, headers=key)
        other = await ask.post("/runs/wait", json={"input": "y"}, headers=key)
        elsewhere = await ask.post("/agents/other/runs/wait", json={"input": "x"}, headers=key)
    assert first.headers["x-run-id"] == same.headers["x-run-id"]
    assert other.status_code == elsewhere.status_code == 409


async def test_a_client_that_goes_is_no_viewer_any_more_at_once(agent_site: AgentSites) -> None:
    site = await agent_site(waits(asyncio.Event()))
    run = await begun(site.service, on_disconnect="cancel", linger_s=1.0)
    running = site.service.running[run.id]
    async with http(site) as ask, ask.stream("GET", f"/runs/{run.id}/stream") as answer:
        await anext(read_frames(answer))
        assert running.viewers == 1
    assert await until(lambda: running.viewers == 0, within_s=1) < 1
    await until(lambda: run.id not in site.service.running, within_s=2)
    assert (await site.service.run("local", run.id)).status == "cancelled"
