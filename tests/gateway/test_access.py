"""gateway.access: keys and rules; who is who when several prove it; what is taken off and what is said."""

import pytest

from sluice.errors import Forbidden, Unauthenticated
from sluice.gateway.access import allow_model, visible
from sluice.policies.access import OPEN, Access
from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.authorization import Authorization
from sluice.policies.hidden import Hidden
from sluice.policies.jwt import Mode
from sluice.policies.location import Location
from sluice.policies.principal import NOBODY, Principal
from sluice.policies.value import Value
from tests.gateway.identity import Desk, desk_in, request, tokens
from tests.support.tokens import token
from tests.support.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await desk_in(world)


def key(name: str, **members: object) -> ApiKey:
    return ApiKey(id=name, digest=Hidden(digest_of(f"sk-{name}")), **members)  # type: ignore[arg-type]


def keys(mode: Mode = "strict", **members: object) -> Access:
    return Access(api_keys=ApiKeys(mode=mode, keys=(key("alice", **members), key("bob"))))


async def why(desk: Desk, access: Access, *headers: str, **members: object) -> tuple[int, str, str]:
    error = await desk.refusal(access, *headers, **members)
    return error.status, error.reason, str(error)


# -- keys -------------------------------------------------------------------------------------------------------------


async def test_where_nothing_is_said_everybody_is_let_in_as_they_are(desk: Desk) -> None:
    asked = request("authorization: Bearer sk-alice")
    admitted = await desk.control.check(OPEN, asked, desk.scene)
    assert admitted.request is asked
    assert admitted.principal is NOBODY


@pytest.mark.parametrize(
    ("header", "query"),
    [
        ("authorization: Bearer sk-alice", ""),
        ("x-api-key: sk-alice", ""),
        ("x-goog-api-key: sk-alice", ""),
        ("api-key: sk-alice", ""),
        ("x: y", "alt=sse&key=sk-alice"),
        ("authorization: Basic dTpw", "key=sk-alice"),
    ],
)
async def test_a_key_is_found_wherever_clients_of_the_published_apis_keep_it(
    desk: Desk, header: str, query: str
) -> None:
    admitted = await desk.admit(keys(), header, query=query)
    assert (admitted.principal.kind, admitted.principal.id) == ("api_key", "alice")
    assert "sk-alice" not in f"{admitted.request.headers!r}{admitted.request.query}"
    assert admitted.request.credential is not None
    assert admitted.request.credential.reveal() == "sk-alice"
    assert admitted.request.query == query.replace("&key=sk-alice", "").replace("key=sk-alice", "")


@pytest.mark.parametrize("mode", ["strict", "optional", "permissive"])
async def test_what_is_said_without_a_key_and_with_a_wrong_one(desk: Desk, mode: Mode) -> None:
    missing = (401, "APIKeyAuth", "api key authentication failure: no API Key found")
    wrong = (401, "APIKeyAuth", "api key authentication failure: invalid credentials")
    if mode == "strict":
        assert await why(desk, keys(mode)) == missing
    else:
        assert (await desk.admit(keys(mode))).principal is NOBODY
    for text in ("sk-mallory", "sk-alice2", "SK-ALICE", "sk-älice"):
        if mode == "permissive":
            assert (await desk.admit(keys(mode), f"x-api-key: {text}")).principal is NOBODY
        else:
            assert await why(desk, keys(mode), f"x-api-key: {text}") == wrong
    error = await desk.refusal(keys("strict"), "x-api-key: sk-mallory")
    assert error.headers == ((b"www-authenticate", b"Bearer"),)


async def test_of_several_credentials_the_first_that_is_a_key_counts(desk: Desk) -> None:
    admitted = await desk.admit(keys(), "authorization: Bearer other", "x-api-key: sk-bob", "api-key: sk-alice")
    assert admitted.principal.id == "bob"
    assert admitted.request.header(b"x-api-key") is None
    assert admitted.request.header(b"authorization") == "Bearer other"


async def test_a_key_is_taken_off_wherever_it_stands_and_what_is_none_stays(desk: Desk) -> None:
    headers = ("authorization: Bearer sk-alice", "x-api-key: sk-alice", "api-key: sk-bob", "x-goog-api-key: their-own")
    admitted = await desk.admit(keys(), *headers, query="a=1&key=sk-alice")
    assert admitted.principal.id == "alice"
    assert admitted.request.headers == ((b"host", b"llm.example"), (b"x-goog-api-key", b"their-own"))
    assert admitted.request.query == "a=1"


