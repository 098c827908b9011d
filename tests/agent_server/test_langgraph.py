"""`langgraph-sdk` against the server, on real sockets: what it may do to threads, runs, assistants and items."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid5

import langgraph_sdk._async.http
import pytest
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from sluice.agents.agent import Agent
from sluice.agents.graph import END, START, Graph
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.agents import asks, counts, echo, fails, waits
from tests.support.cutting_proxy import CuttingProxy
from tests.support.waiting import until

Connect = Callable[[AgentSite], Any]
HELLO = {"messages": [{"role": "user", "content": "hello there"}]}


def chatty_graph() -> Agent:
    graph = Graph()

    async def first(state: Any, ctx: Any) -> Any:
        await ctx.write("hello from first")
        return {"count": 1}

    async def second(state: Any, ctx: Any) -> Any:
        return {"count": state["count"] + 1}

    graph.node(first, name="first")
    graph.node(second, name="second")
    graph.edge(START, "first").edge("first", "second").edge("second", END)
    return Agent("two-steps", graph=graph)


@pytest.fixture
async def client() -> AsyncIterator[Connect]:
    """Connect the official client to a site; it is closed when the test is over."""
    made: list[Any] = []

    def connect(site: AgentSite) -> Any:
        made.append(get_client(url=site.url, api_key=None))
        return made[-1]

    yield connect
    for one in made:
        await one.aclose()


def texts(values: Any) -> list[str]:
    return [message["content"] for message in values["messages"]]


async def collected(stream: Any) -> list[tuple[str, Any, str | None]]:
    return [(part.event, part.data, part.id) async for part in stream]


# -- threads ----------------------------------------------------------------------------------------------------------


async def test_a_thread_is_made_found_changed_copied_and_forgotten(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    made = await lg.threads.create(thread_id="t-1", metadata={"team": "a"}, graph_id="echo")
    assert made["thread_id"] == "t-1"
    assert made["metadata"] == {"team": "a", "graph_id": "echo"}
    assert made["status"] == "idle"
    with pytest.raises(ConflictError):
        await lg.threads.create(thread_id="t-1")
    assert (await lg.threads.create(thread_id="t-1", if_exists="do_nothing"))["metadata"]["team"] == "a"
    other = await lg.threads.create(metadata={"team": "b"})
    assert [one["thread_id"] for one in await lg.threads.search(metadata={"team": "b"})] == [other["thread_id"]]
    assert [
        one["thread_id"] for one in await lg.threads.search(sort_by="thread_id", sort_order="asc", select=["thread_id"])
    ]
    assert await lg.threads.count() == 2
    assert await lg.threads.count(metadata={"team": "a"}) == 1
    await lg.runs.wait("t-1", "echo", input=HELLO)
    assert (await lg.threads.update("t-1", metadata={"more": 1}))["metadata"] == {
        "team": "a",
        "graph_id": "echo",
        "more": 1,
    }
    copied = await lg.threads.copy("t-1")
    assert texts(copied["values"]) == ["hello there", "hello there "]
    await lg.threads.delete("t-1")
    with pytest.raises(NotFoundError, match="t-1"):
        await lg.threads.get("t-1")
    assert texts((await lg.threads.get(copied["thread_id"]))["values"]) == ["hello there", "hello there "]


async def test_state_and_history_grow_with_each_run(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    thread = (await lg.threads.create())["thread_id"]
    assert (await lg.threads.get_state(thread))["values"] == {}
    await lg.runs.wait(thread, "echo", input={"messages": [{"role": "user", "content": "a"}]})
    await lg.runs.wait(thread, "echo", input={"messages": [{"role": "user", "content": "b"}]})
    state = await lg.threads.get_state(thread)
    assert texts(state["values"]) == ["a", "a ", "b", "b "]
    assert state["next"] == []
    newest, oldest = await lg.threads.get_history(thread)
    assert texts(newest["values"]) == ["a", "a ", "b", "b "]
    assert texts(oldest["values"]) == ["a", "a "]
    assert newest["parent_checkpoint"] == oldest["checkpoint"]
    assert await lg.threads.get_state(thread, checkpoint=oldest["checkpoint"]) == oldest
    assert await lg.threads.get_history(thread, before=newest["checkpoint"]) == [oldest]
    only = await lg.threads.get_state(thread, select=["values.messages"])
    assert list(only) == ["values"]
    with pytest.raises(NotFoundError):
        await lg.threads.get_state(thread, checkpoint_id="no-such")


async def test_a_state_can_be_changed_and_the_next_run_sees_it(agent_site: AgentSites, client: Connect) -> None:
    site = await agent_site(echo())
    lg = client(site)
    thread = (await lg.threads.create())["thread_id"]
    said = {"role": "user", "content": "before", "id": "m-1"}
    made = await lg.threads.update_state(thread, {"messages": [said], "mood": "calm"}, as_node="__start__")
    state = await lg.threads.get_state(thread)
    assert state["checkpoint"] == made["checkpoint"]
    assert state["values"]["mood"] == "calm"
    assert texts(state["values"]) == ["before"]
    await lg.threads.update_state(thread, {"messages": [{**said, "content": "changed"}]})
    assert texts((await lg.threads.get_state(thread))["values"]) == ["changed"]
    assert [message.text for message in await site.service.messages("local", thread)] == ["changed"]


async def test_what_is_not_done_here_is_refused_not_ignored(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    with pytest.raises(UnprocessableEntityError, match="ttl"):
        await lg.threads.create(ttl=10)
    thread = (await lg.threads.create())["thread_id"]
    with pytest.raises(UnprocessableEntityError, match="webhook"):
        await lg.runs.create(thread, "echo", input=HELLO, webhook="https://example.com/")
    with pytest.raises(UnprocessableEntityError, match="stream mode"):
        await lg.runs.create(thread, "echo", input=HELLO, stream_mode="no-such")
    with pytest.raises(UnprocessableEntityError, match="role"):
        await lg.runs.create(thread, "echo", input={"messages": [{"role": "wizard", "content": "x"}]})


# -- runs -------------------------------------------------------------------------------------------------------------


async def test_a_stream_says_metadata_then_values_then_end(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    thread = (await lg.threads.create())["thread_id"]
    created: list[Any] = []
    parts = await collected(lg.runs.stream(thread, "echo", input=HELLO, on_run_created=created.append))
    assert [event for event, _, _ in parts] == ["metadata", "values", "values", "end"]
    assert parts[0][1]["run_id"] == created[0]["run_id"]
    assert created[0]["thread_id"] == thread
    assert texts(parts[1][1]) == ["hello there"]
    assert texts(parts[2][1]) == ["hello there", "hello there "]
    assert [message["type"] for message in parts[2][1]["messages"]] == ["human", "ai"]


async def test_message_tuples_joined_are_the_answer(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    parts = await collected(lg.runs.stream(None, "echo", input=HELLO, stream_mode="messages-tuple"))
    chunks = [data for event, data, _ in parts if event == "messages"]
    assert "".join(chunk["content"] for chunk, _ in chunks) == "hello there "
    assert len({chunk["id"] for chunk, _ in chunks}) == 1
    assert {about["langgraph_node"] for _, about in chunks} == {"echo"}
    assert chunks[-1][0]["chunk_position"] == "last"


MODES = {
    "values": "values",
    "updates": "updates",
    "messages": "messages/partial",
    "messages-tuple": "messages",
    "custom": "custom",
    "events": "events",
    "debug": "debug",
    "tasks": "tasks",
    "checkpoints": "checkpoints",
}


async def test_every_stream_mode_says_its_own_events(agent_site: AgentSites, client: Connect) -> None:
    agent = Agent("all")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        await ctx.data("seen", {"n": 1})
        await ctx.progress(0.5, "half")
        yield "text"

    lg = client(await agent_site(agent))
    parts = await collected(lg.runs.stream(None, "all", input=HELLO, stream_mode=list(MODES)))
    said = {event for event, _, _ in parts}
    assert set(MODES.values()) <= said
    custom = [data for event, data, _ in parts if event == "custom"]
    assert custom == [{"name": "seen", "value": {"n": 1}}, {"type": "progress", "value": 0.5, "note": "half"}]
    update = next(data for event, data, _ in parts if event == "updates")
    assert texts(update["all"]) == ["text"]
    kinds = [data["event"] for event, data, _ in parts if event == "events"]
    assert kinds[0] == "on_chain_start"
    assert kinds[-1] == "on_chain_end"
    assert "on_chat_model_stream" in kinds
    assert {data["type"] for event, data, _ in parts if event == "debug"} == {"checkpoint", "task", "task_result"}


async def test_a_graph_tells_its_nodes(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(chatty_graph()))
    thread = (await lg.threads.create())["thread_id"]
    modes = ["updates", "values", "messages-tuple", "tasks"]
    parts = await collected(lg.runs.stream(thread, "two-steps", input={"count": 0}, stream_mode=modes))
    updates = [data for event, data, _ in parts if event == "updates"]
    assert {"first": {"count": 1}} in updates
    assert {"second": {"count": 2}} in updates
    assert [data for event, data, _ in parts if event == "values"][-1]["count"] == 2
    nodes = {about["langgraph_node"] for event, data, _ in parts if event == "messages" for about in data[1:]}
    assert nodes == {"first"}
    assert {"first", "second"} <= {data["name"] for event, data, _ in parts if event == "tasks"}
    state = await lg.threads.get_state(thread)
    assert state["values"]["count"] == 2
    assert state["next"] == []
    assert len(await lg.threads.get_history(thread)) >= 3


async def test_a_run_is_created_listed_joined_and_forgotten(agent_site: AgentSites, client: Connect) -> None:
    gate = asyncio.Event()
    lg = client(await agent_site(waits(gate)))
    thread = (await lg.threads.create())["thread_id"]
    run = await lg.runs.create(thread, "waits", input=HELLO, metadata={"k": "v"})
    assert run["status"] in ("pending", "running")
    assert run["metadata"] == {"k": "v"}
    assert [one["run_id"] for one in await lg.runs.list(thread)] == [run["run_id"]]
    gate.set()
    assert texts(await lg.runs.join(thread, run["run_id"])) == ["hello there", "one two"]
    assert (await lg.runs.get(thread, run["run_id"]))["status"] == "success"
    assert await lg.runs.list(thread, status="error") == []
    parts = await collected(lg.runs.join_stream(thread, run["run_id"], stream_mode=["messages-tuple"]))
    assert "".join(data[0]["content"] for event, data, _ in parts if event == "messages") == "one two"
    await lg.runs.delete(thread, run["run_id"])
    with pytest.raises(NotFoundError):
        await lg.runs.get(thread, run["run_id"])


async def test_a_cancelled_run_is_interrupted_and_one_rolled_back_has_never_been(
    agent_site: AgentSites, client: Connect
) -> None:
    gate = asyncio.Event()
    site = await agent_site(waits(gate))
    lg = client(site)
    thread = (await lg.threads.create())["thread_id"]
    first = await lg.runs.create(thread, "waits", input=HELLO)
    await lg.runs.cancel(thread, first["run_id"], wait=True)
    assert (await lg.runs.get(thread, first["run_id"]))["status"] == "interrupted"
    second = await lg.runs.create(thread, "waits", input=HELLO)
    await lg.runs.cancel(thread, second["run_id"], wait=True, action="rollback")
    with pytest.raises(NotFoundError):
        await lg.runs.get(thread, second["run_id"])
    said = await site.service.messages("local", thread)
    assert {message.id for message in said}.isdisjoint({second["run_id"]})
    assert len([message for message in said if message.role == "user"]) == 1
    third = await lg.runs.create(thread, "waits", input=HELLO)
    await lg.runs.cancel_many(thread_id=thread, run_ids=[third["run_id"]])
    await lg.runs.join(thread, third["run_id"])
    assert (await lg.runs.get(thread, third["run_id"]))["status"] == "interrupted"


async def test_a_run_rolled_back_leaves_the_state_as_it_was(agent_site: AgentSites, client: Connect) -> None:
    gate = asyncio.Event()
    agent = Agent("counts-up")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        ctx.state["n"] = ctx.state.get("n", 0) + 1
        await ctx.checkpoint()
        yield "kept"
        if ctx.text == "wait":
            await gate.wait()

    site = await agent_site(agent)
    lg = client(site)
    thread = (await lg.threads.create())["thread_id"]
    await lg.runs.wait(thread, "counts-up", input=HELLO)
    second = await lg.runs.create(thread, "counts-up", input={"messages": [{"role": "user", "content": "wait"}]})
    async for part in lg.runs.join_stream(thread, second["run_id"], stream_mode="messages-tuple"):
        if part.event == "messages":
            break
    assert (await lg.threads.get_state(thread))["values"]["n"] == 2
    await lg.runs.cancel(thread, second["run_id"], wait=True, action="rollback")
    state = await lg.threads.get_state(thread)
    assert state["values"]["n"] == 1
    assert texts(state["values"]) == ["hello there", "kept"]


async def test_a_thread_is_followed_by_the_official_client(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    thread = (await lg.threads.create())["thread_id"]
    for _ in range(2):
        await lg.runs.wait(thread, "echo", input=HELLO)
    said: list[str] = []
    async for part in await lg.threads.join_stream(thread, last_event_id="-1"):
        said.append(part.event)
        if said.count("end") == 2:
            break
    assert said == ["metadata", "values", "values", "end"] * 2


async def test_a_busy_thread_refuses_or_queues_as_asked(agent_site: AgentSites, client: Connect) -> None:
    gate = asyncio.Event()
    lg = client(await agent_site(waits(gate)))
    thread = (await lg.threads.create())["thread_id"]
    first = await lg.runs.create(thread, "waits", input=HELLO)
    with pytest.raises(ConflictError, match="busy"):
        await lg.runs.create(thread, "waits", input=HELLO, multitask_strategy="reject")
    queued = await lg.runs.create(thread, "waits", input=HELLO)
    gate.set()
    await lg.runs.join(thread, queued["run_id"])
    assert {(await lg.runs.get(thread, one["run_id"]))["status"] for one in (first, queued)} == {"success"}


async def test_a_run_that_waited_for_its_turn_tells_what_was_said_meanwhile(
    agent_site: AgentSites, client: Connect
) -> None:
    gate = asyncio.Event()
    site = await agent_site(waits(gate))
    lg = client(site)
    await lg.threads.create(thread_id="t")
    await lg.runs.create("t", "waits", input={"messages": [{"role": "user", "content": "a"}]})
    said = {"messages": [{"role": "user", "content": "b"}]}
    queued = asyncio.create_task(collected(lg.runs.stream("t", "waits", input=said)))
    await until(lambda: sum(running.viewers for running in site.service.running.values()) > 0)
    gate.set()
    values = [texts(data) for event, data, _ in await queued if event == "values"]
    assert values == [["a", "one two", "b"], ["a", "one two", "b", "one two"]]


async def test_a_thread_that_is_not_there_is_made_only_on_request(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    with pytest.raises(NotFoundError, match="nowhere"):
        await lg.runs.create("nowhere", "echo", input=HELLO)
    await lg.runs.wait("nowhere", "echo", input=HELLO, if_not_exists="create")
    assert (await lg.threads.get("nowhere"))["status"] == "idle"


async def test_an_interrupted_run_waits_for_its_answer(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(asks()))
    thread = (await lg.threads.create())["thread_id"]
    values = await lg.runs.wait(thread, "asks", input=HELLO)
    (question,) = values["__interrupt__"]
    assert question["value"] == {"sure": "?"}
    assert question["response_schema"] == {"type": "string"}
    found = await lg.threads.get(thread)
    assert found["status"] == "interrupted"
    assert next(iter(found["interrupts"].values()))[0]["id"] == question["id"]
    state = await lg.threads.get_state(thread)
    assert state["next"] == ["asks"]
    assert state["tasks"][0]["interrupts"][0]["id"] == question["id"]
    parts = await collected(lg.runs.stream(thread, "asks", command={"resume": "yes"}, stream_mode="messages-tuple"))
    assert "".join(data[0]["content"] for event, data, _ in parts if event == "messages") == "you said yes"
    assert (await lg.threads.get(thread))["status"] == "idle"


async def test_an_answer_can_name_its_question(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(asks()))
    thread = (await lg.threads.create())["thread_id"]
    (question,) = (await lg.runs.wait(thread, "asks", input=HELLO))["__interrupt__"]
    values = await lg.runs.wait(thread, "asks", command={"resume": {question["id"]: "no"}})
    assert texts(values)[-1] == "you said no"


async def test_a_failure_is_an_error_event_and_an_error_for_who_waits(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(fails()))
    parts = await collected(lg.runs.stream(None, "fails", input=HELLO))
    assert parts[-1][0] == "error"
    assert "secret" not in str(parts[-1][1])
    with pytest.raises(Exception, match="error: the agent failed"):
        await lg.runs.wait(None, "fails", input=HELLO)


async def test_a_batch_of_runs_without_threads(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo()))
    runs = await lg.runs.create_batch([{"assistant_id": "echo", "input": HELLO} for _ in range(3)])
    for run in runs:
        assert texts(await lg.runs.join(run["thread_id"], run["run_id"])) == ["hello there", "hello there "]
    assert await lg.threads.search() == []


async def test_a_cut_stream_goes_on_where_it_was(
    agent_site: AgentSites, client: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(langgraph_sdk._async.http, "_reconnect_delay", lambda attempt, base, cap: 0)
    site = await agent_site(counts(300))
    async with CuttingProxy(site.port, [20_000, 30_000, 40_000]) as proxy:
        lg = get_client(url=proxy.url, api_key=None)
        parts = await collected(lg.runs.stream(None, "counts", input=HELLO, stream_mode=["messages-tuple"]))
        await lg.aclose()
    assert proxy.cut == 3
    assert [event for event, _, _ in parts if event != "messages"] == ["metadata", "end"]
    joined = "".join(data[0]["content"] for event, data, _ in parts if event == "messages")
    assert joined == "".join(f"{number} " for number in range(300))


async def test_a_viewer_that_leaves_stops_the_run_it_was_to_stop(agent_site: AgentSites, client: Connect) -> None:
    gate = asyncio.Event()
    site = await agent_site(waits(gate))
    lg = client(site)
    thread = (await lg.threads.create())["thread_id"]
    run = await lg.runs.create(thread, "waits", input=HELLO)
    stream = lg.runs.join_stream(thread, run["run_id"], stream_mode="messages-tuple", cancel_on_disconnect=True)
    async for part in stream:
        if part.event == "messages":
            break
    await stream.aclose()
    async with asyncio.timeout(2):
        ended = await site.service.wait(await site.service.run("local", run["run_id"]))
    assert ended.status == "cancelled"


async def test_the_synchronous_client_streams_too(agent_site: AgentSites) -> None:
    site = await agent_site(echo())

    def talk() -> tuple[list[str], Any]:
        with get_sync_client(url=site.url, api_key=None) as lg:
            thread = lg.threads.create()["thread_id"]
            events = [part.event for part in lg.runs.stream(thread, "echo", input=HELLO)]
            return events, lg.runs.wait(thread, "echo", input=HELLO)

    events, values = await asyncio.to_thread(talk)
    assert events == ["metadata", "values", "values", "end"]
    assert texts(values) == ["hello there", "hello there "] * 2


# -- assistants and items ---------------------------------------------------------------------------------------------


async def test_agents_are_assistants_by_name_and_by_uuid(agent_site: AgentSites, client: Connect) -> None:
    lg = client(await agent_site(echo(), Agent("echo", version="1.1.0"), chatty_graph()))
    found = await lg.assistants.search()
    assert [one["assistant_id"] for one in found] == ["echo", "two-steps"]
    assert (await lg.assistants.search(graph_id="two-steps"))[0]["name"] == "two-steps"
    assert await lg.assistants.count(name="EC") == 1
    by_name = await lg.assistants.get("echo")
    by_uuid = await lg.assistants.get(str(uuid5(UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8"), "echo")))
    assert by_name == by_uuid
    assert by_name["version"] == 2
    assert [one["version"] for one in await lg.assistants.get_versions("echo")] == [2, 1]
    assert (await lg.assistants.get_schemas("echo"))["graph_id"] == "echo"
    drawn = await lg.assistants.get_graph("two-steps")
    assert [node["id"] for node in drawn["nodes"]] == ["__start__", "first", "second", "__end__"]
    assert {"source": "first", "target": "second", "conditional": False} in drawn["edges"]
    assert await lg.assistants.get_subgraphs("echo") == {}
    with pytest.raises(NotFoundError):
        await lg.assistants.get("nobody")


async def test_items_outlive_threads_and_agents_see_them(agent_site: AgentSites, client: Connect) -> None:
    agent = Agent("remembers")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        yield str((await ctx.store.get(("notes", "a"), "k1"))["n"])

    lg = client(await agent_site(agent))
    await lg.store.put_item(["notes", "a"], "k1", {"n": 1})
    await lg.store.put_item(["notes", "b"], "k2", {"n": 2})
    await lg.store.put_item(["other"], "k3", {"n": 2})
    assert (await lg.store.get_item(["notes", "a"], "k1"))["value"] == {"n": 1}
    found = await lg.store.search_items(["notes"], filter={"n": 2})
    assert [(item["namespace"], item["key"]) for item in found["items"]] == [(["notes", "b"], "k2")]
    assert (await lg.store.list_namespaces())["namespaces"] == [["notes", "a"], ["notes", "b"], ["other"]]
    assert (await lg.store.list_namespaces(max_depth=1))["namespaces"] == [["notes"], ["other"]]
    assert (await lg.store.list_namespaces(suffix=["b"]))["namespaces"] == [["notes", "b"]]
    assert texts(await lg.runs.wait(None, "remembers", input=HELLO))[-1] == "1"
    await lg.store.delete_item(["notes", "a"], "k1")
    with pytest.raises(NotFoundError):
        await lg.store.get_item(["notes", "a"], "k1")
