"""gateway.access_check, tokens: modes, what is said, what is taken off, what is remembered."""

import json

import pytest

from sluice.errors import Unauthenticated
from sluice.policies.access import Access
from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.hidden import Hidden
from sluice.policies.jwt import Jwt, Mode
from sluice.policies.location import Location
from sluice.policies.value import Value
from tests.gateway.identity import WALL, Desk, desk_in, tokens
from tests.support.tokens import LAB_CLAIMS, rsa_key, token
from tests.support.world import World

NO_TOKEN = "authentication failure: no bearer token found"
INVALID = "authentication failure: the token is invalid or malformed: "


@pytest.fixture
async def desk(world: World) -> Desk:
    return await desk_in(world)


def bearer(text: str) -> str:
    return f"authorization: Bearer {text}"


async def why(desk: Desk, access: Access, *headers: str, **members: object) -> str:
    error = await desk.refusal(access, *headers, **members)
    assert isinstance(error, Unauthenticated)
    assert (error.status, error.reason) == (401, "JwtAuth")
    assert error.headers == ((b"www-authenticate", b"Bearer"),)
    return str(error)


async def test_a_valid_token_says_who_asks_and_is_taken_off(desk: Desk) -> None:
    admitted = await desk.admit(tokens(), bearer(token()), "x-other: kept")
    assert (admitted.principal.kind, admitted.principal.id) == ("jwt", "user-id")
    assert admitted.principal.claims == LAB_CLAIMS
    assert admitted.request.header(b"authorization") is None
    assert admitted.request.header(b"x-other") == "kept"
    assert admitted.request.credential is not None
    assert admitted.request.credential.reveal() == token()
    assert Value("jwt.team").value(desk.scene) == "team-id"
    assert Value('"authorization" in request.headers').value(desk.scene) is False
    assert token() not in repr(admitted)


@pytest.mark.parametrize("mode", ["strict", "optional", "permissive"])
async def test_who_sends_no_token_is_refused_only_where_one_is_needed(desk: Desk, mode: Mode) -> None:
    for headers in ((), ("authorization: Basic dTpw",), ("authorization: Bearer ",)):
        if mode == "strict":
            assert await why(desk, tokens(mode), *headers) == NO_TOKEN
        else:
            admitted = await desk.admit(tokens(mode), *headers)
            assert admitted.principal.kind == "nobody"
            assert Value("has(jwt.sub)").value(desk.scene) is False


@pytest.mark.parametrize("mode", ["strict", "optional", "permissive"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sk-no-token", "authentication failure: the token header is malformed"),
        (token(kid="solo-public-key-002"), 'authentication failure: token uses the unknown key "solo-public-key-002"'),
        (token(exp=int(WALL) - 60), f"{INVALID}it has expired"),
        (token(iss="evil"), f"{INVALID}its issuer is not accepted"),
        (token(rsa_key("attacker")), f"{INVALID}its signature is wrong"),
        (token(padding="x" * (16 << 10)), f"{INVALID}it has more than 16 KiB"),
        ("tökén.a.b", "authentication failure: the token header is malformed"),
    ],
)
async def test_a_token_that_proves_nothing_is_no_token_only_where_nobody_is_refused(
    desk: Desk, mode: Mode, text: str, said: str
) -> None:
    if mode == "permissive":
        admitted = await desk.admit(tokens(mode), bearer(text))
        assert admitted.principal.kind == "nobody"
        assert admitted.request.header(b"authorization") is not None
        assert admitted.request.credential is None
    else:
        assert await why(desk, tokens(mode), bearer(text)) == said


@pytest.mark.parametrize("mode", ["strict", "optional", "permissive"])
async def test_two_authorization_headers_are_a_bad_request(desk: Desk, mode: Mode) -> None:
    error = await desk.refusal(tokens(mode), bearer(token()), bearer(token()))
    assert error.status == 400
    assert "two headers `authorization`" in str(error)


@pytest.mark.parametrize(
    ("location", "headers", "members"),
    [
        (Location(name="x-token"), (f"x-token: {token()}",), {}),
        (Location(name="x-token", prefix="JWT "), (f"x-token: jwt {token()}",), {}),
        (Location(kind="query", name="jwt"), (), {"query": f"a=1&jwt={token()}&b=2"}),
        (Location(kind="cookie", name="jwt"), (f"cookie: a=1; jwt={token()}",), {}),
        (Location(kind="expression", name='request.headers["x-odd"].stripPrefix("t:")'), (f"x-odd: t:{token()}",), {}),
        (
            Location(kind="expression", name="json(request.body).token"),
            (),
            {"body": json.dumps({"token": token()}).encode()},
        ),
    ],
)
async def test_a_token_is_read_where_the_operator_says(
    desk: Desk, location: Location, headers: tuple[str, ...], members: dict[str, object]
) -> None:
    usual = tokens()
    assert usual.jwt is not None
    access = Access(jwt=Jwt(issuers=usual.jwt.issuers, location=location))
    admitted = await desk.admit(access, *headers, **members)
    assert admitted.principal.id == "user-id"
    if location.kind != "expression":
        assert token() not in f"{admitted.request.headers!r}{admitted.request.query}"
    assert await why(desk, access, bearer(token())) == NO_TOKEN


async def test_a_key_and_a_token_may_stand_in_the_same_header_where_neither_is_strict(desk: Desk) -> None:
    keys = ApiKeys(mode="optional", keys=(ApiKey(id="alice", digest=Hidden(digest_of("sk-alice"))),))
    either = tokens("optional", api_keys=keys)
    assert (await desk.admit(either, bearer("sk-alice"))).principal.id == "alice"
    assert (await desk.admit(either, bearer(token()))).principal.id == "user-id"
    assert (await desk.admit(either)).principal.kind == "nobody"
    assert (await desk.refusal(either, bearer("sk-mallory"))).status == 401
    assert await why(desk, either, bearer(token(iss="evil"))) == f"{INVALID}its issuer is not accepted"
    assert (await why(desk, tokens("strict", api_keys=keys), bearer("sk-alice"))).endswith("header is malformed")


# -- memory -----------------------------------------------------------------------------------------------------------


async def test_a_token_that_was_verified_is_not_verified_again_until_it_expires(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sluice.gateway import access_jwt

    calls: list[str] = []
    verify = access_jwt.verify
    monkeypatch.setattr(access_jwt, "verify", lambda text, *rest: (calls.append(text), verify(text, *rest))[1])
    access, text = tokens(), token(exp=int(WALL) + 100)
    for _ in range(5):
        assert (await desk.admit(access, bearer(text))).principal.id == "user-id"
    assert calls == [text]
    await why(desk, access, bearer(text[:-5] + "AAAAA"))  # the whole token counts, not its beginning
    assert len(calls) == 2
    desk.passes(131)
    assert await why(desk, access, bearer(text)) == f"{INVALID}it has expired"
    long = token(padding="x" * 8000)
    for _ in range(2):
        await desk.admit(access, bearer(long))
    assert calls.count(long) == 2