async def test_two_headers_with_a_key_are_a_bad_request(desk: Desk) -> None:
    assert (await why(desk, keys(), "x-api-key: sk-alice", "x-api-key: sk-bob"))[0] == 400


async def test_expressions_see_the_name_of_a_key_and_what_is_known_of_its_owner(desk: Desk) -> None:
    await desk.admit(keys(metadata={"group": "sales", "limits": {"rpm": 5}}), "x-api-key: sk-alice")
    assert (
        Value('apiKey.key_id + "/" + apiKey.group + "/" + string(apiKey.limits.rpm)').value(desk.scene)
        == "alice/sales/5"
    )


@pytest.mark.parametrize(("metadata", "name"), [({}, "alice"), ({"name": "Alice B."}, "Alice B.")])
async def test_every_key_has_a_name_that_expressions_see(desk: Desk, metadata: dict[str, object], name: str) -> None:
    """`key: apiKey.name` of a limit worked for virtual keys, and all others shared one bucket."""
    await desk.admit(keys(metadata=metadata), "x-api-key: sk-alice")
    assert Value("apiKey.name").value(desk.scene) == name


async def test_headers_of_a_keys_metadata_are_said_and_nobody_else_can_say_them(desk: Desk) -> None:
    access = keys(headers=(("x-org", "developers"),), metadata={"x-org": "developers"})
    admitted = await desk.admit(access, "x-api-key: sk-alice", "x-org: admins", "X-Org: root")
    assert [value for name, value in admitted.request.headers if name == b"x-org"] == [b"developers"]
    assert admitted.request.added == ((b"x-org", b"developers"),)
    other = await desk.admit(access, "x-api-key: sk-alice", "X_Org: admins", "x_other: kept")
    assert [name for name, _ in other.request.headers if name.endswith(b"org")] == [b"x-org"]  # one variable in CGI
    assert other.request.header(b"x_other") == "kept"
    assert Value('request.headers["x-org"]').value(desk.scene) == "developers"


@pytest.mark.parametrize("mode", ["optional", "permissive"])
async def test_who_has_no_key_cannot_say_what_keys_say(desk: Desk, mode: Mode) -> None:
    admitted = await desk.admit(keys(mode, headers=(("x-org", "developers"),)), "x-org: admins")
    assert admitted.principal is NOBODY
    assert admitted.request.header(b"x-org") is None
    assert Value('has(request.headers) && "x-org" in request.headers').value(desk.scene) is False
    bob = await desk.admit(keys(mode, headers=(("x-org", "developers"),)), "x-org: admins", "x-api-key: sk-bob")
    assert bob.request.header(b"x-org") is None


async def test_a_policy_without_keys_lets_nobody_in(desk: Desk) -> None:
    assert (await why(desk, Access(api_keys=ApiKeys()), "x-api-key: sk-alice"))[0] == 401


@pytest.mark.parametrize("mode", ["strict", "optional", "permissive"])
async def test_whether_a_key_is_right_nobody_can_tell_while_the_keys_are_not_there(desk: Desk, mode: Mode) -> None:
    access = Access(api_keys=ApiKeys(mode=mode, missing="Secret default/keys not found"))
    if mode == "permissive":
        assert (await desk.admit(access, "x-api-key: sk-alice")).principal is NOBODY
    else:
        unavailable = (503, "APIKeyAuth", "the API keys cannot be had")
        assert await why(desk, access, "x-api-key: sk-alice") == unavailable
    if mode == "strict":
        assert (await why(desk, access))[0] == 401
    else:
        assert (await desk.admit(access)).principal is NOBODY


def test_a_key_may_ask_for_its_models_alone_and_sees_no_others() -> None:
    alice = Principal(kind="api_key", id="alice", allowed_models=("gpt-4o", "claude-*"))
    allow_model(alice, "claude-x")
    allow_model(NOBODY, "anything")
    with pytest.raises(Forbidden) as caught:
        allow_model(alice, "gpt-4o-mini")
    assert (caught.value.status, caught.value.code, caught.value.param) == (403, "model_not_allowed", "model")
    rows = [("gpt-4o", "a"), ("gpt-4o-mini", "a"), ("claude-x", "b")]
    assert visible(alice, rows) == [rows[0], rows[2]]
    assert visible(NOBODY, rows) == rows


# -- several, and rules -----------------------------------------------------------------------------------------------


