"""gateway.access_jwt: keys that come, change and go, while tokens are verified with them."""

import asyncio
from pathlib import Path

import pytest

from sluice.errors import PolicyUnavailable, Unauthenticated
from sluice.policies.access import Access
from sluice.policies.jwt import Issuer, Jwt
from sluice.policies.server import Source
from tests.gateway.identity import Desk, desk_in, here, tokens
from tests.support.raw_upstream import Call, sized
from tests.support.tokens import KID, jwk, jwk_set, rsa_key, token
from tests.support.waiting import until
from tests.support.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await desk_in(world)


def bearer(text: str) -> str:
    return f"authorization: Bearer {text}"


async def why(desk: Desk, access: Access, *headers: str) -> str:
    error = await desk.refusal(access, *headers)
    assert isinstance(error, Unauthenticated)
    return str(error)


class Idp:
    """An issuer's server with one key set; it counts who asks."""

    def __init__(self) -> None:
        self.keys = jwk_set()
        self.status = "200 OK"
        self.held = asyncio.Event()
        self.held.set()

    async def play(self, call: Call) -> None:
        while True:
            await call.request()
            await self.held.wait()
            call.send(sized(self.keys.encode(), status=self.status))


@pytest.fixture
def idp() -> Idp:
    return Idp()


def remote(port: int) -> Source:
    return Source(server=here(port), target="/keys?set=1")


async def test_keys_are_fetched_when_the_first_token_comes_and_once_for_all_who_wait(
    world: World, desk: Desk, idp: Idp
) -> None:
    upstream = await world.upstream(idp.play)
    access = tokens(keys=remote(upstream.port))
    idp.held.clear()
    waiting = [asyncio.ensure_future(desk.admit(access, bearer(token(jti=str(n))))) for n in range(30)]
    await until(lambda: len(upstream.asked) == 1)
    idp.held.set()
    assert {admitted.principal.id for admitted in await asyncio.gather(*waiting)} == {"user-id"}
    assert [asked.line for asked in upstream.asked] == ["GET /keys?set=1 HTTP/1.1"]
    assert upstream.asked[0].header("host") == f"127.0.0.1:{upstream.port}"
    assert upstream.asked[0].header("authorization") is None


async def test_a_new_key_is_known_and_an_old_one_is_not_without_a_restart(world: World, desk: Desk, idp: Idp) -> None:
    upstream = await world.upstream(idp.play)
    access = tokens(keys=remote(upstream.port))
    old, new = token(), token(rsa_key("second"), kid="second")
    assert (await desk.admit(access, bearer(old))).principal.id == "user-id"
    idp.keys = jwk_set(jwk(rsa_key("second"), "second"))
    desk.passes(10)
    waiting = [desk.admit(access, bearer(new)) for _ in range(20)]
    assert {admitted.principal.id for admitted in await asyncio.gather(*waiting)} == {"user-id"}
    assert len(upstream.asked) == 2  # one look for all of them
    # The old key is gone: what was proven with it, and remembered, is proven no more.
    assert await why(desk, access, bearer(old)) == f'authentication failure: token uses the unknown key "{KID}"'


async def test_unknown_keys_are_looked_for_at_most_once_in_ten_seconds(world: World, desk: Desk, idp: Idp) -> None:
    upstream = await world.upstream(idp.play)
    access = tokens(keys=remote(upstream.port))
    await desk.admit(access, bearer(token()))
    for n in range(20):
        assert "unknown key" in await why(desk, access, bearer(token(kid=f"guess-{n}")))
    assert len(upstream.asked) == 1
    desk.passes(10)
    for n in range(20):
        assert "unknown key" in await why(desk, access, bearer(token(kid=f"guess-{n}")))
    assert len(upstream.asked) == 2
    desk.passes(10)
    assert "unknown key" in await why(desk, access, bearer(token(kid="guess", iss="evil")))
    assert len(upstream.asked) == 2  # nobody's token does not decide when keys are fetched


async def test_an_issuer_that_is_down_keeps_its_last_keys(world: World, desk: Desk, idp: Idp) -> None:
    upstream = await world.upstream(idp.play)
    access = tokens(keys=remote(upstream.port))
    await desk.admit(access, bearer(token()))
    idp.status = "503 Service Unavailable"
    desk.passes(301)
    assert (await desk.admit(access, bearer(token()))).principal.id == "user-id"
    await until(lambda: bool(desk.said))
    assert desk.said == ["127.0.0.1 answered with status 503"]
    assert (await desk.admit(access, bearer(token(jti="2")))).principal.id == "user-id"


