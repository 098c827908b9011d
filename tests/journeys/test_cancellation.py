"""Five hundred clients leave at uniformly random moments of each phase of a request: the provider hears it within
250 ms (p99), and of none of them anything stays (stream-life, 3).

`test_aborts` has the same for moments of a whole request, ten thousand times. Here everybody is first brought to one
phase; then each leaves at a moment of its own, half of them with a reset. When the provider heard it is what its socket
was told; where no provider is there yet, it is when the gateway was done with the exchange.
"""

import asyncio
from pathlib import Path

import pytest

from sluice.config.plan import Tls
from sluice.policies.access import Access
from sluice.policies.admission import Admission
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.guards import Guards
from sluice.policies.retry import Retry
from sluice.policies.server import Server
from sluice.policies.streaming import Streaming
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import Pause, Script
from tests.gateway.judged import at
from tests.journeys.leavers import CLIENTS, WORDS, Scene
from tests.support.plans import here
from tests.support.raw_client import STREAM, request
from tests.support.raw_upstream import silent
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

SOON_S = 0.25
LONG_MS = 60_000
SYN_SENT = "02"
"""net/tcp_states.h, as /proc/net/tcp shows it."""


def connecting_to(port: int) -> int:
    """How many sockets of this machine wait for that port's answer to their SYN."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().split("\n")[1:] if line]
    return sum(row[2] == f"0100007F:{port:04X}" and row[3] == SYN_SENT for row in rows)


async def test_in_the_queue_for_admission(world: World) -> None:
    """Nobody is asked for them, and who is in does not notice."""
    scene = await Scene.open(world, admission=Admission(max_concurrent=1, max_queue=CLIENTS, queue_timeout_s=0))
    fake, serving = scene.fake, scene.serving
    fake.script(Script(end="stall", chunks=[b""]))
    first = await serving.client()
    first.send(request(STREAM))
    await until(lambda: fake.seen == 1)
    await scene.ask({})
    await until(lambda: len(serving.gateway.exchanges) == CLIENTS + 1)
    await scene.leave()
    assert scene.gateway_p99_s() < SOON_S
    assert (fake.seen, fake.open_streams, len(serving.gateway.exchanges)) == (1, 1, 1)
    first.close()
    await serving.record(CLIENTS + 1)
    await scene.look_around()


async def test_while_a_policy_asks_its_service(world: World) -> None:
    """One that takes the question and says nothing."""
    service = await world.upstream(silent)
    asks = ExternalAuth(server=Server(host="127.0.0.1", port=service.port), timeout_s=60)
    scene = await Scene.open(world, access=Access(external=(asks,)))
    await scene.ask({})
    await until(lambda: len(service.asked) == CLIENTS)
    await scene.leave()
    assert scene.gateway_p99_s() < SOON_S
    assert await until(lambda: service.open_connections == 0) < SOON_S
    assert scene.fake.seen == 0
    await scene.look_around()


async def test_while_a_guard_asks_its_judge(world: World) -> None:
    """About the request: nobody has been asked for an answer yet."""
    judge = await world.upstream(silent)
    guard = at(judge.port, timeout_s=60.0)
    scene = await Scene.open(world, ai=AiPolicy(guards=Guards(request=(guard,))), streaming=Streaming(keep_alive_s=0))
    await scene.ask({})
    await until(lambda: len(judge.asked) == CLIENTS)
    await scene.leave()
    assert scene.gateway_p99_s() < SOON_S
    assert await until(lambda: judge.open_connections == 0) < SOON_S
    assert scene.fake.seen == 0
    await scene.look_around()


async def test_while_connecting(world: World) -> None:
    """To an address that accepts nobody: the kernel sends SYN after SYN, until the socket is closed."""
    wall = await world.fake(Options(never_accept=True))
    scene = await Scene.open(world, to=here(wall.port), deadlines=Deadlines(connect_s=60))
    await scene.ask({})
    await until(lambda: scene.sockets_left == 3 * CLIENTS)  # theirs, the gateway's with them, those that connect
    assert connecting_to(wall.port) == CLIENTS
    await scene.leave()
    assert scene.gateway_p99_s() < SOON_S
    assert await until(lambda: scene.sockets_left <= 0) < SOON_S
    assert connecting_to(wall.port) == 0
    assert scene.fake.seen == 0
    await scene.look_around()


async def test_while_a_name_is_looked_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a resolver that does not answer."""
    scene = await Scene.open(world, to=here(443, host="provider.invalid"), deadlines=Deadlines(connect_s=60))
    looking = 0

    async def slow_resolver(*_: object, **__: object) -> None:
        nonlocal looking
        looking += 1
        try:
            await asyncio.sleep(60)
        finally:
            looking -= 1

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", slow_resolver)
    await scene.ask({})
    await until(lambda: looking == CLIENTS)
    await scene.leave()
    assert scene.gateway_p99_s() < SOON_S
    assert looking == 0
    monkeypatch.undo()
    await scene.look_around()


