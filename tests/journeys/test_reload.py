"""A new configuration under way: no stream is cut, none changes its plan, and a bad one changes nothing."""

import signal
import socket
from pathlib import Path

import pytest

from sluice.testing.fake_provider import FakeProvider
from tests.journeys.manifests import gateway, route
from tests.support.command import NOTICED_S, Sluice, rewrite
from tests.support.events import DONE, HELLO, STOP, slow_script
from tests.support.http_answer import read_chunks
from tests.support.raw_client import CHAT, STREAM, RawClient, request
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed


@pytest.fixture
async def fake(world: World) -> FakeProvider:
    return await world.fake()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.yaml"


async def status(port: int, path: str) -> int:
    async with await RawClient.connect(port) as client:
        return (await client.ask(request(CHAT, path=path))).status


async def reloaded(sluice: Sluice, times: int = 1) -> None:
    await until(lambda: sluice.messages().count("configuration reloaded") == times, within_s=NOTICED_S)


async def begin_stream(port: int, fake: FakeProvider, path: str) -> RawClient:
    fake.script(slow_script(60, 0.02))
    client = await RawClient.connect(port)
    client.send(request(STREAM, path=path))
    assert (await client.head()).status == 200
    return client


@pytest.mark.parametrize("how", ["file", "SIGHUP"])
async def test_a_reload_cuts_no_stream_and_serves_new_requests_anew(fake: FakeProvider, file: Path, how: str) -> None:
    (port,) = free_ports(1)
    file.write_text(gateway(port) + route("/old", fake.port))
    async with Sluice("-f", str(file), anywhere=False) as sluice:
        assert sluice.port == port
        async with await begin_stream(port, fake, "/old") as streaming, await RawClient.connect(port) as kept:
            assert (await kept.ask(request(CHAT, path="/old"))).status == 200
            rewrite(file, gateway(port) + route("/new", fake.port))
            if how == "SIGHUP":
                sluice.signal(signal.SIGHUP)
            await reloaded(sluice)
            assert (await kept.ask(request(CHAT, path="/old"))).status == 404, "the connection stays, its plan does not"
            assert (await kept.ask(request(CHAT, path="/new"))).status == 200
            body = b"".join(await read_chunks(streaming.reader))
        assert body.endswith(STOP + DONE)
        assert body.count(HELLO) == 61
        await until(lambda: any(line.get("llm.streaming") for line in sluice.requests()))
        (line,) = (line for line in sluice.requests() if line.get("llm.streaming"))
        assert (line["route"], line["stream.outcome"]) == ("default/old", "completed")


@pytest.mark.parametrize(
    "wrong",
    [
        "kind: [",
        "apiVersion: v1\nkind: Nonsense\n",
        gateway(1).replace("port: 1", "port: many"),
    ],
)
async def test_a_bad_configuration_is_refused_and_the_old_one_stays(fake: FakeProvider, file: Path, wrong: str) -> None:
    (port,) = free_ports(1)
    good = gateway(port) + route("/old", fake.port)
    file.write_text(good)
    async with Sluice("-f", str(file), anywhere=False) as sluice:
        rewrite(file, wrong)
        await until(lambda: "configuration refused, the old one stays" in sluice.messages(), within_s=NOTICED_S)
        refused = next(line for line in sluice.lines if line.get("level") == "error")
        assert f"{file}:" in str(refused["error"])
        assert await status(port, "/old") == 200
        rewrite(file, good + route("/new", fake.port))
        await reloaded(sluice)
        assert await status(port, "/new") == 200
        assert (await sluice.ask("readiness", "/healthz/ready")).status == 200


async def test_a_port_is_added_and_another_removed(fake: FakeProvider, file: Path) -> None:
    first, second = free_ports(2)
    file.write_text(gateway(first) + route("/a", fake.port))
    async with Sluice("-f", str(file), anywhere=False) as sluice:
        with pytest.raises(ConnectionError):
            await RawClient.connect(second)
        rewrite(file, gateway(first, second) + route("/a", fake.port))
        await reloaded(sluice)
        assert await status(first, "/a") == await status(second, "/a") == 200
        async with await begin_stream(first, fake, "/a") as streaming:
            rewrite(file, gateway(second) + route("/a", fake.port))
            await reloaded(sluice, 2)
            with pytest.raises(ConnectionError):
                await RawClient.connect(first)
            assert await status(second, "/a") == 200
            body = b"".join(await read_chunks(streaming.reader))
            assert body.endswith(STOP + DONE), "a stream outlives its listener"
            assert await streaming.rest() == b"", "its connection does not"


async def test_a_port_that_is_taken_refuses_the_whole_configuration(fake: FakeProvider, file: Path) -> None:
    first, second = free_ports(2)
    file.write_text(gateway(first) + route("/a", fake.port))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with Sluice("-f", str(file), anywhere=False) as sluice:
            rewrite(file, gateway(first, second, taken.getsockname()[1]) + route("/b", fake.port))
            await until(lambda: "configuration refused, the old one stays" in sluice.messages(), within_s=NOTICED_S)
            assert await status(first, "/a") == 200
            assert await status(first, "/b") == 404
            with pytest.raises(ConnectionError):
                await RawClient.connect(second)


async def test_a_folder_is_watched_for_files_that_come_and_go(fake: FakeProvider, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    (tmp_path / "1.yaml").write_text(gateway(port) + route("/a", fake.port))
    async with Sluice("-f", str(tmp_path), anywhere=False) as sluice:
        assert await status(port, "/b") == 404
        (tmp_path / "2.yaml").write_text(route("/b", fake.port))
        await reloaded(sluice)
        assert await status(port, "/b") == 200
        (tmp_path / "2.yaml").unlink()
        await reloaded(sluice, 2)
        assert await status(port, "/b") == 404


async def test_twenty_reloads_under_load_fail_no_request(fake: FakeProvider, file: Path) -> None:
    (port,) = free_ports(1)
    text = gateway(port) + route("/a", fake.port)
    file.write_text(text)
    async with Sluice("-f", str(file), anywhere=False) as sluice, await begin_stream(port, fake, "/a") as streaming:
        for times in range(1, 21):
            rewrite(file, text + route(f"/extra-{times}", fake.port))
            sluice.signal(signal.SIGHUP)
            while sluice.messages().count("configuration reloaded") < times:
                assert await status(port, "/a") == 200
            assert await status(port, f"/extra-{times}") == 200
        assert b"".join(await read_chunks(streaming.reader)).endswith(DONE)
        assert "configuration refused, the old one stays" not in sluice.messages()


async def test_the_port_of_the_command_line_replaces_that_of_the_file(fake: FakeProvider, file: Path) -> None:
    written, wanted = free_ports(2)
    file.write_text(gateway(written) + route("/a", fake.port))
    async with Sluice("-f", str(file), "--port", str(wanted), anywhere=False) as sluice:
        assert await status(wanted, "/a") == 200
        with pytest.raises(ConnectionError):
            await RawClient.connect(written)
        rewrite(file, gateway(written) + route("/b", fake.port))
        await reloaded(sluice)
        assert await status(wanted, "/b") == 200


async def test_one_port_cannot_replace_two(file: Path) -> None:
    file.write_text(gateway(1234, 1235) + route("/a", 1))
    async with Sluice("-f", str(file), "--port", "1236", anywhere=False) as sluice:
        assert await sluice.exit_status() == 2
        assert "--port" in sluice.stderr
