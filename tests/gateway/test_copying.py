"""What a mirror gets of a request, over sockets: nothing that is another's."""

import json

import msgspec
import pytest

from sluice.config.plan import Backend, Entry
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.authorization import Authorization
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.guards import Guards, HeaderChange, TextRules
from sluice.policies.mirroring import Mirror
from sluice.policies.server import Server
from sluice.policies.shaping import Shaping
from tests.support.events import completion
from tests.support.plans import KEY, ai, plan, route, static
from tests.support.raw_client import CHAT, request
from tests.support.raw_upstream import Asked, Call, RawUpstream, sized
from tests.support.waiting import until
from tests.support.world import World

CLIENTS = [
    "Authorization: Bearer client-secret-1",
    "Cookie: sid=client-secret-2",
    "x-api-key: client-secret-3",
    "x-goog-api-key: client-secret-4",
    "api-key: client-secret-5",
    "x-private: client-secret-6",
]
MASK = AiPolicy(guards=Guards(request=(TextRules(builtins=("email",)),)))
MAIL = json.dumps({"model": "m", "messages": [{"role": "user", "content": "to bob@corp.example"}]}).encode()


def sets(**headers: str) -> Shaping:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Shaping(request_headers=HeaderChange(set=pairs))


async def copied(world: World, entry: Entry, copy: RawUpstream, body: bytes = CHAT, path: str = "/openai") -> Asked:
    """Ask once, with all the credentials that a client could have; return what the mirror got."""
    serving = await world.gateway(plan(entry))
    answer = await (await world.client(serving)).ask(request(body, path=f"{path}?key=client-secret-7", headers=CLIENTS))
    assert answer.status == 200
    await until(lambda: len(copy.asked) == 1)
    return copy.asked[0]


async def test_plain_http_gets_no_credential_of_what_goes_to_a_provider(world: World) -> None:
    first, copy = await world.upstream(sized(completion())), await world.upstream(sized(b"{}"))
    to = msgspec.structs.replace(static(copy.port, "copy"), shaping=sets(x_mine="yes"))
    rule = sets(x_team="a", authorization="Bearer for-the-provider", x_vendor_token="for-the-provider")
    backend = msgspec.structs.replace(ai(first.port), shaping=sets(x_vendor="for-the-provider"))
    asked = await copied(world, route("/openai", backend, shaping=rule, mirrors=(Mirror(backend=to),)), copy)
    assert b"client-secret" not in asked.raw
    assert b"for-the-provider" not in asked.raw
    assert KEY.encode() not in asked.raw
    assert (asked.header("x-team"), asked.header("x-mine")) == ("a", "yes")
    assert asked.header("host") == f"127.0.0.1:{copy.port}"
    assert asked.header("content-type") == "application/json"
    assert asked.header("x-forwarded-for") is None
    assert json.loads(asked.body) == json.loads(CHAT)
    assert b"x-vendor: for-the-provider" in first.asked[0].raw


@pytest.mark.parametrize("path", ["/openai", "/openai/v1/embeddings"])
async def test_a_provider_gets_its_own_headers_and_no_other_backends(world: World, path: str) -> None:
    first, copy = await world.upstream(sized(completion())), await world.upstream(sized(completion()))
    to = msgspec.structs.replace(ai(copy.port, "copy", key="sk-of-the-copy"), shaping=sets(x_mine="yes"), ai=MASK)
    backend = msgspec.structs.replace(ai(first.port), shaping=sets(x_vendor="for-the-provider"))
    body = MAIL if path == "/openai" else b'{"model":"m","input":"to bob@corp.example"}'
    entry = route("/openai", backend, shaping=sets(x_vendor_key="for-the-provider"), mirrors=(Mirror(backend=to),))
    asked = await copied(world, entry, copy, body, path)
    assert b"client-secret" not in asked.raw
    assert b"for-the-provider" not in asked.raw
    assert (asked.header("authorization"), asked.header("x-mine")) == ("Bearer sk-of-the-copy", "yes")
    assert b"<EMAIL_ADDRESS>" in asked.body
    assert b"bob@corp.example" in first.asked[0].body, "the mirror's guards are the mirror's"
    assert first.asked[0].header("x-mine") is None


async def test_from_plain_to_plain_the_request_crosses_without_what_its_backend_sets(world: World) -> None:
    first, copy = await world.upstream(sized(b"{}")), await world.upstream(sized(b"{}"))
    backend = msgspec.structs.replace(static(first.port), shaping=sets(x_vendor="for-the-first"))
    to = msgspec.structs.replace(static(copy.port, "copy"), shaping=sets(x_mine="yes"))
    asked = await copied(world, route("/openai", backend, mirrors=(Mirror(backend=to),)), copy)
    assert b"for-the-first" not in asked.raw
    assert (asked.header("x-private"), asked.header("x-mine")) == ("client-secret-6", "yes")
    assert b"x-vendor: for-the-first" in first.asked[0].raw


NOBODY = Access(authorization=Authorization(deny=("true",)))


@pytest.mark.parametrize("kind", ["provider", "plain"])
async def test_who_may_not_ask_the_mirror_is_not_copied(world: World, kind: str) -> None:
    first, copy = await world.upstream(sized(completion())), await world.upstream(sized(completion()))
    own: Backend = ai(copy.port, "copy") if kind == "provider" else static(copy.port, "copy")
    to = msgspec.structs.replace(own, access=NOBODY)
    serving = await world.gateway(plan(route("/openai", ai(first.port), mirrors=(Mirror(backend=to),))))
    assert (await (await world.client(serving)).ask(request(CHAT))).status == 200
    await until(lambda: serving.metric("mirrored_requests_total", 'backend="test/copy"', 'result="dropped"') == 1)
    assert copy.asked == []


@pytest.mark.parametrize("kind", ["provider", "plain"])
async def test_what_a_policy_says_of_the_client_is_copied_without_credentials(world: World, kind: str) -> None:
    async def says(call: Call) -> None:
        await call.request()
        call.send(
            b"HTTP/1.1 200 OK\r\nx-who: ada\r\nauthorization: Bearer for-the-backend\r\ncontent-length: 0\r\n\r\n"
        )

    service = await world.upstream(says)
    first, copy = await world.upstream(sized(completion())), await world.upstream(sized(completion()))
    to: Backend = ai(copy.port, "copy", key=None) if kind == "provider" else static(copy.port, "copy")
    asks = ExternalAuth(server=Server(host="127.0.0.1", port=service.port), to_provider=("x-who", "authorization"))
    backend = ai(first.port, key=None)
    entry = route("/openai", backend, access=Access(external=(asks,)), mirrors=(Mirror(backend=to),))
    asked = await copied(world, entry, copy)
    assert asked.header("x-who") == "ada"
    assert b"for-the-backend" not in asked.raw
    assert b"client-secret" not in asked.raw
    assert b"Bearer for-the-backend" in first.asked[0].raw
