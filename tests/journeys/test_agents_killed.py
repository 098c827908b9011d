"""The server is killed in the middle of its runs and started again on the same file: nothing ends in silence."""

import asyncio
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path
from signal import SIGTERM

import httpx
import msgspec
from langgraph_sdk import get_client
from langgraph_sdk.schema import StreamPart

from sluice import Client
from sluice.runs.events import TERMINAL, Event, RunFailed, TextDelta
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.agent_process import AgentProcess, begin, body, gapless, read_on, read_through, text_of
from tests.support.sse import Frame
from tests.support.waiting import until

SOON_S = 5.0
"""Behind a restart nobody waits for a lease to run out: there is no other process that could hold it."""


async def watch(url: str, run: str, told: list[Event]) -> None:
    async with Client(url) as client, aclosing(client.runs.watch(run)) as events:
        async for event in events:
            told.append(event)  # noqa: PERF401  # others look at it meanwhile


async def sdk(url: str, told: list[StreamPart]) -> None:
    """langgraph-sdk's own reconnect."""
    client = get_client(url=url)
    thread = await client.threads.create()
    said = {"messages": [{"role": "user", "content": "on"}]}
    async for part in client.runs.stream(thread["thread_id"], "says", input=said, stream_mode="messages-tuple"):
        told.append(part)  # noqa: PERF401
    await client.aclose()


async def test_watchers_of_a_killed_server_come_back_to_one_end_with_the_text_so_far(tmp_path: Path) -> None:
    async with AgentProcess(tmp_path, "sqlite:///runs.db") as server:
        async with server.client() as ask:
            run = await begin(ask, "says", "on", thread="t")
        raw: list[Frame] = []
        ours: list[Event] = []
        theirs: list[StreamPart] = []

        def told() -> dict[str, int]:
            theirs_has = max(int(part.id or 0) for part in theirs)
            return {run: max(int(raw[-1].id or 0), ours[-1].seq), theirs[0].data["run_id"]: theirs_has}

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_through(server.url, run, raw))
            tasks.create_task(watch(server.url, run, ours))
            tasks.create_task(sdk(server.url, theirs))
            await until(lambda: min(len(raw), len(ours), len(theirs)) > 10, within_s=SOON_S)
            await server.kill_when_written(tmp_path / "runs.db", told)
            seen = len(raw)
            await server.start()
            async with asyncio.timeout(SOON_S):
                while not (raw[-1].event == "run.failed" and isinstance(ours[-1], TERMINAL)):
                    await asyncio.sleep(0.01)
        gapless(raw)
        assert msgspec.json.decode(raw[-1].data)["code"] == "server_restart"
        assert [event.seq for event in ours] == [int(frame.id) for frame in raw]
        assert isinstance(ours[-1], RunFailed)
        said = text_of(raw)
        assert said == "".join(event.text for event in ours if isinstance(event, TextDelta))
        words = said.split()
        assert words == [f"w{number}" for number in range(len(words))]
        assert len(words) >= seen - 5
        failed = [part.data for part in theirs if part.event == "error"]
        assert [data["error"] for data in failed] == ["server_restart"]
        assert theirs[-1].event == "error"
        async with server.client() as ask:
            kept = (await ask.get("/threads/t/messages")).json()
            record = (await ask.get(f"/runs/{run}")).json()
        text = "".join(part["text"] for part in kept[-1]["parts"])
        left, notice, _ = text.partition("\n[Error: Stream interrupted]")
        assert notice
        assert said.startswith(left)
        assert len(said.split()) - len(left.split()) <= 1, "more than what 5 ms brought is lost"
        assert (record["status"], record["error"]["code"]) == ("error", "server_restart")


