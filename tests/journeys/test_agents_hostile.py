"""Clients who mean no good: what is another's, what is too large, what comes too often, and what is no name."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount, Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sluice.agent_server.server import MAX_BODY
from sluice.errors import Unauthenticated
from sluice.stores.runs import runs_of
from tests.support.agent_process import AgentProcess, begin, body, gapless, read_on, text_of
from tests.support.agent_site import AgentSite, AgentSites, now
from tests.support.fault_agents import asks, remembers, says
from tests.support.waiting import until

SECRET = "the-word-of-alice"
OURS = {"run", "thread", "request", "response", "conversation", "id", "checkpoint", "item", "push"}
"""Names of path parameters that belong to somebody."""
EVERYBODYS = {"agent", "assistant", "model", "type", "name", "namespace", "rest"}
IDLE = {("GET", "/api/chat/{id}/stream"), ("HEAD", "/api/chat/{id}/stream")}
"""Says 204 where nothing is under way, as the AI SDK wants it; whether there is such a chat it does not say."""
SAYS: dict[str, Any] = {
    **body("says", "2 0"),
    "values": {},
    "metadata": {},
    "checkpoint": {"checkpoint_id": "c"},
    "items": [{"type": "message", "role": "user", "content": "hi"}],
    "value": 1,
}


class Keys:
    """Two principals, each with a key. Implements `server.Principals`."""

    async def principal(self, request: HTTPConnection) -> str:
        name = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name not in ("alice", "bob"):
            raise Unauthenticated("no such key", reason="no API key")
        return f"api_key:{name}"


def owned(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str, set[str]]]:
    """Give the method, the path and the parameters of all routes that take the name of something."""
    for route in routes:
        if isinstance(route, Mount):
            yield from owned(list(route.routes), prefix + route.path.replace("{agent}", "says"))
        elif isinstance(route, Route):
            names = set(re.findall(r"{(\w+)(?::\w+)?}", route.path))
            assert names <= OURS | EVERYBODYS, f"{route.path}: whose is it?"
            if names & OURS:
                yield from ((method, prefix + route.path, names) for method in sorted(route.methods or ()))


def keyed(site: AgentSite, name: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, timeout=5, headers={"authorization": f"Bearer {name}"})


async def test_what_is_anothers_is_not_there_at_any_address(agent_site: AgentSites) -> None:
    site = await agent_site(says, principals=Keys())
    async with keyed(site, "alice") as alice, keyed(site, "bob") as bob:
        made = await alice.post("/v1/conversations", json={"items": [{"role": "user", "content": SECRET}]})
        run = await begin(alice, "says", f"1 0 {SECRET}".replace(SECRET, "0"), thread="t", key="request")
        await read_on(alice, run)
        names = {
            **dict.fromkeys(OURS, run),
            "thread": "t",
            "request": "request",
            "conversation": made.json()["id"],
            "response": f"resp_{run}",
        }
        before = [(await alice.get(path)).text for path in (f"/runs/{run}", "/threads/t", "/threads/t/messages")]
        wrong = []
        seen = 0
        for method, path, _ in owned(site.app.routes):
            place = re.sub(r"{(\w+)(?::\w+)?}", lambda found: names.get(found[1], "says"), path)
            version = {} if "/v1/tasks" in path else {"a2a-version": "1.0"}
            said = None if method in ("GET", "HEAD") else SAYS
            answer = await bob.request(method, place, json=said, headers=version)
            allowed = 204 if (method, path.removeprefix("/agents/says")) in IDLE else 404
            allowed = 400 if "pushNotificationConfigs" in path else allowed  # there are none of anybody
            seen += 1
            if answer.status_code != allowed or "w0" in answer.text:
                wrong.append((method, path, answer.status_code, answer.text[:100]))
        assert seen > 100
        assert not wrong, "\n".join(map(str, wrong))
        after = [(await alice.get(path)).text for path in (f"/runs/{run}", "/threads/t", "/threads/t/messages")]
        assert after == before
        assert (await alice.get(f"/v1/conversations/{made.json()['id']}")).status_code == 200
        assert (await bob.post("/threads/search", json={})).json() == []
        assert (await bob.get(f"/runs/{run}", headers={"authorization": "Bearer mallory"})).status_code == 401


async def test_what_is_too_large_or_too_deep_is_refused(agent_site: AgentSites) -> None:
    site = await agent_site(says)
    large, deep = b'"' + b"x" * MAX_BODY + b'"', b'{"input":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    async with httpx.AsyncClient(base_url=site.url, timeout=10, headers={"content-type": "application/json"}) as ask:
        taking = 0
        for path in _posts(site):
            version = {"a2a-version": "1.0"} if path.startswith("/message") else {}
            refused = await _refused_early(site, path, {"content-length": str(MAX_BODY + 1), **version})
            if refused.startswith((b"HTTP/1.1 404", b"HTTP/1.1 405")):
                continue  # takes no body
            assert refused.startswith(b"HTTP/1.1 413"), (path, refused)
            taking += 1
            answer = await ask.post(path, content=deep, headers=version)
            in_band = answer.status_code == 200 and b'"code":-32700' in answer.content  # JSON-RPC has its own way
            assert answer.status_code in (400, 422) or in_band, (path, answer.status_code, answer.text[:200])
        assert taking > 20
        assert (await ask.post("/runs", content=large)).status_code == 413


def _posts(site: AgentSite) -> list[str]:
    """Return the addresses that take a body and no name."""
    routes = [route for route in site.app.routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    return [route.path for route in routes if "{" not in route.path]


async def _refused_early(site: AgentSite, path: str, headers: dict[str, str]) -> bytes:
    """Say that a body comes, send none of it, and return what is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{lines}\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n")
    writer.close()
    return answer


