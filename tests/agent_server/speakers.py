"""A run begun, watched and stopped in every protocol, as bare HTTP and WebSocket messages.

What is heard is text and a cursor, whatever a protocol calls them.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, NamedTuple

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from sluice.runs.projections.table import PROJECTIONS
from tests.agent_server.spoken import TEXT, Words, heard
from tests.support.agent_site import AgentSite
from tests.support.sse import Frame


class Known(NamedTuple):
    """What a client knows of a run that somebody else began."""

    run: str
    thread: str


class Hearing(NamedTuple):
    """A stream that is open. `run` is empty where a protocol does not tell it before its first words."""

    run: str
    words: Words
    headers: Mapping[str, str] = {}
    frames: Sequence[Frame] = ()
    """What has come so far."""


Open = AbstractAsyncContextManager[Hearing]
Start = Callable[[AgentSite, httpx.AsyncClient, str], Open]
"""Begin a run that is asked `text`, on a thread of that name where the protocol has the name."""
Watch = Callable[[AgentSite, httpx.AsyncClient, Known, str], Open]
"""Watch a run from behind a cursor on."""
Stop = Callable[[AgentSite, httpx.AsyncClient, Known], Awaitable[None]]
Told = Callable[[str], tuple[str, str] | None]
"""What a message of a WebSocket says; None = the run is over."""


@asynccontextmanager
async def _sse(protocol: str, ask: httpx.AsyncClient, verb: str, path: str, **more: Any) -> AsyncIterator[Hearing]:
    async with ask.stream(verb, path, **more) as answer:
        if answer.headers.get("content-type", "").partition(";")[0] != "text/event-stream":
            raise AssertionError(f"{path}: {answer.status_code} {(await answer.aread()).decode()}")
        assert answer.status_code == 200, path
        kept: list[Frame] = []
        words = heard(protocol, answer, kept)
        async with aclosing(words):
            yield Hearing(answer.headers.get("x-run-id", ""), words, answer.headers, kept)


# -- to begin ---------------------------------------------------------------------------------------------------------


def named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _post(protocol: str, path: str, body: Callable[[str], Any], **headers: str) -> Start:
    def start(site: AgentSite, ask: httpx.AsyncClient, text: str) -> Open:
        return _sse(protocol, ask, "POST", path.format(text), json=body(text), headers=named(headers))

    return start


def rpc(method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def message_10(text: str) -> dict[str, Any]:
    said = {"messageId": f"m-{text}", "role": "ROLE_USER", "contextId": text, "parts": [{"text": text}]}
    return {"message": said}


def message_03(text: str) -> dict[str, Any]:
    parts = [{"kind": "text", "text": text}]
    return {"message": {"kind": "message", "messageId": f"m-{text}", "role": "user", "contextId": text, "parts": parts}}


def _native(text: str) -> dict[str, Any]:
    return {"input": text, "if_not_exists": "create"}


def _langgraph(text: str) -> dict[str, Any]:
    said = {"messages": [{"role": "user", "content": text}]}
    return {"assistant_id": "gated", "input": said, "stream_mode": "messages-tuple", "if_not_exists": "create"}


def _flutch(text: str) -> dict[str, Any]:
    return {"requestId": text, "threadId": text, "message": {"content": text}}


def _ui(text: str) -> dict[str, Any]:
    return {"id": text, "messages": [{"id": "u1", "role": "user", "parts": [{"type": "text", "text": text}]}]}


def ag_ui(text: str) -> dict[str, Any]:
    said = [{"id": "u1", "role": "user", "content": text}]
    return {"threadId": text, "runId": f"r-{text}", "messages": said, "tools": [], "context": [], "state": {}}


def _chat(text: str) -> dict[str, Any]:
    said = [{"role": "user", "content": text}]
    return {"model": "agent/gated", "messages": said, "stream": True, "metadata": {"thread_id": text}}


def _socket(subprotocol: str, first: Callable[[str], Any], told: Told) -> Start:
    @asynccontextmanager
    async def start(site: AgentSite, ask: httpx.AsyncClient, text: str) -> AsyncIterator[Hearing]:
        url = f"{site.ws_url}/ws?thread_id={text}"
        async with connect(url, subprotocols=[Subprotocol(subprotocol)]) as socket:
            await socket.send(first(text))
            words = _from_socket(socket, told)
            async with aclosing(words):
                yield Hearing("", words)

    return start


async def _from_socket(socket: ClientConnection, told: Told) -> Words:
    while True:
        said = told(str(await socket.recv()))
        if said is None:
            return
        yield said


def _told_natively(text: str) -> tuple[str, str] | None:
    event = json.loads(text)
    assert event["type"] != "error", event
    return None if event["type"] == "run.finished" else (TEXT["native"](event), str(event.get("seq", "")))


def _told_to_ui(text: str) -> tuple[str, str] | None:
    frame = json.loads(text)
    assert frame["type"] not in ("error", "no-active"), frame
    if frame["type"] == "end":
        return None
    return (TEXT["ui"](frame["chunk"]), str(frame["sequence"])) if frame["type"] == "chunk" else ("", "")


def _told_plainly(text: str) -> tuple[str, str] | None:
    return None if text == "[DONE]" else (text, "")


def order(**fields: Any) -> str:
    return json.dumps(fields)


STARTS: Mapping[str, Start] = {
    "native": _post("native", "/threads/{}/runs/stream?protocol=native", _native),
    "langgraph": _post("langgraph", "/threads/{}/runs/stream", _langgraph),
    "flutch": _post("flutch", "/stream", _flutch),
    "flutch-sdk": _post("flutch-sdk", "/stream?dialect=sdk", _flutch),
    "ui": _post("ui", "/api/chat", _ui),
    "ag-ui": _post("ag-ui", "/ag-ui", ag_ui),
    "openai": _post("openai", "/v1/chat/completions", _chat),
    "responses": _post("responses", "/v1/responses", lambda text: {"model": "gated", "input": text, "stream": True}),
    "a2a": _post("a2a", "/a2a", lambda text: rpc("SendStreamingMessage", message_10(text)), a2a_version="1.0"),
    "a2a-0.3": _post("a2a-0.3", "/", lambda text: rpc("message/stream", message_03(text))),
    "a2a REST": _post("a2a", "/message:stream", message_10, a2a_version="1.0"),
    "sage": _post("sage", "/v1/messages/stream", lambda text: message_03(text)["message"], x_protocol_mode="a2a"),
    "WebSocket": _socket("sluice.v1", lambda text: order(type="run", text=text, thread_id=text), _told_natively),
    "WebSocket, text": _socket("text", str, _told_plainly),
    "WebSocket, ui": _socket("ui", lambda text: order(type="send", requestId="q", **_ui(text)), _told_to_ui),
}


# -- to watch ---------------------------------------------------------------------------------------------------------


def _get(protocol: str, path: str, body: Callable[[Known], Any] | None = None, **headers: str) -> Watch:
    def watch(site: AgentSite, ask: httpx.AsyncClient, known: Known, after: str) -> Open:
        place, behind = path.format(run=known.run, thread=known.thread), named(headers)
        if after and protocol == "responses" and place.startswith("/v1/"):
            place += f"&starting_after={after}"
        elif after:
            behind["last-event-id"] = after
        if body is None:
            return _sse(protocol, ask, "GET", place, headers=behind)
        return _sse(protocol, ask, "POST", place, headers=behind, json=body(known))

    return watch


def _resume(subprotocol: str, name: Callable[[Known], dict[str, str]], told: Told) -> Watch:
    def watch(site: AgentSite, ask: httpx.AsyncClient, known: Known, after: str) -> Open:
        last: dict[str, Any] = {"lastSequence": int(after)} if after else {}
        return _socket(subprotocol, lambda _: order(type="resume", **name(known), **last), told)(site, ask, "")

    return watch


def _task(known: Known) -> Any:
    return {"id": known.run}


_MODE = "stream_mode=messages-tuple"
WATCHES: Mapping[str, Watch] = {
    "langgraph": _get("langgraph", f"/threads/{{thread}}/runs/{{run}}/stream?{_MODE}"),
    "ui": _get("ui", "/api/chat/{thread}/stream"),
    "ag-ui": _get("ag-ui", "/ag-ui/{thread}"),
    "responses": _get("responses", "/v1/responses/resp_{run}?stream=true"),
    "a2a": _get("a2a", "/a2a", lambda known: rpc("SubscribeToTask", _task(known)), a2a_version="1.0"),
    "a2a-0.3": _get("a2a-0.3", "/", lambda known: rpc("tasks/resubscribe", _task(known))),
    "a2a REST": _get("a2a", "/tasks/{run}:subscribe", a2a_version="1.0"),
    "WebSocket": _resume("sluice.v1", lambda known: {"run_id": known.run}, _told_natively),
    "WebSocket, ui": _resume("ui", lambda known: {"requestId": "w", "id": known.thread}, _told_to_ui),
    "?protocol=langgraph": _get("langgraph", f"/runs/{{run}}/stream?protocol=langgraph&{_MODE}"),
    **{
        f"?protocol={name}": _get(name, f"/runs/{{run}}/stream?protocol={name}")
        for name in PROJECTIONS
        if name != "langgraph"
    },
}


def conversation(name: str) -> Watch:
    """Return how a whole thread is followed in a protocol."""
    return _get(name, f"/threads/{{thread}}/stream?protocol={name}&{_MODE}")


FORGETFUL = frozenset({"ui", "ag-ui"})
"""Protocols without a cursor: who comes back is told all again."""


# -- to stop ----------------------------------------------------------------------------------------------------------


def _stop(path: str, body: Callable[[Known], Any] | None = None, **headers: str) -> Stop:
    async def stop(site: AgentSite, ask: httpx.AsyncClient, known: Known) -> None:
        place = path.format(run=known.run, thread=known.thread)
        answer = await ask.post(place, json=body(known) if body else None, headers=named(headers))
        assert answer.status_code in (200, 202), answer.text
        assert not answer.content or answer.json().get("error") is None, answer.text

    return stop


def _stop_by_socket(subprotocol: str, *orders: Callable[[Known], dict[str, str]]) -> Stop:
    async def stop(site: AgentSite, ask: httpx.AsyncClient, known: Known) -> None:
        async with connect(f"{site.ws_url}/ws", subprotocols=[Subprotocol(subprotocol)]) as socket:
            for place, said in enumerate(orders):
                await socket.send(order(**said(known)))
                if not place:  # who aborts what he watches hears no more of it
                    answer = json.loads(await socket.recv())
                    assert answer["type"] not in ("error", "no-active"), answer
            await site.service.wait(await site.service.run("local", known.run))

    return stop


STOPS: Mapping[str, Stop] = {
    "native": _stop("/runs/{run}/cancel"),
    "langgraph": _stop("/threads/{thread}/runs/{run}/cancel"),
    "flutch": _stop("/cancel/{run}"),
    "ui": _stop("/api/chat/{thread}/stop"),
    "responses": _stop("/v1/responses/resp_{run}/cancel"),
    "a2a": _stop("/a2a", lambda known: rpc("CancelTask", _task(known)), a2a_version="1.0"),
    "a2a-0.3": _stop("/", lambda known: rpc("tasks/cancel", _task(known))),
    "a2a REST": _stop("/tasks/{run}:cancel", _task, a2a_version="1.0"),
    "WebSocket": _stop_by_socket("sluice.v1", lambda known: {"type": "cancel", "run_id": known.run}),
    "WebSocket, ui": _stop_by_socket(
        "ui",
        lambda known: {"type": "resume", "requestId": "s", "id": known.thread},
        lambda known: {"type": "abort", "requestId": "s"},
    ),
}