async def test_a_watcher_who_was_told_more_than_was_written_hears_of_the_gap(tmp_path: Path) -> None:
    async with AgentProcess(tmp_path, "sqlite:///runs.db") as server:
        async with server.client() as ask:
            run = await begin(ask, "says", "on", thread="t")
        told: list[Frame] = []
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(read_through(server.url, run, told))
            await until(lambda: len(told) > 5, within_s=SOON_S)
            with closing(sqlite3.connect(tmp_path / "runs.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")  # nobody else writes
                written = other.execute("SELECT MAX(seq) FROM events WHERE run_id = ?", (run,)).fetchone()[0]
                await until(lambda: len(told) > written + 5, within_s=SOON_S)
                await server.kill()
            await server.start()
        gap = next(place for place, frame in enumerate(told) if frame.id == "0")
        assert msgspec.json.decode(told[gap].data)["name"] == "resume_gap"
        assert msgspec.json.decode(told[gap].data)["value"]["after"] == gap == int(told[gap - 1].id)
        gapless(told[gap + 1 :])
        assert msgspec.json.decode(told[-1].data)["code"] == "server_restart"
        assert text_of(told[:gap]).startswith(text_of(told[gap + 1 :]))


async def test_durable_runs_and_graphs_go_on_where_they_were_killed(tmp_path: Path) -> None:
    hold = tmp_path / "trace.hold"
    hold.touch()
    async with AgentProcess(tmp_path, "sqlite:///runs.db") as server:
        async with server.client() as ask:
            speaks = await begin(ask, "durable", "40 0.02", thread="speaks")
            walks = await begin(ask, "walks", "go", thread="walks")
        said: list[Frame] = []
        walked: list[Frame] = []
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(read_through(server.url, speaks, said))
            tasks.create_task(read_through(server.url, walks, walked))
            await until(lambda: len(said) > 15 and walked and "two after done" in server.traced(), within_s=SOON_S)
            told = {speaks: said, walks: walked}
            await server.kill_when_written(
                tmp_path / "runs.db", lambda: {run: int(frames[-1].id or 0) for run, frames in told.items()}
            )
            hold.unlink()
            await server.start()
        gapless(said)
        gapless(walked)
        assert [frames[-1].event for frames in (said, walked)] == ["run.finished", "run.finished"]
        begins = [int(line.split()[-1]) for line in server.traced() if line.startswith("durable from")]
        assert len(begins) == 2
        assert begins[0] == 0 < begins[1]
        words = text_of(said).split()
        assert sorted(set(words), key=lambda word: int(word[1:])) == [f"w{number}" for number in range(40)]
        assert len(words) <= 41, "more than the word that was under way was said twice"
        steps = [line for line in server.traced() if not line.startswith("durable")]
        assert steps == ["one", "two after done", "two after done", "three after done"]


async def test_questions_and_request_ids_outlive_the_server(tmp_path: Path) -> None:
    async with FakeProvider(Options()) as fake:
        env = {"LLM_PROVIDER": "openai", "OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": f"{fake.url}/v1"}
        async with AgentProcess(tmp_path, "sqlite:///runs.db", env=env) as server:
            async with server.client() as ask:
                asking = await begin(ask, "asks", "hello", thread="asks")
                assert (await read_on(ask, asking))[-1].event == "run.finished"
                asked = await begin(ask, "model", "hello", thread="model", key="one")
                before = await read_on(ask, asked)
            await server.kill()
            await server.start()
            async with server.client() as ask:
                assert await begin(ask, "model", "hello", thread="model", key="one") == asked
                again = await read_on(ask, asked)
                assert again[:-1] == before[:-1]
                assert [again[-1].id, again[-1].event] == [before[-1].id, before[-1].event]
                other = await ask.post("/runs", json=body("model", "no"), headers={"idempotency-key": "one"})
                assert other.status_code == 409, other.text
                answer = await ask.post(f"/runs/{asking}/resume", json={"value": "yes"})
                assert answer.status_code == 201, answer.text
                assert text_of(await read_on(ask, answer.json()["run_id"])) == "you said yes"
                late = await ask.post(f"/runs/{asking}/resume", json={"value": "no"})
                assert late.status_code == 409, late.text
            assert fake.seen == 1


async def test_a_server_that_is_told_to_end_says_so_to_everybody_and_exits_with_0(tmp_path: Path) -> None:
    async with AgentProcess(tmp_path, "sqlite:///runs.db", "--drain-timeout", "500ms") as server:
        async with server.client() as ask:
            short = await begin(ask, "says", "15 0.02")
            long = await begin(ask, "says", "on")
            told: list[list[Frame]] = [[], []]
            async with asyncio.TaskGroup() as tasks:
                watching = [
                    tasks.create_task(read_through(server.url, run, one))
                    for run, one in zip((short, long), told, strict=True)
                ]
                await until(lambda: all(len(one) > 3 for one in told))
                server.signal(SIGTERM)
                await asyncio.wait(watching, timeout=SOON_S)
                for one in watching:
                    one.cancel()
        assert await server.exit_status() == 0
        ends = [msgspec.json.decode(one[-1].data) for one in told]
        assert ends[0]["outcome"] == "success"
        assert (ends[1]["outcome"], ends[1]["reason"]) == ("cancelled", "the server is shutting down")
        for one in told:
            gapless(one)


async def test_no_work_is_taken_while_it_ends(tmp_path: Path) -> None:
    async with AgentProcess(tmp_path, "memory:", "--drain-timeout", "2s") as server:
        async with server.client() as ask, server.client() as other:
            run = await begin(ask, "says", "on")
            await read_on(other, run, upto=3)
            server.signal(SIGTERM)
            refused: httpx.Response | None = None
            try:
                async with asyncio.timeout(SOON_S):
                    while refused is None or refused.status_code == 200:
                        refused = await ask.post("/runs", json={"assistant_id": "says", "input": {}})
            except httpx.TransportError:
                refused = None  # the port is closed
            assert refused is None or refused.status_code == 503
        assert await server.exit_status() == 0
