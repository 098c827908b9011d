"""gateway.access_external, with real sockets: what the service is asked, what its answer does, when it is not asked."""

import asyncio

import msgspec
import pytest

from sluice.errors import Denied
from sluice.policies.access import Access
from sluice.policies.authorization import Authorization
from sluice.policies.external_auth import Cache, ExternalAuth
from sluice.policies.value import Value
from tests.gateway.identity import Desk, desk_in, here, tokens
from tests.support.raw_upstream import Call, RawUpstream, silent, sized, then_close
from tests.support.tokens import token
from tests.support.waiting import until
from tests.support.world import World

YES = sized(b"", "X-User: alice", "X-Limit: 5", "Set-Cookie: a=1")
NO = sized(b'{"why": "no"}', "X-Why: no", "WWW-Authenticate: Bearer", status="401 Unauthorized")


@pytest.fixture
async def desk(world: World) -> Desk:
    return await desk_in(world)


class Service:
    """An authorization service; `answer` may be changed between requests."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.upstream: RawUpstream

    async def play(self, call: Call) -> None:
        while True:
            await call.request()
            call.send(self.answer)

    def access(self, **members: object) -> Access:
        return Access(external=(ExternalAuth(server=here(self.upstream.port), **members),))  # type: ignore[arg-type]


async def serve(world: World, answer: bytes = YES) -> Service:
    service = Service(answer)
    service.upstream = await world.upstream(service.play)
    return service


async def test_the_service_sees_method_path_and_the_named_headers_and_nothing_else(world: World, desk: Desk) -> None:
    service = await serve(world)
    await desk.admit(service.access(), "authorization: Bearer x", "cookie: a=1", "x-team: t", method="PUT", query="a=b")
    (asked,) = service.upstream.asked
    assert asked.line == "PUT /v1/chat/completions?a=b HTTP/1.1"
    assert dict(asked.headers) == {
        "host": f"127.0.0.1:{service.upstream.port}",
        "accept-encoding": "identity",
        "authorization": "Bearer x",
        "content-length": "0",
    }
    assert asked.body == b""
    await desk.admit(service.access(request_headers=("x-team", "cookie")), "authorization: Bearer x", "X-Team: t")
    assert service.upstream.asked[1].header("x-team") == "t"
    assert service.upstream.asked[1].header("authorization") is None


async def test_a_yes_brings_headers_for_the_provider_and_for_the_client(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(
        to_provider=("x-user", "x-absent"), to_client=("x-limit",), metadata=(("id", "response.headers['x-user']"),)
    )
    admitted = await desk.admit(access, "X-User: mallory", "x-absent: forged", "x-other: kept")
    assert [value for name, value in admitted.request.headers if name == b"x-user"] == [b"alice"]
    assert admitted.request.added == ((b"x-user", b"alice"),)
    assert admitted.request.header(b"x-absent") is None  # only the service may say it
    assert admitted.request.header(b"x-other") == "kept"
    assert admitted.to_client == ((b"x-limit", b"5"),)
    assert (admitted.principal.kind, admitted.principal.id) == ("external", "alice")
    assert Value("extauthz.id + request.headers['x-user']").value(desk.scene) == "alicealice"
    assert Value("has(response.code)").value(desk.scene) is False


async def test_a_no_is_passed_on_with_status_headers_and_body(world: World, desk: Desk) -> None:
    service = await serve(world, NO)
    error = await desk.refusal(service.access())
    assert isinstance(error, Denied)
    assert (error.status, error.reason, error.body) == (401, "ExtAuth", '{"why": "no"}')
    own = ((b"x-why", b"no"), (b"www-authenticate", b"Bearer"))
    assert error.headers == ((b"content-type", b"application/json"), *own)
    service.answer = sized(b"", "Location: https://login.example/", status="302 Found")
    assert (await desk.refusal(service.access())).status == 302


@pytest.mark.parametrize(("status", "kept"), [("200 OK", 0), ("403 No", 64 << 10)])
async def test_a_body_that_is_too_long_decides_nothing(world: World, desk: Desk, status: str, kept: int) -> None:
    service = await serve(world, sized(b"x" * (200 << 10), status=status))
    if kept:
        error = await desk.refusal(service.access())
        assert (error.status, len(getattr(error, "body", ""))) == (403, kept)
    else:
        await desk.admit(service.access())


async def test_the_service_is_told_all_values_of_a_header(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(request_headers=("x-team", "cookie"))
    await desk.admit(access, "x-team: users", "x-team: admins", "cookie: a=1", "cookie: b=2")
    assert [service.upstream.asked[0].header(name) for name in ("x-team", "cookie")] == ["users, admins", "a=1; b=2"]


async def test_a_client_that_is_refused_may_be_sent_elsewhere(world: World, desk: Desk) -> None:
    service = await serve(world, NO)
    access = service.access(redirect='"https://login.example/?to=" + request.path')
    error = await desk.refusal(access)
    assert (error.status, error.headers) == (302, ((b"location", b"https://login.example/?to=/v1/chat/completions"),))
    service.answer = sized(b"", status="429 Too Many Requests")
    assert (await desk.refusal(access)).status == 429


@pytest.mark.parametrize("trouble", ["5xx", "silent", "closed", "nobody", "not found", "no http", "1xx path"])
async def test_a_service_that_fails_lets_in_only_if_the_operator_says_so(
    world: World, desk: Desk, trouble: str
) -> None:
    plays = {
        "silent": silent,
        "closed": then_close(b""),
        "no http": then_close(b"hello\r\n\r\n"),
        "5xx": then_close(sized(b"oops", status="500 Internal Server Error")),
    }
    upstream = await world.upstream(plays.get(trouble, silent))
    policy = ExternalAuth(server=here(upstream.port), timeout_s=0.2)
    if trouble == "nobody":
        await upstream.close()
    elif trouble == "not found":
        policy = msgspec.structs.replace(policy, server=None)
    elif trouble == "1xx path":
        policy = msgspec.structs.replace(policy, path="jwt.path")
    error = await desk.refusal(Access(external=(policy,)))
    assert (error.status, error.reason) == (503, "ExtAuth")
    assert str(error) == "the external authorization cannot be asked"
    policy = msgspec.structs.replace(policy, failure_status=403)
    assert (await desk.refusal(Access(external=(policy,)))).status == 403
    policy = msgspec.structs.replace(policy, fails_open=True)
    started = asyncio.get_running_loop().time()
    assert (await desk.admit(Access(external=(policy,)))).principal.kind == "external"
    assert asyncio.get_running_loop().time() - started < 2.0


async def test_path_headers_and_body_are_what_expressions_make_them(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(
        path='"/check" + request.path',
        body='{"model": json(request.body).model}',
        add_headers=(("x-model", "llm.requestModel"), ("x-fails", "jwt.none"), ("authorization", '"ours"')),
    )
    await desk.admit(access, "authorization: theirs")
    (asked,) = service.upstream.asked
    assert asked.line == "POST /check/v1/chat/completions HTTP/1.1"
    assert asked.json() == {"model": "gpt-4o"}
    assert (asked.header("x-model"), asked.header("x-fails"), asked.header("authorization")) == ("gpt-4o", None, "ours")


@pytest.mark.parametrize("path", ['"no-slash"', '"/a b"', '"/a\\r\\nx: y"', "1"])
async def test_a_path_that_is_none_is_a_failure_and_never_sent(world: World, desk: Desk, path: str) -> None:
    service = await serve(world)
    assert (await desk.refusal(service.access(path=path))).status == 503
    assert not service.upstream.asked


async def test_a_header_that_would_begin_a_line_of_its_own_is_never_sent(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(add_headers=(("x-a", '"a\\r\\nx-admin: true"'),))
    assert (await desk.refusal(access)).status == 503
    assert not service.upstream.asked


async def test_a_body_is_sent_as_far_as_the_operator_says(world: World, desk: Desk) -> None:
    service = await serve(world)
    body = b"0123456789"
    await desk.admit(service.access(body_bytes=10), body=body)
    assert service.upstream.asked[0].body == body
    assert service.upstream.asked[0].header("x-envoy-auth-partial-body") == "false"
    error = await desk.refusal(service.access(body_bytes=9), body=body)
    assert (error.status, len(service.upstream.asked)) == (413, 1)
    await desk.admit(service.access(body_bytes=9, partial_body=True), body=body)
    assert service.upstream.asked[1].body == body[:9]
    assert service.upstream.asked[1].header("x-envoy-auth-partial-body") == "true"


async def test_the_service_is_asked_after_the_token_and_before_the_rules(world: World, desk: Desk) -> None:
    service = await serve(world)
    external = service.access(add_headers=(("x-sub", "jwt.sub"),), metadata=(("tier", "'gold'"),)).external
    rules = Authorization(require=('extauthz.tier == "gold"', 'jwt.sub == "user-id"'))
    access = tokens(external=external, authorization=rules)
    admitted = await desk.admit(access, f"authorization: Bearer {token()}")
    (asked,) = service.upstream.asked
    assert asked.header("x-sub") == "user-id"
    assert asked.header("authorization") == f"Bearer {token()}"  # the operator lets the service see it
    assert (admitted.principal.kind, admitted.principal.id, admitted.principal.metadata) == (
        "jwt",
        "user-id",
        {"tier": "gold"},
    )
    assert (await desk.refusal(access)).status == 401
    assert len(service.upstream.asked) == 1


async def test_of_several_services_the_first_whose_condition_holds_is_asked(world: World, desk: Desk) -> None:
    first, second = await serve(world), await serve(world)
    gets = msgspec.structs.replace(first.access().external[0], condition='request.method == "GET"')
    for fallback in (second.access().external, ()):
        access = Access(external=(gets, *fallback))
        await desk.admit(access, method="GET", body=b"")
        await desk.admit(access)
    assert (len(first.upstream.asked), len(second.upstream.asked)) == (2, 1)


async def test_who_is_not_asked_about_cannot_say_what_the_service_says(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(condition='request.method == "GET"', to_provider=("x-user",))
    admitted = await desk.admit(access, "x-user: mallory")
    assert not service.upstream.asked
    assert admitted.request.header(b"x-user") is None


# -- memory -----------------------------------------------------------------------------------------------------------

BY_USER = ('request.headers["x-user"]', "request.path")


async def test_a_decision_holds_for_its_key_and_its_time(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(cache=Cache(key=BY_USER, ttl_s=60.0), to_provider=("x-user",))
    for _ in range(3):
        assert (await desk.admit(access, "x-user: a")).request.added == ((b"x-user", b"alice"),)
    assert len(service.upstream.asked) == 1
    await desk.admit(access, "x-user: b")
    await desk.admit(access, "x-user: a", path="/other")
    assert len(service.upstream.asked) == 3
    service.answer = NO
    desk.passes(59.9)
    await desk.admit(access, "x-user: a")
    desk.passes(0.1)
    for _ in range(2):
        assert (await desk.refusal(access, "x-user: a")).status == 401
    assert len(service.upstream.asked) == 4  # a no is remembered too


async def test_nothing_is_remembered_without_a_whole_key_or_of_a_failure(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(cache=Cache(key=BY_USER, ttl_s=60.0))
    await desk.admit(access)
    await desk.admit(access)
    assert len(service.upstream.asked) == 2
    service.answer = sized(b"", status="500 Internal Server Error")
    assert (await desk.refusal(access, "x-user: a")).status == 503
    service.answer = YES
    await desk.admit(access, "x-user: a")
    lists = service.access(cache=Cache(key=("[request.path]",), ttl_s=60.0))
    await desk.admit(lists)
    await desk.admit(lists)
    assert len(service.upstream.asked) == 6


async def test_keys_that_look_alike_are_different(world: World, desk: Desk) -> None:
    service = await serve(world)
    access = service.access(cache=Cache(key=("json(request.body)",), ttl_s=60.0))
    for body in (b"1", b"1.0", b"true", b'"1"', b"1"):
        await desk.admit(access, body=body)
    assert len(service.upstream.asked) == 4


async def test_the_service_may_say_how_long_its_decision_holds(world: World, desk: Desk) -> None:
    service = await serve(world, sized(b"", "X-For: 30"))
    ttl = 'duration(extauthz["for"] + "s")'
    access = service.access(cache=Cache(key=BY_USER, ttl=ttl), metadata=(("for", 'response.headers["x-for"]'),))
    for _ in range(2):
        await desk.admit(access, "x-user: a")
    desk.passes(30)
    await desk.admit(access, "x-user: a")
    assert len(service.upstream.asked) == 2
    service.answer = YES  # it does not say: nothing holds
    for _ in range(2):
        await desk.admit(access, "x-user: b")
    assert len(service.upstream.asked) == 4


async def test_a_client_that_leaves_takes_the_question_along(world: World, desk: Desk) -> None:
    upstream = await world.upstream(silent)
    access = Access(external=(ExternalAuth(server=here(upstream.port)),))
    asking = asyncio.ensure_future(desk.admit(access))
    await until(lambda: len(upstream.asked) == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: upstream.open_connections == 0)
    assert desk.pool.open_connections == 0
