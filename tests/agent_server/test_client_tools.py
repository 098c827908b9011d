"""Tools that clients bring: offered to the model, carried out by the client, and gone on with what came of them."""

from typing import Any

import httpx
import msgspec
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam, ChatCompletionToolParam

from sluice.agent_server.client_tools import functions
from sluice.agents.agent import Agent
from sluice.agents.mock import Call, MockModels, Script
from sluice.errors import BadRequest
from sluice.runs.messages import ToolResultPart
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.sse import frames

SCHEMA = {"type": "object", "properties": {"colour": {"type": "string"}}}
PAINT = {"name": "paint", "description": "Paint the page.", "parameters": SCHEMA}
BOTH: Script = [
    ["Let me see. ", Call("add", {"a": 2, "b": 3}, id="a"), Call("paint", {"colour": "red"}, id="p")],
    "Done.",
]


def adding() -> Agent:
    agent = Agent("adding")

    @agent.tool
    async def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    return agent


@pytest.fixture
def models() -> MockModels:
    return MockModels(BOTH)


@pytest.fixture
async def site(agent_site: AgentSites, models: MockModels) -> AgentSite:
    return await agent_site(adding(), models=models)


def events_of(body: bytes) -> list[Any]:
    return [msgspec.json.decode(frame.data) for frame in frames(body)]


def told(models: MockModels, place: int) -> list[tuple[str, Any]]:
    """What the model was told of its calls."""
    parts = [part for message in models.asked[place].messages for part in message.parts]
    return [(part.id, part.output) for part in parts if isinstance(part, ToolResultPart)]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_official_client_carries_out_its_function_and_the_agent_its_own(
    site: AgentSite, models: MockModels, stream: bool
) -> None:
    tool: ChatCompletionToolParam = {"type": "function", "function": PAINT}  # type: ignore[typeddict-item]
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Paint 2 + 3 red"}]
    async with AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none", max_retries=0) as client:
        if stream:
            async with client.chat.completions.stream(model="agent/adding", messages=said, tools=[tool]) as chunks:
                asked: ChatCompletion = await chunks.get_final_completion()
        else:
            asked = await client.chat.completions.create(model="agent/adding", messages=said, tools=[tool])
        choice = asked.choices[0]
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me see. ")
        calls = [call for call in choice.message.tool_calls or [] if call.type == "function"]
        assert [call.function.name for call in calls] == ["paint"]
        assert msgspec.json.decode(calls[0].function.arguments) == {"colour": "red"}
        said.append(choice.message.to_dict())  # type: ignore[arg-type]
        said.append({"role": "tool", "tool_call_id": calls[0].id, "content": "painted"})
        answer = await client.chat.completions.create(model="agent/adding", messages=said, tools=[tool])
    assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == ("stop", "Done.")
    assert [spec.name for spec in models.asked[0].tools] == ["add", "paint"]
    assert sorted(told(models, 1)) == [("a", 5), ("p", "painted")]


async def test_a_page_carries_out_its_tool_and_goes_on_in_the_same_thread(site: AgentSite, models: MockModels) -> None:
    body: dict[str, Any] = {
        "threadId": "t1",
        "runId": "r1",
        "messages": [{"id": "u1", "role": "user", "content": "Paint 2 + 3 red"}],
        "tools": [PAINT],
    }
    async with httpx.AsyncClient(base_url=site.url, timeout=5) as http:
        first = events_of((await http.post("/ag-ui", json=body)).content)
        kinds = [one["type"] for one in first if one.get("toolCallId") == "p"]
        assert kinds[0] == "TOOL_CALL_START"
        assert kinds[-1] == "TOOL_CALL_END"
        assert first[-1]["outcome"] == {"type": "success"}
        calls = [
            {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a":2,"b":3}'}},
            {"id": "p", "type": "function", "function": {"name": "paint", "arguments": '{"colour":"red"}'}},
        ]
        parent = next(one["parentMessageId"] for one in first if one["type"] == "TOOL_CALL_START")
        body["messages"] += [
            {"id": parent, "role": "assistant", "content": "Let me see. ", "toolCalls": calls},
            {"id": "a-result", "role": "tool", "toolCallId": "a", "content": "5"},
            {"id": "mine", "role": "tool", "toolCallId": "p", "content": "painted"},
        ]
        second = events_of((await http.post("/ag-ui", json=body | {"runId": "r2"})).content)
        assert [one for one in second if "toolCallId" in one] == []
        assert "".join(one.get("delta", "") for one in second) == "Done."
        assert second[-1]["outcome"] == {"type": "success"}
        kept = (await http.get("/threads/t1/messages")).json()
    assert [one["role"] for one in kept] == ["user", "assistant", "tool", "tool", "assistant"]
    assert sorted(told(models, 1)) == [("a", 5), ("p", "painted")]


async def test_a_tool_of_the_agent_is_not_replaced_by_one_of_the_same_name(site: AgentSite, models: MockModels) -> None:
    mine = {"threadId": "t1", "runId": "r1", "tools": [PAINT | {"name": "add"}]}
    async with httpx.AsyncClient(base_url=site.url, timeout=5) as http:
        message = {"id": "u1", "role": "user", "content": "x"}
        said = events_of((await http.post("/ag-ui", json=mine | {"messages": [message]})).content)
    assert [spec.description for spec in models.asked[0].tools] == ["Add."]
    results = {one["toolCallId"]: one["content"] for one in said if one["type"] == "TOOL_CALL_RESULT"}
    assert results["a"] == "5"
    assert results["p"].startswith("there is no tool 'paint'")


@pytest.mark.parametrize(
    ("tool", "place"),
    [
        ({"type": "function"}, "tools[0].function"),
        ({"type": "function", "function": {"name": "a b"}}, "tools[0].function.name"),
        ({"function": {"name": "a", "description": 1}}, "tools[0].function.description"),
        ({"function": {"name": "a", "parameters": "x"}}, "tools[0].function.parameters"),
    ],
)
def test_what_is_no_tool_is_refused_with_its_place(tool: dict[str, Any], place: str) -> None:
    with pytest.raises(BadRequest) as caught:
        functions([tool])
    assert caught.value.param == place
    assert functions([{"type": "web_search"}]) == ()
