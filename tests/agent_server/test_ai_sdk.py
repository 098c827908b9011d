"""The AI SDK's addresses: what is begun, resumed, stopped and refused; and conversations that go back."""

from typing import Any

import httpx
import msgspec
import pytest

from sluice.agent_server.ai_sdk_messages import UiMessage, read, write
from sluice.agents.agent import Agent
from sluice.agents.mock import Call, MockModels
from sluice.errors import BadRequest
from sluice.runs.messages import FilePart, TextPart, ToolCallPart, ToolResultPart
from tests.agent_server.npm_agents import Gates, npm_site
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

Raw = dict[str, Any]


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
async def site(agent_site: AgentSites, gates: Gates) -> AgentSite:
    return await npm_site(agent_site, gates)


def user(text: str, id: str = "u1") -> Raw:  # noqa: A002 - the field's name
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}


def chat(*messages: Raw, **more: Any) -> Raw:
    return {"id": "c1", "trigger": "submit-message", "messages": list(messages), **more}


def chunks(body: str) -> list[Any]:
    """The chunks of an answer; `[DONE]` stays as it is."""
    data = [line.removeprefix("data: ") for line in body.split("\n") if line.startswith("data: ")]
    return [one if one == "[DONE]" else msgspec.json.decode(one) for one in data]


def text_of(body: str) -> str:
    return "".join(one["delta"] for one in chunks(body)[:-1] if one["type"] == "text-delta")


async def test_an_answer_has_the_protocol_s_headers_and_ends_with_done(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=site.url) as http:
        answer = await http.post("/api/chat", json=chat(user("hi")))
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-accel-buffering"] == "no"
    said = chunks(answer.text)
    assert said[0]["messageId"] == answer.headers["x-run-id"]
    assert said[-1] == "[DONE]"
    assert "\r" not in answer.text


WRONG: list[Any] = [
    (chat(), 400, "there is no message to answer (at `messages`)"),
    ({"messages": []}, 400, "Object missing required field `id`"),
    (chat({"id": "u1", "role": "robot"}), 400, "(at `messages[0].role`)"),
    (chat({**user(""), "parts": [{"type": "text"}]}), 400, "a text is required (at `messages[0].parts[0].text`)"),
    (chat({**user(""), "parts": [{"type": "hologram"}]}), 400, "no part of the type 'hologram'"),
    (chat(user("x"), agent="nobody"), 404, "there is no agent 'nobody'"),
    (chat(user("x"), sdk=4), 400, "from version 5 on (at `sdk`)"),
]


async def test_what_is_wrong_is_said_in_plain_text(site: AgentSite) -> None:
    for body, status, told in WRONG:
        async with httpx.AsyncClient(base_url=site.url) as http:
            answer = await http.post("/api/chat", json=body)
        assert answer.status_code == status
        assert told in answer.text
        assert answer.headers["content-type"].startswith("text/plain")


async def test_idle_and_unknown_chats(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=site.url) as http:
        assert (await http.get("/api/chat/none/stream")).status_code == 204
        assert (await http.post("/api/chat/none/stop")).status_code == 404
        assert (await http.get("/api/chat/none")).status_code == 404
        assert (await http.get("/api/chat/none/stream?sdk=x")).status_code == 204
        await http.post("/api/chat", json=chat(user("hi")))
        assert (await http.post("/api/chat/c1/stop")).json() == {"id": "c1", "stopped": []}


async def test_the_same_request_key_is_the_same_answer(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=site.url, headers={"idempotency-key": "k"}) as http:
        first, second = [await http.post("/api/chat", json=chat(user("hi"))) for _ in range(2)]
        other = await http.post("/api/chat", json=chat(user("ho")))
    assert first.text == second.text
    assert other.status_code == 409


async def test_what_else_a_body_says_is_the_agent_s_context(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=site.url) as http:
        answer = await http.post("/api/chat", json=chat(user("hi"), theme="dark"))
    run = await site.service.run("local", answer.headers["x-run-id"])
    assert run.context == {"theme": "dark"}
    assert (run.on_disconnect, run.multitask) == ("continue", "interrupt")


async def test_going_back_takes_the_thread_back(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=f"{site.url}/agents/counting") as http:
        await http.post("/api/chat", json=chat(user("one")))
        history = (await http.get("/api/chat/c1")).json()["messages"]
        await http.post("/api/chat", json=chat(*history, user("two", "u2")))
        edited = await http.post("/api/chat", json=chat(user("uno")))
        assert text_of(edited.text) == "1: uno"
        again = (await http.get("/api/chat/c1")).json()["messages"]
        assert [[part.get("text") for part in one["parts"] if "text" in part] for one in again] == [["uno"], ["1: uno"]]
        regenerated = await http.post(
            "/api/chat", json=chat(*again, trigger="regenerate-message", messageId=again[1]["id"])
        )
        assert text_of(regenerated.text) == "1: uno"


async def test_a_client_that_sends_only_the_last_message_has_the_thread_s_memory(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=f"{site.url}/agents/counting") as http:
        await http.post("/api/chat", json=chat(user("one")))
        answer = await http.post("/api/chat", json=chat(user("two", "u2")))
    assert text_of(answer.text) == "3: one | 1: one | two"


