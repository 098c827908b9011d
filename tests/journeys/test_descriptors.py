"""The real command and its limit of open files: raised at the start; when it is reached, no provider pays for it, and
no configuration is lost."""

import os
import resource
import signal
from itertools import count
from pathlib import Path

import msgspec
import pytest

from tests.journeys.manifests import gateway, route
from tests.support.command import Sluice, rewrite
from tests.support.events import DONE, STOP, slow_script
from tests.support.http_answer import Answer, Broken, read_chunks
from tests.support.raw_client import STREAM, RawClient, get, request
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

OUT = "out of file descriptors, clients are refused"
REFUSED = "configuration refused, the old one stays"


def limits(pid: int, new: tuple[int, int] | None = None) -> tuple[int, int]:
    """Of a process; with `new`, those from now on."""
    return resource.prlimit(pid, resource.RLIMIT_NOFILE, *([new] if new else []))


async def test_a_process_takes_all_descriptors_that_it_may() -> None:
    soft, hard = limits(0)
    assert hard > 512
    limits(0, (512, hard))  # what it is started with
    try:
        async with Sluice() as sluice:
            assert limits(sluice.pid) == (hard, hard)
    finally:
        limits(0, (soft, hard))


async def test_a_process_without_a_descriptor_says_so_and_blames_no_provider(world: World) -> None:
    fake = await world.fake()
    environment = {"OPENAI_API_KEY": "sk-full", "OPENAI_BASE_URL": f"http://127.0.0.1:{fake.port}/v1"}
    async with Sluice(env=environment) as sluice, await sluice.client() as client:
        before = limits(sluice.pid)
        readiness = await RawClient.connect(sluice.side["readiness"])  # a probe that has its connection keeps it
        assert (await readiness.ask(get("/healthz/ready"), "GET")).status == 200  # and it has been accepted
        assert (await client.ask(get("/v1/models"), "GET")).status == 200
        taken = {int(name) for name in os.listdir(f"/proc/{sluice.pid}/fd")}
        lowest_free = next(number for number in count() if number not in taken)
        limits(sluice.pid, (lowest_free, before[1]))
        async with readiness:
            for number in range(2, 10):  # five failures in a row would give a target a rest
                refused = await client.ask(request())
                assert (refused.status, code_of(refused), refused.header("retry-after")) == (503, "overloaded", "1")
                line = await sluice.request_line(number)
                assert (line["stream.outcome"], line["reason"]) == ("shed", "Overloaded")
                assert "Too many open files" in str(line["error"])
            with pytest.raises((ConnectionError, Broken)):
                async with await sluice.client() as late:
                    await late.ask(request())
            await until(lambda: OUT in sluice.messages())
        limits(sluice.pid, before)
        assert (await client.ask(request())).status == 200
        assert "a target is given a rest" not in sluice.messages()
        assert sluice.messages().count(OUT) == 1


def code_of(answer: Answer) -> object:
    return msgspec.json.decode(answer.body)["error"]["code"]


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_process_without_a_descriptor_keeps_its_configuration_and_takes_the_new_one_later(
    world: World, tmp_path: Path, what: str
) -> None:
    """Strangers who hold connections take the descriptors: that must neither end the process nor lose a change."""
    fake = await world.fake()
    (port,) = free_ports(1)
    file = tmp_path / "watched" / "gateway.yaml"
    file.parent.mkdir()
    file.write_text(gateway(port) + route("/old", fake.port))
    async with (
        Sluice("-f", str(file if what == "file" else file.parent), anywhere=False) as sluice,
        await sluice.client() as client,
    ):
        fake.script(slow_script(150, 0.02))
        client.send(request(STREAM, path="/old"))
        assert (await client.head()).status == 200
        before = limits(sluice.pid)
        limits(sluice.pid, (3, before[1]))  # what is open stays open
        rewrite(file, gateway(port) + route("/new", fake.port))
        await until(lambda: REFUSED in sluice.messages())
        await until(lambda: OUT in sluice.messages())  # which takes longer than two looks at the files
        (refused,) = (line for line in sluice.lines if line.get("message") == REFUSED)
        assert "cannot be read: Too many open files" in str(refused["error"])
        limits(sluice.pid, before)
        await until(lambda: "configuration reloaded" in sluice.messages())
        assert sluice.messages().count(REFUSED) == 1
        assert b"".join(await read_chunks(client.reader)).endswith(STOP + DONE)
        assert (await client.ask(request(path="/new"))).status == 200


async def test_strangers_at_the_limit_do_not_end_a_process_whose_folder_did_not_change(
    world: World, tmp_path: Path
) -> None:
    fake = await world.fake()
    (port,) = free_ports(1)
    (tmp_path / "gateway.yaml").write_text(gateway(port) + route("/a", fake.port))
    async with Sluice("-f", str(tmp_path), anywhere=False) as sluice, await sluice.client() as client:
        before = limits(sluice.pid)
        limits(sluice.pid, (3, before[1]))
        await until(lambda: REFUSED in sluice.messages())
        await until(lambda: OUT in sluice.messages())
        limits(sluice.pid, before)
        assert (await client.ask(request(path="/a"))).status == 200
        assert sluice.messages().count(REFUSED) == 1
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