async def test_a_head_without_end_is_cut_off(tmp_path: Path) -> None:
    async with AgentProcess(tmp_path, "memory:") as server, server.client() as ask:
        assert (await ask.get("/ok", headers={"x-large": "x" * 60_000})).status_code == 200
        assert (await ask.get("/ok", headers={"x-large": "x" * 70_000})).status_code == 431
        before = server.rss_bytes()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /ok HTTP/1.1\r\nx-endless: ")
        with suppress(ConnectionError):
            for _ in range(1000):
                writer.write(b"x" * 65_536)
                await writer.drain()
            await reader.read()
        writer.close()
        assert server.rss_bytes() - before < 8 << 20
        assert (await ask.get("/ok")).status_code == 200


async def test_a_button_is_pressed_once_however_many_press_it(agent_site: AgentSites, tmp_path: Path) -> None:
    async with AgentProcess(tmp_path, "sqlite:///runs.db") as server:
        async with server.client(limits=httpx.Limits(max_connections=50)) as ask:
            frames = await read_on(ask, await begin(ask, "presses", "hi", thread="t"))
            offered = [msgspec.json.decode(frame.data) for frame in frames if frame.event == "attachment"]
            token = offered[0]["value"]["token"]
            answers = await asyncio.gather(*(ask.post("/callback", json={"token": token}) for _ in range(50)))
        assert server.traced() == ["pressed"]
        good = [answer for answer in answers if answer.status_code == 200]
        assert {answer.status_code for answer in answers} <= {200, 401, 403, 409, 429}
        assert len(good) >= 1
        assert {answer.json()["message"] for answer in good} == {"done"}