async def test_a_message_that_answers_a_question_stays_in_the_conversation(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=f"{site.url}/agents/asking") as http:
        await http.post("/api/chat", json=chat(user("paint it")))
        asked = (await http.get("/api/chat/c1")).json()["messages"]
        answer = await http.post("/api/chat", json=chat(*asked, user("red", "u2")))
        assert text_of(answer.text) == "So red."
        kept = (await http.get(f"{site.url}/threads/c1/messages")).json()
        again = (await http.get("/api/chat/c1")).json()["messages"]
        said = [(one["role"], "".join(part.get("text", "") for part in one["parts"])) for one in again]
        assert said == [
            ("user", "paint it"),
            ("assistant", "I need to know. "),
            ("user", "red"),
            ("assistant", "So red."),
        ]
        assert len(kept) == len(said)
        more = await http.post("/api/chat", json=chat(*again, user("and the roof", "u3")))
        assert text_of(more.text) == "I need to know. "
        assert len((await http.get(f"{site.url}/threads/c1/messages")).json()) == len(said) + 2


async def test_approvals_given_one_by_one_go_on_with_the_same_conversation(agent_site: AgentSites) -> None:
    agent = Agent("shop")

    @agent.tool(approve=True)
    async def pay(n: int) -> str:
        """Pay."""
        return f"paid {n}"

    calls = [Call("pay", {"n": 1}, id="a"), Call("pay", {"n": 2}, id="b")]
    site = await agent_site(agent, models=MockModels([calls, "Done."]))
    async with httpx.AsyncClient(base_url=site.url) as http:
        await http.post("/api/chat", json=chat(user("pay"), sdk=6))
        for call in ("a", "b"):
            history = (await http.get("/api/chat/c1")).json()["messages"]
            part = next(part for part in history[-1]["parts"] if part.get("toolCallId") == call)
            part |= {"state": "approval-responded", "approval": {**part["approval"], "approved": True}}
            answer = await http.post("/api/chat", json=chat(*history, sdk=6))
        assert text_of(answer.text) == "Done."
        kept = (await http.get("/threads/c1/messages")).json()
        last = (await http.get("/api/chat/c1")).json()["messages"]
    assert [one["role"] for one in kept] == ["user", "assistant", "tool", "tool", "assistant"]
    assert [one["role"] for one in last] == ["user", "assistant"]
    shown = [part.get("toolCallId") or part.get("text") for part in last[-1]["parts"] if part["type"] != "step-start"]
    assert shown == ["a", "b", "Done."]


async def test_a_new_message_stops_the_answer_under_way(site: AgentSite, gates: Gates) -> None:
    async with httpx.AsyncClient(base_url=f"{site.url}/agents/gated") as http:
        async with http.stream("POST", "/api/chat", json=chat(user("closed"))) as first:
            run = first.headers["x-run-id"]
            await until(lambda: site.service.running[run].writer.words >= 2)
        gates.open("open")
        answer = await http.post("/api/chat", json=chat(user("closed"), user("open", "u2")))
        assert text_of(answer.text) == "Once upon a time"
        assert (await http.get(f"{site.url}/runs/{run}")).json()["status"] == "cancelled"


def test_messages_of_the_client_are_read_step_by_step_with_results_of_their_own() -> None:
    raw = msgspec.convert(
        {
            "id": "ui",
            "role": "assistant",
            "parts": [
                {"type": "step-start"},
                {"type": "text", "text": "Let me see."},
                {"type": "tool-add", "toolCallId": "c1", "state": "output-available", "input": {"a": 1}, "output": 5},
                {
                    "type": "dynamic-tool",
                    "toolName": "sub",
                    "toolCallId": "c2",
                    "state": "output-error",
                    "errorText": "no",
                },
                {"type": "step-start"},
                {"type": "text", "text": "Five."},
            ],
        },
        UiMessage,
    )
    first, *results, last = read(raw, "messages[0]").messages
    assert first.parts[0] == TextPart(text="Let me see.")
    assert [part.name for part in first.parts if isinstance(part, ToolCallPart)] == ["add", "sub"]
    assert [part for one in results for part in one.parts] == [
        ToolResultPart(id="c1", output=5),
        ToolResultPart(id="c2", error="no"),
    ]
    assert last.text == "Five."
    (shown,) = write((first, *results, last), {first.id: "ui", last.id: "ui"})
    assert [part["type"] for part in shown["parts"]] == [
        *("step-start", "text", "tool-add", "tool-sub", "step-start", "text"),
    ]
    assert shown["parts"][2]["output"] == 5
    assert shown["parts"][3]["errorText"] == "no"


def test_files_of_clients_are_on_the_web_or_in_the_message() -> None:
    def of(url: str) -> UiMessage:
        part = {"type": "file", "url": url, "mediaType": "image/png", "filename": "a.png"}
        return UiMessage(id="u", role="user", parts=[part])

    (message,) = read(of("data:image/png;base64,AAAA"), "m").messages
    assert message.parts == (FilePart(url="data:image/png;base64,AAAA", media_type="image/png", name="a.png"),)
    for url in ("file:///etc/passwd", "gopher://x", "/etc/passwd"):
        with pytest.raises(BadRequest, match="http"):
            read(of(url), "m")
