"""A provider dies: kill -9, no way there, no such name, no TLS. The client gets a clean stream from the next target, or
a real status; the log and the metrics say what happened.

The official clients count how often an answer begins: one role frame, one `message_start`, whoever gave them.
"""

import asyncio
import json
import socket
import ssl
from collections import Counter
from pathlib import Path
from typing import Self

import pytest
import trustme

from sluice.config.plan import AiBackend, Endpoint, Target, Tls
from sluice.policies.deadlines import OwnClocks
from sluice.policies.streaming import Streaming
from sluice.providers.custom import CUSTOM
from sluice.testing.fake_desk import Options
from tests.journeys.fake_process import FakeProcess
from tests.journeys.listen import Heard, Listener
from tests.journeys.matrix import MODELS, SERVED
from tests.journeys.test_sdk_failures import FIRST, WORDS
from tests.support.plans import here, plan, route
from tests.support.raw_upstream import Call, RawUpstream, silent
from tests.support.serving import Serving
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

CLIENTS = ("chat", "responses", "messages")
PROVIDERS = ("chat", "messages")
pairs = pytest.mark.parametrize(("client", "provider"), [(one, other) for one in CLIENTS for other in PROVIDERS])
QUESTION = f"[[fake {json.dumps({'content': WORDS})}]]"
PATIENCE = Streaming(keep_alive_s=0)
CONNECT_S = 0.2
"""For a way that leads nowhere, where nothing but the clock says so."""


def target(name: str, endpoint: Endpoint | int, provider: str, *, connect_s: float | None = None) -> Target:
    return Target(
        name=name,
        provider=CUSTOM,
        endpoint=here(endpoint) if isinstance(endpoint, int) else endpoint,
        model=MODELS[provider],
        serves=(SERVED[provider],),
        base_path="",
        clocks=OwnClocks(connect_s=connect_s),
    )


async def gateway(world: World, *groups: tuple[Target, ...]) -> Serving:
    """A gateway that asks these, group by group."""
    backend = AiBackend(name="test/several", groups=groups)
    return await world.gateway(plan(route("/ai", backend, streaming=PATIENCE)))


async def hear(serving: Serving, client: str) -> Heard:
    async with Listener(client, f"{serving.url}/ai") as listener:
        return await listener.hear(QUESTION)


async def dying(world: World, tmp_path: Path, *faults: object) -> FakeProcess:
    """A provider whose answers are these, one after the other."""
    rules = tmp_path / "faults.json"
    rules.write_text(json.dumps([{"match": {"nth": nth}, "fault": fault} for nth, fault in enumerate(faults, 1)]))
    return await world.enter(FakeProcess("--faults", str(rules)))


async def reached(fake: FakeProcess, events: int | None) -> None:
    """Wait until the provider is that far with its first answer; None = it has the request."""
    async with asyncio.timeout(5):
        while True:
            seen = await fake.seen()
            if seen and (events is None or seen[0].events >= events):
                return


def check_clean(heard: Heard) -> None:
    assert heard.error is None, heard.said
    assert (heard.end, heard.text, heard.begins) == ("succeeded", WORDS, 1)


async def check_followed(serving: Serving, what: str) -> None:
    """The record, the log line and the metrics of an exchange whose first target failed so, unseen."""
    record = await serving.record()
    assert (record.outcome, record.status, record.attempts) == ("completed", 200, 2)
    assert record.tried == (("first", what), ("second", "200"))
    (line,) = serving.log_lines()
    assert (line["stream.outcome"], line["retry.targets"]) == ("completed", f"first;{what}, second;200")
    assert serving.metric("abandoned_attempts_total", 'target="first"', f'result="{what}"') == 1
    assert serving.metric("exchange_outcomes_total", 'outcome="completed"') == 1
    assert serving.metric("exchange_outcomes_total") == 1
    assert serving.metric("active_streams") == 0


async def check_failed(serving: Serving, heard: Heard, status: int, outcome: str) -> None:
    """The same for one whose only target failed before its first token."""
    assert (heard.end, heard.status, heard.begins, heard.text) == ("failed", status, 0, "")
    record = await serving.record()
    assert (record.outcome, record.status) == (outcome, status)
    (line,) = serving.log_lines()
    assert (line["stream.outcome"], line["http.status"]) == (outcome, status)
    assert serving.metric("exchange_outcomes_total", f'outcome="{outcome}"') == 1
    assert serving.metric("requests_total", f'status="{status}"') == 1


# -- kill -9 -----------------------------------------------------------------------------------------------------------


@pairs
@pytest.mark.parametrize("phase", ["before its head", "before its first token"])
async def test_killed_with_nothing_said_yet_another_answers(
    world: World, tmp_path: Path, client: str, provider: str, phase: str
) -> None:
    spoken = FIRST[provider] if phase == "before its first token" else None
    gaps = [0] * (spoken or 0) + [60_000]
    first = await dying(world, tmp_path, {"gap_ms": gaps} if spoken is not None else {"head_delay_ms": 60_000})
    second = await world.fake()
    serving = await gateway(world, (target("first", first.port, provider),), (target("second", second.port, provider),))
    async with asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(hear(serving, client))
        await reached(first, spoken)
        await first.kill()
    check_clean(hearing.result())
    await check_followed(serving, "upstream_truncated")