async def test_orders_that_race_leave_one_end(agent_site: AgentSites) -> None:
    site = await agent_site(says, asks, remembers)
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as ask:
        for number in range(20):  # a cancel at any moment of a run of a few milliseconds
            run = await begin(ask, "says", f"{number} 0.001", thread=f"race-{number}")
            await asyncio.sleep(0.001 * number)
            await asyncio.gather(*(ask.post(f"/runs/{run}/cancel") for _ in range(3)))
            frames = await read_on(ask, run)
            gapless(frames)
            record = (await ask.get(f"/runs/{run}")).json()
            assert record["last_seq"] == len(frames)
            assert record["status"] == {"success": "success", "cancelled": "cancelled"}[_outcome(frames[-1].data)]
        racing = [begin(ask, "says", "3 0", key="one", thread="dup") for _ in range(20)]
        assert len(set(await asyncio.gather(*racing))) == 1
        assert len((await ask.get("/threads/dup/runs")).json()) == 1
        run = await begin(ask, "asks", "x", thread="asked")
        await read_on(ask, run)
        answers = await asyncio.gather(*(ask.post(f"/runs/{run}/resume", json={"value": n}) for n in range(10)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert not site.faults


def _outcome(data: bytes) -> str:
    return str(msgspec.json.decode(data)["outcome"])


async def test_a_thread_that_is_deleted_takes_its_live_runs_along(agent_site: AgentSites) -> None:
    site = await agent_site(says)
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as ask:
        runs = [await begin(ask, "says", "on", thread="gone") for _ in range(3)]
        watching = asyncio.create_task(read_on(ask, runs[0]))
        await until(lambda: any(one.viewers for one in site.service.running.values()))
        assert (await ask.delete("/threads/gone")).status_code in (200, 204)
        async with asyncio.timeout(5):
            frames = await watching
        assert frames[-1].event == "run.finished"
        await until(lambda: not site.service.running)
        for run in runs:
            assert (await ask.get(f"/runs/{run}")).status_code == 404
        assert (await ask.get("/threads/gone")).status_code == 404
        fresh = await begin(ask, "says", "1 0", thread="gone")
        assert text_of(await read_on(ask, fresh)) == "w0 "
        assert len((await ask.get("/threads/gone/messages")).json()) == 2
    assert not site.faults


@pytest.mark.parametrize("after", ["-1", "-9" * 20, "9" * 40, "1e3", "x", "0x1", "1.5", "\u0661", " 3", "99"])
async def test_no_cursor_breaks_a_stream(agent_site: AgentSites, after: str) -> None:
    site = await agent_site(says)
    async with httpx.AsyncClient(base_url=site.url, timeout=5) as ask:
        run = await begin(ask, "says", "3 0")
        whole = await read_on(ask, run)
        for protocol in ("native", "ui", "ag-ui", "a2a", "openai", "responses", "langgraph", "flutch"):
            answer = await ask.get(f"/runs/{run}/stream", params={"after": after, "protocol": protocol})
            assert answer.status_code in (200, 204, 400), (protocol, answer.text)
        answer = await ask.get(f"/threads/{(await ask.get(f'/runs/{run}')).json()['thread_id']}/runs/{run}/stream")
        assert answer.status_code == 200
        gapless(whole)
    assert not site.faults


@pytest.mark.parametrize(
    "name",
    [
        "a\u0000b",
        "\u202e\u0000",
        "../../etc/passwd",
        "..%2f..",
        "%2e%2e",
        "a/b",
        "a\nb",
        "😀",
        "x" * 2000,
        "' OR 1=1--",
        "*",
        "a:b:c",
        "$.a",
    ],
)
@pytest.mark.parametrize("store", ["memory", "sqlite"])
async def test_a_name_is_only_a_name(agent_site: AgentSites, tmp_path: Path, name: str, store: str) -> None:
    kept = runs_of("memory:" if store == "memory" else f"sqlite://{tmp_path}/runs.db", now)
    site = await agent_site(remembers, store=kept)
    async with httpx.AsyncClient(base_url=site.url, timeout=5) as ask:
        made = await ask.post("/threads", json={"thread_id": name})
        assert made.status_code in (200, 400, 422), made.text
        place = f"/threads/{quote(name, safe='')}"
        said = await ask.post(f"{place}/runs/wait", json=body("remembers", "hi", if_not_exists="create"))
        assert said.status_code in (200, 400, 404, 422), said.text
        if made.status_code == 200 and said.status_code == 200:
            assert (await ask.get(place)).json()["thread_id"] == name
            assert len((await ask.get(f"{place}/messages")).json()) == 2
        found = (await ask.post("/threads/search", json={})).json()
        assert {thread["thread_id"] for thread in found} <= {name}
    assert not site.faults


async def test_a_flood_on_a_socket_ends_the_socket_and_nothing_else(agent_site: AgentSites) -> None:
    site = await agent_site(says)
    order = msgspec.json.encode({"type": "run", "text": "on 5", "agent": "says"}).decode()
    async with connect(f"{site.ws_url}/ws", subprotocols=["sluice.v1"], max_size=None, close_timeout=0.5) as socket:  # type: ignore[list-item]
        for _ in range(100):
            await socket.send(order)
        errors = 0
        async with asyncio.timeout(10):
            while errors < 36:
                errors += msgspec.json.decode(await socket.recv())["type"] == "error"
        assert len(site.service.running) <= 100
    async with connect(f"{site.ws_url}/ws", subprotocols=["sluice.v1"]) as socket:  # type: ignore[list-item]
        for text in ("{", "[]", "null", '{"type":"nothing"}', '{"type":"run","text":5}', "[" * 100_000):
            await socket.send(text)
            assert msgspec.json.decode(await socket.recv())["type"] == "error"
        await socket.send(b"\x00binary")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    for running in list(site.service.running.values()):
        running.cancel()
    await until(lambda: not site.service.running)
    assert not site.faults
