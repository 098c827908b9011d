"""gateway.mirroring, over sockets: copies that nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from sluice.config.plan import Endpoint, Target
from sluice.errors import BadRequest, Forbidden, GuardRejected, PolicyUnavailable, SluiceError, Unreachable
from sluice.gateway import mirroring
from sluice.gateway.mirroring import Mirrors
from sluice.gateway.outbound import Draft, Outbound
from sluice.net.pool import Pool
from sluice.policies.health import Health, TargetHealth
from sluice.policies.mirroring import MAX_ANSWER_BYTES, MAX_AT_ONCE, MAX_BYTES, Result
from sluice.providers.credential import AwsKeys, CloudAuth, Secret
from sluice.providers.openai import OPENAI
from sluice.wire.http1 import Header
from tests.support.plans import here
from tests.support.raw_upstream import Call, chunk, chunked_head, sized
from tests.support.waiting import until
from tests.support.world import World

ASKED = b"POST /v1 HTTP/1.1\r\nhost: mirror\r\ncontent-length: 4\r\n\r\nbody"


async def asked() -> bytes:
    return ASKED


class Signing:
    """A signer that says what it was asked to sign."""

    async def sign(self, auth: CloudAuth, *, body: bytes, **_: object) -> list[Header]:
        await asyncio.sleep(0)
        return [(b"x-signature", b"%d" % len(body))]


class Rig:
    """Mirrors with a pool of their own, and what they told."""

    def __init__(self, *, time_s: float = 5.0) -> None:
        self.pool = Pool()
        self.told: list[tuple[str, Result]] = []
        self.faults: list[BaseException] = []
        count: Callable[[str, Result], None] = lambda name, result: self.told.append((name, result))  # noqa: E731
        self.mirrors = Mirrors(self.pool, Signing(), count, self.faults.append, time_s=time_s)

    def send(self, port: int, *, expects_body: bool = True) -> None:
        self.mirrors.send("ns/mirror", here(port), len(ASKED), asked, expects_body=expects_body)

    async def results(self, count: int = 1) -> list[Result]:
        await until(lambda: len(self.told) >= count and not self.mirrors.running)
        assert [name for name, _ in self.told] == ["ns/mirror"] * count
        return [result for _, result in self.told]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    rig.mirrors.close()
    await until(lambda: not rig.mirrors.running)
    rig.pool.close()
    assert not rig.faults


async def test_a_copy_arrives_and_its_answer_is_thrown_away(world: World, rig: Rig) -> None:
    upstream = await world.upstream(sized(b"x" * 100_000, status="500 Oops"))
    rig.send(upstream.port)
    assert not upstream.asked, "nobody waits for it"
    assert await rig.results() == ["sent"]
    assert (upstream.asked[0].line, upstream.asked[0].body) == ("POST /v1 HTTP/1.1", b"body")
    rig.send(upstream.port)
    assert await rig.results(2) == ["sent", "sent"]
    assert len(upstream.calls) == 1, "the connection is used again"


async def test_nothing_that_a_mirror_does_is_raised(world: World, rig: Rig) -> None:
    async def hangs_up(call: Call) -> None:
        await call.request()
        call.fin()

    async def breaks_off(call: Call) -> None:
        await call.request()
        call.send(sized(b"x" * 100)[:-50])
        call.fin()

    for play in (hangs_up, breaks_off):
        rig.send((await world.upstream(play)).port)
    nobody = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
    port = nobody.sockets[0].getsockname()[1]
    nobody.close()
    await nobody.wait_closed()
    rig.send(port)
    assert await rig.results(3) == ["failed"] * 3


async def test_a_mirror_that_takes_too_long_is_given_up(world: World) -> None:
    async def silent(call: Call) -> None:
        await call.request()
        await call.gone()

    rig = Rig(time_s=0.05)
    upstream = await world.upstream(silent)
    rig.send(upstream.port)
    assert await rig.results() == ["failed"]
    await until(lambda: not upstream.open_connections)
    assert rig.pool.open_connections == 0


async def test_an_answer_without_end_is_not_read_to_its_end(world: World, rig: Rig) -> None:
    async def endless(call: Call) -> None:
        await call.request()
        call.send(chunked_head(content_type="text/plain"))
        for _ in range(MAX_ANSWER_BYTES // (1 << 20) + 64):
            call.send(chunk(b"x" * (1 << 20)))
            await call.writer.drain()
        raise AssertionError("nobody stopped it")

    upstream = await world.upstream(endless)
    rig.send(upstream.port)
    assert await rig.results() == ["sent"]
    await until(lambda: not upstream.open_connections)


async def test_there_are_never_more_than_so_many(world: World, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(call: Call) -> None:
        await call.request()
        await call.gone()

    monkeypatch.setattr("sluice.policies.mirroring.MAX_AT_ONCE", 3)
    assert MAX_AT_ONCE > 3
    upstream = await world.upstream(silent)
    for _ in range(5):
        rig.send(upstream.port)
    assert rig.told == [("ns/mirror", "dropped")] * 2
    rig.mirrors.close()
    assert sorted(await rig.results(5)) == ["dropped", "dropped", "failed", "failed", "failed"]
    rig.send(upstream.port)
    await until(lambda: len(upstream.asked) == 1)
    rig.mirrors.close()
    assert (await rig.results(6))[-1] == "failed"


@pytest.mark.parametrize("error", [Forbidden("no"), PolicyUnavailable("no verdict", reason="Guardrail")])
async def test_a_copy_that_policies_do_not_want_is_dropped(world: World, rig: Rig, error: SluiceError) -> None:
    async def refused() -> bytes:
        raise error

    upstream = await world.upstream(sized(b"{}"))
    rig.mirrors.send("ns/mirror", here(upstream.port), 4, refused)
    assert await rig.results() == ["dropped"]
    assert not upstream.asked


async def test_an_answer_to_head_has_no_body(world: World, rig: Rig) -> None:
    upstream = await world.upstream(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
    rig.send(upstream.port, expects_body=False)
    assert await rig.results() == ["sent"]


@pytest.mark.parametrize("signs", [True, False])
async def test_what_was_drafted_for_a_target_is_signed_for_its_cloud(world: World, rig: Rig, *, signs: bool) -> None:
    upstream = await world.upstream(sized(b"{}"))
    keys = AwsKeys(access_key_id="a", secret_access_key=Secret("b"), region="r")
    target = Target(name="t", provider=OPENAI, endpoint=here(upstream.port), cloud=keys if signs else None)

    async def drafted() -> Draft:
        await asyncio.sleep(0)
        return Draft("POST", "/converse", "h", b"host: h\r\n", b"drafted")

    rig.mirrors.send_draft("ns/mirror", Outbound(target, TargetHealth(Health())), 7, drafted)
    assert await rig.results() == ["sent"]
    (got,) = upstream.asked
    assert (got.line, got.body) == ("POST /converse HTTP/1.1", b"drafted")
    assert got.header("x-signature") == ("7" if signs else None)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (GuardRejected("no"), "dropped"),
        (PolicyUnavailable("not asked", reason="Guardrail"), "dropped"),
        (BadRequest("cannot be put to this one"), "dropped"),
        (Unreachable("no token to sign with"), "failed"),
    ],
)
async def test_a_copy_that_is_not_to_be_is_dropped(rig: Rig, error: SluiceError, result: Result) -> None:
    async def drafted() -> Draft:
        raise error

    target = Target(name="t", provider=OPENAI, endpoint=here(1))
    rig.mirrors.send_draft("ns/mirror", Outbound(target, TargetHealth(Health())), 7, drafted)
    assert await rig.results() == [result]
    rig.mirrors.drop("ns/mirror")
    assert await rig.results(2) == [result, "dropped"]


async def test_a_copy_has_its_room_while_its_guards_are_asked(rig: Rig) -> None:
    """Its size is that of the request; one beyond the room is dropped before a guard is asked."""
    asked = asyncio.Event()

    async def drafted() -> Draft:
        asked.set()
        return await asyncio.Future[Draft]()

    outbound = Outbound(Target(name="t", provider=OPENAI, endpoint=here(1)), TargetHealth(Health()))
    rig.mirrors.send_draft("ns/mirror", outbound, MAX_BYTES, drafted)
    await asked.wait()
    rig.mirrors.send_draft("ns/mirror", outbound, 1, drafted)
    assert rig.told == [("ns/mirror", "dropped")]
    rig.mirrors.close()
    assert await rig.results(2) == ["dropped", "failed"]


async def test_a_fault_of_ours_is_told(rig: Rig) -> None:
    class Broken:
        async def open(self, endpoint: Endpoint, request: bytes, **_: object) -> mirroring.Upstream:
            raise RuntimeError("a bug")

    mirrors = Mirrors(Broken(), Signing(), lambda *told: rig.told.append(told), rig.faults.append)  # type: ignore[arg-type]
    mirrors.send("ns/mirror", here(1), len(ASKED), asked)
    await until(lambda: not mirrors.running)
    assert rig.told == [("ns/mirror", "failed")]
    assert [str(fault) for fault in rig.faults] == ["a bug"]
    rig.faults.clear()