@pairs
async def test_killed_mid_stream_the_client_hears_of_it(
    world: World, tmp_path: Path, client: str, provider: str
) -> None:
    middle = FIRST[provider] + 5
    first = await dying(world, tmp_path, {"gap_ms": [0] * middle + [60_000]})
    second = await world.fake()
    serving = await gateway(world, (target("first", first.port, provider),), (target("second", second.port, provider),))
    async with asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(hear(serving, client))
        await reached(first, middle)
        await until(lambda: serving.metric("active_streams") == 1)
        await first.kill()
    heard = hearing.result()
    assert (heard.end, heard.status, heard.begins) == ("failed", 200, 1)
    assert heard.text == " ".join(WORDS.split()[:5])
    record = await serving.record()
    assert (record.outcome, record.status, record.attempts) == ("upstream_truncated", 200, 1)
    (line,) = serving.log_lines()
    assert line["stream.outcome"] == "upstream_truncated"
    assert serving.metric("stream_outcomes_total", 'outcome="upstream_truncated"') == 1
    assert second.seen == 0, "nothing is asked again once a token was sent"


@pytest.mark.parametrize("client", ["chat", "messages"])
async def test_one_of_two_equals_is_killed_under_load_and_nobody_notices(world: World, client: str) -> None:
    """Forty wait for their first token, at both; one of the two is killed."""
    first, second = [await world.enter(FakeProcess("--ttft-ms", "2000")) for _ in range(2)]
    both = (target("first", first.port, "chat"), target("second", second.port, "chat"))
    serving = await gateway(world, both)
    async with Listener(client, f"{serving.url}/ai") as listener:
        async with asyncio.TaskGroup() as tasks:
            hearing = [tasks.create_task(listener.hear(QUESTION)) for _ in range(40)]
            async with asyncio.timeout(5):
                while len(hit := await first.seen()) + len(await second.seen()) < 40:
                    pass
            assert 0 < len(hit) < 40
            await first.kill()
        for each in hearing:
            check_clean(each.result())
        await serving.record(40)
        lost = len(hit)
        assert Counter(record.tried for record in serving.records) == {
            (): 40 - lost,
            (("first", "upstream_truncated"), ("second", "200")): lost,
        }
        assert serving.metric("abandoned_attempts_total", 'target="first"') == lost
        check_clean(await listener.hear(QUESTION))
    assert [name for name, _ in serving.heard.rested] == ["first"], "it is let alone"


@pytest.mark.parametrize("client", ["chat", "messages"])
async def test_one_of_two_equals_is_killed_mid_stream_and_only_its_own_streams_fail(world: World, client: str) -> None:
    first, second = [await world.enter(FakeProcess("--itl-ms", "50")) for _ in range(2)]
    both = (target("first", first.port, "messages"), target("second", second.port, "messages"))
    serving = await gateway(world, both)
    async with Listener(client, f"{serving.url}/ai") as listener:
        async with asyncio.TaskGroup() as tasks:
            hearing = [tasks.create_task(listener.hear(QUESTION)) for _ in range(40)]
            async with asyncio.timeout(5):
                while sum(sight.events > FIRST["messages"] + 1 for sight in await first.seen()) < 5:
                    pass
            await first.kill()
        ends = Counter(each.result().end for each in hearing)
        await serving.record(40)
        outcomes = Counter(record.outcome for record in serving.records)
        assert ends == {"succeeded": outcomes["completed"], "failed": outcomes["upstream_truncated"]}
        assert 5 <= outcomes["upstream_truncated"] < 40
        assert {each.result().begins for each in hearing} == {1}
        check_clean(await listener.hear(QUESTION))


# -- no way there ------------------------------------------------------------------------------------------------------


async def no_such_name(host: object, *_: object, **__: object) -> list[object]:
    """A resolver that knows nobody: no question leaves this machine."""
    if str(host).endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (str(host), 0))]


class Stranger(RawUpstream):
    """Speaks TLS, with a certificate of an authority that nobody knows."""

    async def __aenter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        return await self.start(tls=context)


async def plain(call: Call) -> None:
    """Speaks HTTP where TLS is expected."""
    await call.reader.read(1)
    call.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    call.fin()


async def unreachable(world: World, how: str) -> Endpoint:
    match how:
        case "nobody listens":
            return here(free_ports(1)[0])
        case "nobody is let in":
            return here((await world.fake(Options(never_accept=True))).port)
        case "no such name":
            return here(443, host="provider.invalid")
        case "no such name behind TLS":
            return here(443, host="provider.invalid", tls=Tls())
        case "no TLS":
            return here((await world.upstream(plain)).port, tls=Tls())
        case "a handshake that is not answered":
            return here((await world.upstream(silent)).port, tls=Tls())
    return here((await world.enter(Stranger(silent))).port, tls=Tls())


WAYS = {
    "nobody listens": ("upstream_unreachable", 503, "upstream_error"),
    "nobody is let in": ("timeout_connect", 504, "timeout"),
    "no such name": ("upstream_unreachable", 503, "upstream_error"),
    "no such name behind TLS": ("upstream_unreachable", 503, "upstream_error"),
    "no TLS": ("upstream_unreachable", 503, "upstream_error"),
    "a handshake that is not answered": ("timeout_connect", 504, "timeout"),
    "a certificate of nobody's": ("upstream_unreachable", 503, "upstream_error"),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("how", WAYS)
async def test_no_way_there(world: World, monkeypatch: pytest.MonkeyPatch, client: str, how: str) -> None:
    """With another target it is that one's turn, and a status without."""
    what, status, outcome = WAYS[how]
    endpoint = await unreachable(world, how)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_name)
    second = await world.fake()
    first = target("first", endpoint, "messages", connect_s=CONNECT_S if outcome == "timeout" else None)
    two = await gateway(world, (first,), (target("second", second.port, "chat"),))
    check_clean(await hear(two, client))
    await check_followed(two, what)
    one = await gateway(world, (first,))
    await check_failed(one, await hear(one, client), status, outcome)
    assert two.pool.open_connections == 1, "that of the target that answered"
    assert one.pool.open_connections == 0
