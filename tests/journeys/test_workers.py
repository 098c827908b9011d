"""Several workers behind one address: from outside they are one process; what befalls one befalls no other."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from os import kill
from pathlib import Path

import pytest

from sluice.testing.fake_provider import FakeProvider
from tests.journeys.manifests import gateway, route
from tests.support.command import START_S, Sluice, rewrite
from tests.support.events import DONE, STOP, slow_script
from tests.support.http_answer import Broken, read_chunks
from tests.support.raw_client import CHAT, STREAM, RawClient, get, request
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

MANY = 16
"""Connections: the kernel gives each to a worker by its source port, so all to one of two once in 32,768 times."""


@pytest.fixture
async def fake(world: World) -> FakeProvider:
    return await world.fake()


def group(fake: FakeProvider, *args: str, workers: int = 2) -> Sluice:
    env = {"OPENAI_API_KEY": "sk-workers", "OPENAI_BASE_URL": f"http://127.0.0.1:{fake.port}/v1"}
    return Sluice("--workers", str(workers), *args, env=env)


def pids(sluice: Sluice) -> dict[int, int]:
    """The process that holds each worker's place, by what the log says."""
    ready = [line for line in sluice.lines if line.get("message") == "a worker is ready"]
    return {int(str(line["worker"])): int(str(line["pid"])) for line in ready}


async def places(sluice: Sluice) -> dict[int, int]:
    """The same, once both are known."""
    await until(lambda: len(pids(sluice)) == 2)
    return pids(sluice)


def served_by(sluice: Sluice) -> list[object]:
    return [line["worker"] for line in sluice.requests()]


def said(sluice: Sluice, message: str) -> list[str]:
    """Which workers said it."""
    return sorted(str(line.get("worker")) for line in sluice.lines if line.get("message") == message)


async def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def begin_streams(stack: AsyncExitStack, sluice: Sluice, fake: FakeProvider, tokens: int) -> list[RawClient]:
    """Ask for streams, of 50 tokens a second, on connections of their own and wait for the first bytes of each."""
    clients = [await stack.enter_async_context(await sluice.client()) for _ in range(MANY)]
    for client in clients:
        fake.script(slow_script(tokens, 0.02))
        client.send(request(STREAM))
        assert (await client.head()).status == 200
    return clients


async def ask(sluice: Sluice, number: int = MANY) -> None:
    """So many requests, each on a connection of its own."""
    for _ in range(number):
        async with await sluice.client() as client:
            assert (await client.ask(request())).status == 200


async def test_both_serve_and_the_log_says_which(fake: FakeProvider) -> None:
    async with group(fake) as sluice:
        await ask(sluice)
        await until(lambda: len(sluice.requests()) == MANY)
        assert set(served_by(sluice)) == {1, 2}
        assert all(list(line)[-1] == "worker" for line in sluice.requests())
        assert sorted(await places(sluice)) == [1, 2]
        assert "workers   2" in sluice.stderr


async def test_one_worker_is_one_process(fake: FakeProvider) -> None:
    async with group(fake, workers=1) as sluice:
        await ask(sluice, 1)
        line = await sluice.request_line()
        assert "worker" not in line
        assert pids(sluice) == {}
        assert "workers " not in sluice.stderr


async def test_the_built_in_provider_is_each_workers_own() -> None:
    async with Sluice("--workers", "2") as sluice:
        await asyncio.gather(*(ask(sluice, 1) for _ in range(MANY)))
        await until(lambda: len(sluice.requests()) == MANY)
        endpoints = {(line["worker"], line["endpoint"]) for line in sluice.requests()}
        assert len(endpoints) == 2


# -- the log ----------------------------------------------------------------------------------------------------------


async def test_under_load_no_line_is_torn_and_none_is_missing(fake: FakeProvider) -> None:
    """Paths beyond PIPE_BUF make lines of all lengths; the helper fails if a line is no JSON."""
    rounds, clients = 60, 32

    async def load(sluice: Sluice, number: int) -> None:
        async with await sluice.client() as client:
            for turn in range(rounds):
                if turn % 6 == 5:
                    long = get(f"/{'%01' * (400 * (number % 5))}{number}")
                    assert (await client.ask(long, "GET")).status == 404
                else:
                    assert (await client.ask(request())).status == 200

    async with group(fake) as sluice:
        await asyncio.gather(*(load(sluice, number) for number in range(clients)))
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        assert len(sluice.requests()) == rounds * clients
        assert len({line["request.id"] for line in sluice.requests() if line["http.status"] == 404}) == clients * 10
        assert set(served_by(sluice)) == {1, 2}