async def test_in_the_tls_handshake(world: World) -> None:
    """With a provider that takes our greeting and says nothing."""
    upstream = await world.upstream(silent)
    scene = await Scene.open(world, to=here(upstream.port, tls=Tls()), deadlines=Deadlines(connect_s=60))
    await scene.ask({})
    await until(lambda: upstream.open_connections == CLIENTS)
    await scene.leave()
    assert scene.gateway_p99_s() < SOON_S
    assert await until(lambda: upstream.open_connections == 0) < SOON_S
    await scene.look_around()


async def test_while_the_head_is_awaited(world: World) -> None:
    scene = await Scene.open(world, streaming=Streaming(keep_alive_s=0))
    await scene.ask({"head_delay_ms": LONG_MS})
    await until(lambda: scene.fake.open_streams == CLIENTS)
    await scene.leave()
    assert await scene.provider_p99_s() < SOON_S
    await scene.look_around()


async def test_before_the_first_token(world: World) -> None:
    """The head and a role have come, and are held."""
    scene = await Scene.open(world, streaming=Streaming(keep_alive_s=0))
    await scene.ask({"gap_ms": [0, LONG_MS]}, streams=True)
    await until(lambda: sum(sight.events for sight in scene.fake.sights) == CLIENTS)
    await scene.leave()
    assert not any(asker.heard for asker in scene.askers)
    assert await scene.provider_p99_s() < SOON_S
    await scene.look_around()


async def test_mid_stream(world: World) -> None:
    scene = await Scene.open(world)
    await scene.ask({"gap_ms": [0, 0, 200]}, streams=True)
    await until(lambda: all(b"word" in asker.heard for asker in scene.askers))
    await scene.leave()
    assert await scene.provider_p99_s() < SOON_S
    assert all(0 < sight.events < len(WORDS.split()) for sight in scene.fake.sights)
    await scene.look_around()


async def test_while_a_whole_answer_comes(world: World) -> None:
    """Its head has come, and half of its body."""
    scene = await Scene.open(world)
    await scene.ask({"at": {"byte": 100}, "end": "stall"})
    await until(lambda: all(sight.body_bytes == 100 for sight in scene.fake.sights))
    await until(lambda: scene.fake.open_streams == CLIENTS)
    await scene.leave()
    assert await scene.provider_p99_s() < SOON_S
    await scene.look_around()


async def test_while_another_attempt_is_waited_for(world: World) -> None:
    """The provider is busy, and will be asked again in a minute: it never is."""
    scene = await Scene.open(world, retry=Retry(attempts=3, backoff_s=60), streaming=Streaming(keep_alive_s=0))
    await scene.ask({"status": 503})
    await until(lambda: scene.fake.finished == CLIENTS and not scene.fake.open_streams)
    # Their connections are back in the pool: each of them waits for time, and for nothing else.
    await until(lambda: scene.serving.pool.resting_connections == scene.serving.pool.open_connections)
    await scene.leave()
    assert scene.gateway_p99_s() < SOON_S
    assert scene.fake.seen == CLIENTS
    await scene.look_around()


async def test_while_a_refusal_is_read(world: World) -> None:
    """A status has come and half of what the provider says to it."""
    scene = await Scene.open(world)
    half = Script(status=503, chunks=[b'{"error": {"mess', Pause(60)], length=100)
    scene.fake.script(*[half] * CLIENTS)
    await scene.ask({})
    await until(lambda: sum(sight.body_bytes > 0 for sight in scene.fake.sights) == CLIENTS)
    await scene.leave()
    assert await scene.provider_p99_s() < SOON_S
    await scene.look_around()


async def test_while_keep_alives_are_sent(world: World) -> None:
    """The client has its 200, the provider has said nothing."""
    scene = await Scene.open(world, streaming=Streaming(keep_alive_s=0.1, commit_after_s=0.1))
    await scene.ask({"head_delay_ms": LONG_MS}, streams=True)
    await until(lambda: all(b": keep-alive" in asker.heard for asker in scene.askers))
    await scene.leave()
    assert await scene.provider_p99_s() < SOON_S
    await scene.look_around()


async def test_read_on_after_they_left(world: World) -> None:
    """Where the policy reads on, a bounded number is, for a bounded time; the others are cut as ever."""
    at_once, reads_on_s = 50, 0.5
    streaming = Streaming(on_disconnect="drain", drain_s=reads_on_s, drain_concurrent=at_once)
    scene = await Scene.open(world, streaming=streaming)
    await scene.ask({"gap_ms": [0, 0, 200]}, streams=True)
    await until(lambda: all(b"word" in asker.heard for asker in scene.askers))
    most = 0

    async def watch() -> None:
        nonlocal most
        while len(scene.serving.records) < CLIENTS:
            most = max(most, scene.serving.gateway.reading_on)
            await asyncio.sleep(0.001)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        await scene.leave()
    assert most == at_once
    assert await scene.provider_p99_s() < reads_on_s + SOON_S
    assert scene.gateway_p99_s() < reads_on_s + SOON_S
    await scene.look_around()
