"""The question of a run answered in every protocol, as bare HTTP and WebSocket messages."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.agent_server.speakers import Known, ag_ui, message_03, message_10, named, order, rpc
from tests.support.agent_site import AgentSite

Reply = Callable[[AgentSite, httpx.AsyncClient, Known, str], Awaitable[None]]
"""Answer the question of a run by its id: `red`."""
SAID = "red"


def _answer(path: str, body: Callable[[Known, str], Any], **headers: str) -> Reply:
    async def answer(site: AgentSite, ask: httpx.AsyncClient, known: Known, question: str) -> None:
        place = path.format(run=known.run, thread=known.thread)
        told = await ask.post(place, json=body(known, question), headers=named(headers))
        assert told.status_code in (200, 201), told.text

    return answer


def _answer_by_socket(subprotocol: str, said: Callable[[Known], str]) -> Reply:
    async def answer(site: AgentSite, ask: httpx.AsyncClient, known: Known, question: str) -> None:
        url = f"{site.ws_url}/ws?thread_id={known.thread}"
        async with connect(url, subprotocols=[Subprotocol(subprotocol)]) as socket:
            await socket.send(said(known))
            assert "error" not in str(await socket.recv()).lower()

    return answer


def _in_chat(known: Known, question: str) -> Any:
    call = {"id": f"{known.run}_{question}", "type": "function", "function": {"name": "interrupt", "arguments": "{}"}}
    asked = {"role": "assistant", "tool_calls": [call]}
    said = {"role": "tool", "tool_call_id": call["id"], "content": SAID}
    return {"model": "gated", "messages": [{"role": "user", "content": "x"}, asked, said]}


def _in_responses(known: Known, question: str) -> Any:
    said = {"type": "function_call_output", "call_id": f"{known.run}_{question}", "output": SAID}
    return {"model": "gated", "input": [said]}


def _in_ag_ui(known: Known, question: str) -> Any:
    resume = [{"interruptId": question, "status": "resolved", "payload": SAID}]
    return {**ag_ui(known.thread), "runId": f"a-{known.run}", "messages": [], "resume": resume}


def _on_task(message: dict[str, Any], known: Known) -> dict[str, Any]:
    return {"message": {**message["message"], "taskId": known.run, "contextId": known.thread}}


ANSWERS: Mapping[str, Reply] = {
    "native": _answer("/runs/{run}/resume", lambda known, question: {"value": SAID}),
    "langgraph": _answer(
        "/threads/{thread}/runs/wait", lambda known, question: {"assistant_id": "gated", "command": {"resume": SAID}}
    ),
    "flutch": _answer("/generate", lambda known, question: {"threadId": known.thread, "resume": SAID}),
    "callback": _answer("/callback", lambda known, question: {"token": f"ask::{known.run}::{question}", "value": SAID}),
    "ui": _answer(
        "/api/chat", lambda known, question: {"id": known.thread, "messages": [], "answers": {question: SAID}}
    ),
    "ag-ui": _answer("/ag-ui", _in_ag_ui),
    "openai": _answer("/v1/chat/completions", _in_chat),
    "responses": _answer("/v1/responses", _in_responses),
    "a2a": _answer(
        "/a2a",
        lambda known, question: rpc("SendMessage", _on_task(message_10(SAID), known)),
        a2a_version="1.0",
    ),
    "a2a-0.3": _answer("/", lambda known, question: rpc("message/send", _on_task(message_03(SAID), known))),
    "sage": _answer(
        "/v1/messages", lambda known, question: _on_task(message_03(SAID), known)["message"], x_protocol_mode="a2a"
    ),
    "WebSocket": _answer_by_socket("sluice.v1", lambda known: order(type="answer", run_id=known.run, value=SAID)),
    "WebSocket, text": _answer_by_socket("text", lambda known: SAID),
}