async def test_the_first_who_proves_it_gives_the_name_and_all_say_what_they_know(desk: Desk) -> None:
    both = tokens(api_keys=ApiKeys(keys=(key("alice", metadata={"team": "a"}, allowed_models=("gpt-4o",)),)))
    admitted = await desk.admit(both, f"authorization: Bearer {token()}", "x-api-key: sk-alice")
    who = admitted.principal
    assert (who.kind, who.id, who.metadata, who.allowed_models) == ("jwt", "user-id", {"team": "a"}, ("gpt-4o",))
    assert who.claims["org"] == "solo.io"
    assert admitted.request.header(b"authorization") is None
    assert admitted.request.header(b"x-api-key") is None
    assert admitted.request.credential is not None
    assert admitted.request.credential.reveal() == token()


async def test_who_may_not_is_told_so_and_nothing_more(desk: Desk) -> None:
    rules = Authorization(allow=('(jwt.org == "solo.io") && (jwt.team == "team-id")',))
    access = tokens(authorization=rules)
    assert (await desk.admit(access, f"authorization: Bearer {token()}")).principal.id == "user-id"
    said = await why(desk, access, f"authorization: Bearer {token(team='other')}")
    assert said == (403, "Authorization", "authorization failed")


async def test_rules_look_at_the_request_as_it_goes_on(desk: Desk) -> None:
    rules = Authorization(require=('!("x-api-key" in request.headers)', 'source.address == "192.0.2.7"'))
    access = Access(api_keys=keys().api_keys, authorization=rules)
    assert (await desk.admit(access, "x-api-key: sk-alice")).principal.id == "alice"


async def test_rules_may_look_at_the_model_before_the_request_is_read(desk: Desk) -> None:
    access = Access(authorization=Authorization(require=('llm.requestModel in ["gpt-4o"] && llm.streaming',)))
    await desk.admit(access)
    assert (await why(desk, access, body=b'{"model": "gpt-5", "stream": true}'))[0] == 403
    assert (await why(desk, access, body=b"no json"))[0] == 403


async def test_a_model_may_have_rules_of_its_own(desk: Desk) -> None:
    rules = Authorization(allow=('apiKey.group == "sales"',))
    desk.control.allow(Authorization(), desk.scene)
    await desk.admit(keys(metadata={"group": "sales"}), "x-api-key: sk-alice")
    for _ in range(2):
        desk.control.allow(rules, desk.scene)
    await desk.admit(keys(), "x-api-key: sk-bob")
    with pytest.raises(Forbidden, match="authorization failed"):
        desk.control.allow(rules, desk.scene)


async def test_a_key_for_a_place_of_its_own_is_not_looked_for_elsewhere(desk: Desk) -> None:
    vanity = Access(api_keys=ApiKeys(keys=(key("alice"),), locations=(Location(name="vanity-auth"),)))
    assert (await desk.admit(vanity, "vanity-auth: sk-alice")).principal.id == "alice"
    assert (await why(desk, vanity, "authorization: Bearer sk-alice"))[0] == 401


async def test_the_state_of_plans_that_are_gone_is_not_kept_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sluice.gateway import access as module

    monkeypatch.setattr(module, "MAX_POLICIES", 3)
    for _ in range(10):
        assert (await desk.admit(keys(), "x-api-key: sk-alice")).principal.id == "alice"
    assert len(desk.control._checks) <= 3


async def test_what_an_earlier_phase_found_out_and_took_off_holds_in_the_next(desk: Desk) -> None:
    early = tokens()
    first = await desk.admit(early, f"authorization: Bearer {token()}", "x-api-key: sk-alice")
    route = tokens(
        api_keys=ApiKeys(keys=(key("alice", metadata={"team": "a"}, headers=(("x-org", "developers"),)),)),
        authorization=Authorization(require=('jwt.team == "team-id"', 'apiKey.team == "a"')),
    )
    second = await desk.control.check(route, first.request, desk.scene, known=first.principal)
    assert (second.principal.id, second.principal.metadata) == ("user-id", {"team": "a"})
    assert second.request.credential == first.request.credential
    assert second.request.added == ((b"x-org", b"developers"),)


async def test_a_key_that_an_earlier_phase_took_off_is_not_missing_in_the_next(desk: Desk) -> None:
    first = await desk.admit(keys(), "x-api-key: sk-alice")
    second = await desk.control.check(keys(), first.request, desk.scene, known=first.principal)
    assert second.principal.id == "alice"
    with pytest.raises(Unauthenticated, match="no API Key found"):
        await desk.control.check(Access(api_keys=ApiKeys(keys=(key("bob"),))), first.request, desk.scene)