async def test_the_level_is_changed_for_all_and_for_those_to_come(fake: FakeProvider) -> None:
    async with group(fake) as sluice:
        async with await RawClient.connect(sluice.side["admin"]) as admin:
            order = request(b"", path="/logging?level=error", host="localhost", headers=["Content-Length: 0"])
            assert (await admin.ask(order)).body == b'{"level":"error"}'
            wrong = request(b"", path="/logging?level=loud", host="localhost", headers=["Content-Length: 0"])
            assert (await admin.ask(wrong)).status == 400
        await ask(sluice)
        kill((await places(sluice))[1], signal.SIGKILL)
        await until(lambda: "a worker has ended and is replaced" in sluice.messages())
        await ready(sluice)
        await ask(sluice)
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        assert sluice.requests() == []


# -- the side doors ---------------------------------------------------------------------------------------------------


async def ready(sluice: Sluice) -> None:
    """Wait until readiness says so."""
    async with asyncio.timeout(START_S):
        while (await sluice.ask("readiness", "/healthz/ready")).status != 200:
            await asyncio.sleep(0.01)


async def test_the_metrics_are_those_of_all_and_survive_a_worker(fake: FakeProvider) -> None:
    async with group(fake) as sluice:
        await ask(sluice)
        await until(lambda: len(sluice.requests()) == MANY)
        assert set(served_by(sluice)) == {1, 2}
        assert await sluice.metric("requests_total") == MANY
        assert await sluice.metric("gen_ai_server_request_duration_count") == MANY
        assert await sluice.metric("downstream_connections_total") == MANY
        assert await sluice.metric("tokio_num_workers") == 2
        assert await sluice.metric("build_info") == 1
        text = (await sluice.ask("stats", "/stats/prometheus")).body.decode()
        for worker in ("1", "2", "supervisor"):
            assert f'agentgateway_process_resident_memory_bytes{{worker="{worker}"}}' in text
        kill((await places(sluice))[1], signal.SIGKILL)
        await until(lambda: "a worker has ended and is replaced" in sluice.messages())
        assert await sluice.metric("requests_total") == MANY, "a counter never goes back"
        assert await sluice.metric("tokio_num_workers") < 2
        await ready(sluice)
        await ask(sluice)
        await until(lambda: len(sluice.requests()) == 2 * MANY)
        assert await sluice.metric("requests_total") == 2 * MANY
        assert await sluice.metric("tokio_num_workers") == 2


async def test_the_plan_is_shown_with_the_share_of_a_worker(fake: FakeProvider) -> None:
    async with group(fake) as sluice:
        shown = (await sluice.ask("admin", "/config_dump")).json()
        assert shown["admission"] == {
            "max_concurrent": 5000,
            "max_queue": 500,
            "queue_timeout_s": 5.0,
            "max_memory_bytes": 0,
        }
        assert (await sluice.ask("admin", "/status")).json() == {"objects": []}


# -- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["the supervisor", "all of its processes"])
async def test_a_drain_cuts_no_stream(fake: FakeProvider, to: str) -> None:
    """systemd signals every process of a service, so that each worker is told twice."""
    async with group(fake) as sluice, AsyncExitStack() as stack:
        clients = await begin_streams(stack, sluice, fake, 40)
        workers = (await places(sluice)).values() if to == "all of its processes" else ()
        sluice.signal(signal.SIGTERM)
        for pid in workers:
            kill(pid, signal.SIGTERM)
        await until(lambda: "draining" in sluice.messages())
        assert (await sluice.ask("readiness", "/healthz/ready")).status == 503
        await until(lambda: said(sluice, "draining") == ["1", "2", "None"])
        with pytest.raises(ConnectionError):
            await sluice.client()
        for client in clients:
            assert b"".join(await read_chunks(client.reader)).endswith(STOP + DONE)
        ended = asyncio.get_running_loop().time()
        assert await sluice.exit_status() == 0
        assert asyncio.get_running_loop().time() - ended < 1.0
        assert [line["stream.outcome"] for line in sluice.requests()] == ["completed"] * MANY
        assert set(served_by(sluice)) == {1, 2}
    assert "Traceback" not in sluice.stderr


