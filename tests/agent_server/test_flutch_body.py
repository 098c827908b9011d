"""What seed 004's clients send, in both generations, and what is wrong with it."""

from typing import Any

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from tests.agent_server.flutch_agents import Start, start, storyteller, told
from tests.agent_server.flutch_client import asked

__all__ = ["start"]


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


VERSIONS: list[tuple[dict[str, Any], str]] = [
    ({"graphSettings": {"graphType": "acme.chat::1.0.0"}}, "1.0.0"),
    ({"graphSettings": {"graphType": "acme.chat::1.0.3"}}, "1.1.0"),
    ({"graphSettings": {}}, "2.0.0"),
    ({"graphType": ..., "graphSettings": {"graphType": "chat::1.0.0"}}, "1.0.0"),
    ({"graphType": "chat", "graphSettings": {"graphType": "acme.chat::1.0.0", "strict": True}}, "1.0.0"),
    ({"graphType": ..., "graphSettings": ..., "agentId": "acme.chat::1.1.0"}, "1.1.0"),
]


async def test_graph_type_picks_the_router_and_the_settings_the_version(start: Start) -> None:
    agents = [Agent("acme.chat", version=version) for version in ("1.0.0", "1.1.0", "2.0.0")]
    for agent in agents:
        agent.on_message(lambda ctx: ctx.agent.version)
    _, client = await start(*agents)
    for number, (fields, version) in enumerate(VERSIONS):
        body = asked(requestId=f"r{number}", **{"graphType": "acme.chat", **fields})
        assert (await client.post("/generate", body))[1]["text"] == version, fields


WRONG: list[tuple[dict[str, Any], int, str]] = [
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
]


async def test_what_is_wrong_is_said_before_any_stream_in_nests_shape(start: Start) -> None:
    _, client = await start(storyteller())
    for fields, status, message in WRONG:
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