async def test_an_issuer_that_withdraws_all_its_keys_is_believed(world: World, desk: Desk, idp: Idp) -> None:
    upstream = await world.upstream(idp.play)
    access = tokens(keys=remote(upstream.port))
    await desk.admit(access, bearer(token()))
    idp.keys = '{"keys": []}'
    desk.passes(10)
    assert "unknown key" in await why(desk, access, bearer(token(kid="new")))
    assert "unknown key" in await why(desk, access, bearer(token()))  # it was verified before
    assert "unknown key" in await why(desk, access, bearer(token(jti="2")))
    assert desk.said == ["what was read of 127.0.0.1/keys: there is nothing in it that can be used"]
    idp.keys = jwk_set()
    desk.passes(10)
    assert (await desk.admit(access, bearer(token()))).principal.id == "user-id"


@pytest.mark.parametrize("trouble", ["status", "nonsense", "too long", "gone", "missing"])
async def test_without_any_keys_nobody_can_tell_and_nobody_is_let_in(
    world: World, desk: Desk, idp: Idp, trouble: str
) -> None:
    upstream = await world.upstream(idp.play)
    source = remote(upstream.port)
    if trouble == "status":
        idp.status = "302 Found"
    elif trouble == "nonsense":
        idp.keys = '{"keys": {}}'
    elif trouble == "too long":
        idp.keys = " " * ((1 << 20) + 1)
    elif trouble == "gone":
        await upstream.close()
    else:
        source = Source(missing="Service default/idp not found")
    for mode in ("strict", "optional"):
        error = await desk.refusal(tokens(mode, keys=source), bearer(token()))
        assert isinstance(error, PolicyUnavailable)
        assert (error.status, error.reason) == (503, "JwtAuth")
        desk.passes(1)
    assert (await desk.admit(tokens("permissive", keys=source), bearer(token()))).principal.kind == "nobody"
    assert await why(desk, tokens(keys=source)) == "authentication failure: no bearer token found"


async def test_an_issuer_that_is_down_is_no_matter_of_the_others(world: World, desk: Desk, idp: Idp) -> None:
    upstream = await world.upstream(idp.play)
    idp.held.clear()
    other = Issuer(issuer="other", keys=remote(upstream.port))
    own = tokens().jwt
    assert own is not None
    access = Access(jwt=Jwt(issuers=(other, *own.issuers)))
    assert (await desk.admit(access, bearer(token()))).principal.id == "user-id"
    assert not upstream.asked
    idp.held.set()


async def test_a_key_set_in_a_file_is_read_anew_when_it_changes(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwk_set())
    access = tokens(keys=Source(path=str(file)))
    assert (await desk.admit(access, bearer(token()))).principal.id == "user-id"
    file.write_text(jwk_set(jwk(rsa_key("second"), "second")))
    desk.passes(1)
    assert (await desk.admit(access, bearer(token(rsa_key("second"), kid="second")))).principal.id == "user-id"
    assert "unknown key" in await why(desk, access, bearer(token()))
    file.unlink()
    desk.passes(1)
    await desk.admit(access, bearer(token(rsa_key("second"), kid="second")))
    assert desk.said == [f"the file {file} cannot be read: No such file or directory"]


@pytest.mark.parametrize("silence_s", [1, 12 * 3600])
async def test_a_key_that_was_taken_out_of_a_file_proves_nothing_however_long_nobody_asked(
    desk: Desk, tmp_path: Path, silence_s: float
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwk_set())
    access, old = tokens(keys=Source(path=str(file))), bearer(token(exp=4_000_000_000))
    await desk.admit(access, old)
    file.write_text(jwk_set(jwk(rsa_key("second"), "second")))
    desk.passes(silence_s)
    assert "unknown key" in await why(desk, access, old)


async def test_a_key_that_its_issuer_withdrew_proves_nothing_after_a_silence(
    world: World, desk: Desk, idp: Idp
) -> None:
    upstream = await world.upstream(idp.play)
    access, old = tokens(keys=remote(upstream.port)), bearer(token(exp=4_000_000_000))
    await desk.admit(access, old)
    idp.keys = jwk_set(jwk(rsa_key("second"), "second"))
    desk.passes(600)
    assert "unknown key" in await why(desk, access, old)
    assert len(upstream.asked) == 2


async def test_what_was_verified_before_is_proven_no_more_once_its_keys_cannot_be_had(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwk_set())
    access, old = tokens(keys=Source(path=str(file))), bearer(token(exp=4_000_000_000))
    await desk.admit(access, old)
    file.unlink()
    desk.passes(24 * 3600 - 1)
    assert (await desk.admit(access, old)).principal.id == "user-id"
    desk.passes(1)
    error = await desk.refusal(access, old)
    assert isinstance(error, PolicyUnavailable)
    assert (error.status, error.reason) == (503, "JwtAuth")


async def test_one_key_set_serves_all_policies_that_name_it(world: World, desk: Desk, idp: Idp) -> None:
    upstream = await world.upstream(idp.play)
    for _ in range(3):  # as after two reloads
        assert (await desk.admit(tokens(keys=remote(upstream.port)), bearer(token()))).principal.id == "user-id"
    assert len(upstream.asked) == 1