async def test_a_second_signal_ends_all_at_once(fake: FakeProvider) -> None:
    async with group(fake) as sluice, AsyncExitStack() as stack:
        clients = await begin_streams(stack, sluice, fake, 10_000)
        sluice.signal(signal.SIGTERM)
        await until(lambda: said(sluice, "draining") == ["1", "2", "None"])
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status(within_s=2.5) == 0
        for client in clients:
            assert b"the server is shutting down" in await client.rest()
        assert [line["stream.outcome"] for line in sluice.requests()] == ["drained"] * MANY


async def test_who_does_not_end_in_time_is_killed_and_the_exit_status_tells(fake: FakeProvider) -> None:
    async with group(fake, "--drain-timeout", "100ms") as sluice:
        stuck = (await places(sluice))[1]
        kill(stuck, signal.SIGSTOP)
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 1
        (line,) = (line for line in sluice.lines if "is killed" in str(line.get("message")))
        assert (line["worker"], line["pid"]) == (1, stuck)


async def test_without_their_supervisor_the_workers_finish_and_end(fake: FakeProvider) -> None:
    async with group(fake) as sluice, AsyncExitStack() as stack:
        clients = await begin_streams(stack, sluice, fake, 30)
        workers = await places(sluice)
        sluice.signal(signal.SIGKILL)
        for client in clients:
            assert b"".join(await read_chunks(client.reader)).endswith(STOP + DONE)
        for pid in workers.values():
            await gone(pid)


async def gone(pid: int) -> None:
    async with asyncio.timeout(5):
        while await alive(pid):
            await asyncio.sleep(0.01)


# -- a worker ends ----------------------------------------------------------------------------------------------------


async def test_a_killed_worker_is_replaced_and_the_others_go_on(fake: FakeProvider) -> None:
    async with group(fake) as sluice, AsyncExitStack() as stack:
        clients = await begin_streams(stack, sluice, fake, 50)
        before = await places(sluice)
        kill(before[2], signal.SIGKILL)
        await until(lambda: "a worker has ended and is replaced" in sluice.messages())
        async with await sluice.client() as client:
            fake.script(slow_script(1, 0.01))
            client.send(request(STREAM))
            assert (await client.head()).status == 200, "whoever comes meanwhile is served by the others"
        whole = 0
        for client in clients:
            try:
                whole += b"".join(await read_chunks(client.reader)).endswith(STOP + DONE)
            except (Broken, ConnectionError):
                continue
        assert 0 < whole < MANY
        await until(lambda: pids(sluice)[2] != before[2], within_s=START_S)
        await ready(sluice)
        assert pids(sluice)[1] == before[1]
        (line,) = (line for line in sluice.lines if line.get("message") == "a worker has ended and is replaced")
        assert (line["worker"], line["ended"], line["pause"]) == (2, "SIGKILL", "0s")
        seen = len(sluice.requests())
        await ask(sluice)
        await until(lambda: len(sluice.requests()) >= seen + MANY)
        assert 2 in served_by(sluice)[seen:]


async def test_a_worker_that_is_told_to_end_finishes_its_streams_and_is_replaced(fake: FakeProvider) -> None:
    async with group(fake) as sluice, AsyncExitStack() as stack:
        clients = await begin_streams(stack, sluice, fake, 30)
        before = await places(sluice)
        kill(before[1], signal.SIGTERM)
        kill(before[1], signal.SIGTERM)
        await until(lambda: said(sluice, "draining") == ["1"])
        for client in clients:
            assert b"".join(await read_chunks(client.reader)).endswith(STOP + DONE)
        await until(lambda: pids(sluice)[1] != before[1], within_s=START_S)
        (line,) = (line for line in sluice.lines if line.get("message") == "a worker has ended and is replaced")
        assert (line["level"], line["ended"]) == ("warn", "status 0")
        assert await sluice.metric("requests_total") == MANY, "what it counted is told before it ends"


