"""The end of a process: readiness first, then no new work, then the streams; and never a clean end that is none."""

import asyncio
import signal

import pytest

from sluice.testing.fake_desk import Options
from tests.support.command import Sluice
from tests.support.events import DONE, STOP, slow_script
from tests.support.http_answer import read_chunks
from tests.support.raw_client import STREAM, RawClient, request
from tests.support.waiting import until
from tests.support.world import World


def environment(port: int) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-drain", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}


ENDLESS = 10_000


def nothing_went_wrong(sluice: Sluice) -> bool:
    """Nothing went wrong on the way out: no traceback, no warning of the interpreter."""
    return "Traceback" not in sluice.stderr and "Warning" not in sluice.stderr


async def begin_stream(sluice: Sluice) -> RawClient:
    """Ask for a stream and wait for its first bytes."""
    client = await sluice.client()
    client.send(request(STREAM))
    assert (await client.head()).status == 200
    return client


async def test_a_running_stream_finishes_and_the_process_exits_0(world: World) -> None:
    fake = await world.fake()
    async with Sluice(env=environment(fake.port)) as sluice:
        assert (await sluice.ask("readiness", "/healthz/ready")).status == 200
        resting = await sluice.client()
        assert (await resting.ask(request())).status == 200
        fake.script(slow_script(20, 0.02))
        async with resting, await begin_stream(sluice) as client:
            sluice.signal(signal.SIGTERM)
            await until(lambda: "draining" in sluice.messages())
            assert (await sluice.ask("readiness", "/healthz/ready")).status == 503
            with pytest.raises(ConnectionError):
                await sluice.client()
            body = b"".join(await read_chunks(client.reader))
            assert body.endswith(STOP + DONE)
            assert await resting.rest() == b"", "it has asked nothing more"
            ended = asyncio.get_running_loop().time()
            assert await sluice.exit_status() == 0
            assert asyncio.get_running_loop().time() - ended < 1.0
        assert [line["stream.outcome"] for line in sluice.requests()] == ["completed", "completed"]
    assert nothing_went_wrong(sluice)


async def test_the_deadline_cuts_with_an_error_in_the_clients_dialect(world: World) -> None:
    fake = await world.fake()
    fake.script(slow_script(ENDLESS, 0.02))
    async with Sluice("--drain-timeout", "200ms", env=environment(fake.port)) as sluice:
        async with await begin_stream(sluice) as client:
            sluice.signal(signal.SIGTERM)
            body = b"".join(await read_chunks(client.reader))
        assert body.endswith(b"}}\n\n")
        assert b'data: {"error":{"message":"the server is shutting down"' in body
        assert b"[DONE]" not in body
        assert await sluice.exit_status() == 0
        assert (await sluice.request_line())["stream.outcome"] == "drained"
    assert nothing_went_wrong(sluice)
    await until(lambda: fake.aborted == 1)


async def test_the_deadline_gives_503_to_those_who_have_heard_nothing(world: World) -> None:
    fake = await world.fake(Options(first_token_s=60))
    async with Sluice("--drain-timeout", "200ms", env=environment(fake.port)) as sluice:
        async with await sluice.client() as client:
            client.send(request(STREAM))
            await until(lambda: fake.open_streams == 1)
            sluice.signal(signal.SIGTERM)
            answer = await client.answer()
        assert answer.status == 503
        assert answer.header("connection") == "close"
        assert await sluice.exit_status() == 0
        line = await sluice.request_line()
        assert (line["stream.outcome"], line["http.status"]) == ("drained", 503)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_at_once(world: World, number: signal.Signals) -> None:
    fake = await world.fake()
    fake.script(slow_script(ENDLESS, 0.02))
    async with Sluice("--drain-timeout", "60s", env=environment(fake.port)) as sluice:
        async with await begin_stream(sluice) as client:
            sluice.signal(number)
            await until(lambda: "draining" in sluice.messages())
            sluice.signal(number)
            assert await sluice.exit_status(within_s=2.5) == 0
            assert b"the server is shutting down" in await client.rest()
        assert (await sluice.request_line())["stream.outcome"] == "drained"


async def test_clients_that_say_nothing_do_not_delay_the_end(world: World) -> None:
    fake = await world.fake()
    sluice = await world.enter(Sluice(env=environment(fake.port)))
    async with await sluice.client(), await sluice.client() as resting:
        assert (await resting.ask(request())).status == 200
        started = asyncio.get_running_loop().time()
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        assert asyncio.get_running_loop().time() - started < 1.0
    assert nothing_went_wrong(sluice)


async def test_a_process_at_rest_ends_at_once() -> None:
    async with Sluice() as sluice:
        started = asyncio.get_running_loop().time()
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        assert asyncio.get_running_loop().time() - started < 1.0