# -- reload -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["file", "SIGHUP"])
async def test_each_worker_takes_a_new_configuration(fake: FakeProvider, tmp_path: Path, how: str) -> None:
    first, second = free_ports(2)
    file = tmp_path / "gateway.yaml"
    file.write_text(gateway(first) + route("/old", fake.port))
    async with Sluice("--workers", "2", "-f", str(file), anywhere=False) as sluice:
        rewrite(file, gateway(first, second) + route("/new", fake.port))
        if how == "SIGHUP":
            sluice.signal(signal.SIGHUP)
        await until(lambda: said(sluice, "configuration reloaded") == ["1", "2"])
        for port in (first, second):
            for _ in range(MANY):
                async with await RawClient.connect(port) as client:
                    assert (await client.ask(request(CHAT, path="/new"))).status == 200
        await until(lambda: len(sluice.requests()) == 2 * MANY)
        assert {line["worker"] for line in sluice.requests()} == {1, 2}
        rewrite(file, gateway(second) + route("/new", fake.port))
        await until(lambda: said(sluice, "configuration reloaded") == ["1", "1", "2", "2"])
        with pytest.raises(ConnectionError):
            await RawClient.connect(first)


async def test_each_worker_refuses_a_bad_one(fake: FakeProvider, tmp_path: Path) -> None:
    port, other = free_ports(2)
    file = tmp_path / "gateway.yaml"
    good = gateway(port) + route("/old", fake.port)
    file.write_text(good)
    async with Sluice("--workers", "2", "-f", str(file), anywhere=False) as sluice:
        rewrite(file, "kind: [")
        await until(lambda: said(sluice, "configuration refused, the old one stays") == ["1", "2"])
        rewrite(file, good)
        await until(lambda: said(sluice, "configuration reloaded") == ["1", "2"])
        with closing(listening(other, shared=True)):
            rewrite(file, gateway(port, other) + route("/old", fake.port))
            await until(lambda: said(sluice, "configuration refused, the old one stays") == ["1", "1", "2", "2"])
            async with await RawClient.connect(port) as client:
                assert (await client.ask(request(CHAT, path="/old"))).status == 200


# -- what is refused at the start -------------------------------------------------------------------------------------


def listening(port: int = 0, *, shared: bool) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


@pytest.fixture(params=[False, True], ids=["alone", "willing to share"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with closing(listening(shared=request.param)) as sock:
        yield sock.getsockname()[1]


async def test_a_port_that_is_taken_stops_the_start(taken: int) -> None:
    async with Sluice("--workers", "2", "--port", str(taken), anywhere=False) as sluice:
        assert await sluice.exit_status() == 2
        assert sluice.stderr == (
            f"sluice cannot start: port {taken} cannot be listened on: Address already in use\n"
        ), "said once"
        assert sluice.lines == []


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_group_shares_its_port_with_nobody_else(fake: FakeProvider, workers: str) -> None:
    async with group(fake) as sluice:
        async with Sluice("--workers", workers, "--port", str(sluice.port), anywhere=False) as other:
            assert await other.exit_status() == 2
            assert "Address already in use" in other.stderr
        await ask(sluice)


async def test_a_bad_configuration_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("kind: [")
    async with Sluice("--workers", "2", "-f", str(file), anywhere=False) as sluice:
        assert await sluice.exit_status() == 2
        assert sluice.stderr.count("sluice cannot start") == 1
        assert sluice.lines == []


async def test_a_certificate_that_cannot_be_used_starts_nothing(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    tls = "\n    protocol: HTTPS\n    tls: {certificateRefs: [{name: cert}]}"
    pair = "{tls.crt: -----BEGIN CERTIFICATE-----, tls.key: -----BEGIN PRIVATE KEY-----}"
    secret = f"\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: cert}}\nstringData: {pair}\n"
    file = tmp_path / "bad.yaml"
    file.write_text(gateway(port).replace("\n    protocol: HTTP", tls) + secret)
    async with Sluice("--workers", "2", "-f", str(file), anywhere=False) as sluice:
        assert await sluice.exit_status() == 2
        assert "the listener's certificate cannot be used" in sluice.stderr
        assert sluice.lines == []
