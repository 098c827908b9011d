"""Secrets: whoever is asked may quote them as it likes, and whoever looks anywhere finds none."""

from base64 import b64encode
from hashlib import sha1, sha256
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from sluice.config.dump import dump
from sluice.config.plan import AiBackend, Plan
from sluice.providers.credential import Credential, Placement, Secret
from tests.support.command import Sluice, rewrite
from tests.support.events import DONE, ROLE
from tests.support.http_answer import Answer
from tests.support.plans import ai, to_provider
from tests.support.raw_client import CHAT, STREAM, RawClient, get, request
from tests.support.raw_upstream import Asked, Call, chunk, chunked_head, sized, streamed
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

MAIN, QUERY, COOKIE, HEADER = "sk-c4n4ry-main", "q/c4n4ry+query&", "c4n4ry-cookie", "c4n4ry-header"
EVERY = (MAIN, QUERY, quote(QUERY, safe=""), COOKIE, HEADER)


def credentials() -> tuple[Credential, ...]:
    return (
        Credential(secret=Secret(QUERY), placement=Placement("sub key", "", "query")),
        Credential(secret=Secret(COOKIE), placement=Placement("sid", "", "cookie")),
        Credential(secret=Secret(f"Token {HEADER}"), placement=Placement("X-Sub", "Token ", "header")),
    )


def everywhere(port: int) -> Plan:
    """A target with a credential in each place where one may go."""
    backend = ai(port, key=MAIN)
    (target,) = backend.groups[0]
    groups = ((msgspec.structs.replace(target, credentials=credentials()),),)
    return to_provider(0, backend=AiBackend(name=backend.name, groups=groups))


def quoting(asked: Asked) -> str:
    """The whole head, as debugging proxies show it, and each credential by itself."""
    return f"{asked.raw.decode()} {' '.join(EVERY)}"


async def refuses(call: Call) -> None:
    error = {"message": quoting(await call.request()), "type": quoting_briefly(), "code": COOKIE, "param": HEADER}
    call.send(sized(msgspec.json.encode({"error": error}), status="403 Forbidden"))


async def shows_a_page(call: Call) -> None:
    page = f"<pre>{quoting(await call.request())}</pre>"
    call.send(sized(page.encode(), status="502 Bad Gateway", content_type="text/html"))


async def says_it_in_the_stream(call: Call) -> None:
    error = msgspec.json.encode({"error": {"message": quoting(await call.request()), "code": quoting_briefly()}})
    call.send(streamed(ROLE, b"data: " + error + b"\n\n", DONE))


async def speaks_no_http(call: Call) -> None:
    await call.request()
    call.send(f"{HEADER} {QUERY}\r\n\r\n".encode())
    call.fin()


async def sends_no_json(call: Call) -> None:
    call.send(chunked_head(), chunk(f"data: {{{quoting(await call.request())!r}\n\n".encode()))
    call.fin()


def quoting_briefly() -> str:
    return f"{QUERY} {quote(QUERY, safe='')}"


def seen_by(serving: Serving, answer: Answer) -> str:
    """All that anybody but the provider gets to see."""
    serving.heard.flush()
    texts = [answer.body, *serving.heard.lines, serving.exposition().encode()]
    plan = msgspec.json.encode(dump(serving.gateway.active.plan))
    return "\n".join(
        [*(text.decode() for text in (*texts, plan)), repr(serving.records), repr(answer.head), repr(serving.heard.log)]
    )


@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("play", [refuses, shows_a_page, says_it_in_the_stream, speaks_no_http, sends_no_json])
async def test_a_provider_that_quotes_a_credential_of_any_place_tells_nobody(
    world: World, play: object, asks: bytes
) -> None:
    upstream = await world.upstream(play)  # type: ignore[arg-type]
    serving = await world.gateway(everywhere(upstream.port))
    answer = await (await world.client(serving)).ask(request(asks))
    head = upstream.asked[0].raw.decode()
    assert f"?sub%20key={quote(QUERY, safe='')}" in head
    assert f"sid={COOKIE}" in head
    assert f"Token {HEADER}" in head
    assert f"Bearer {MAIN}" in head
    assert (await serving.record()).outcome != "completed"
    assert "c4n4ry" not in seen_by(serving, answer)


async def test_a_clients_own_credential_is_not_told_to_anybody_else_either(world: World) -> None:
    upstream = await world.upstream(refuses)
    plan = to_provider(0, backend=ai(upstream.port, key=None, passthrough=True))
    serving = await world.gateway(plan)
    answer = await (await world.client(serving)).ask(request(headers=[f"Authorization: Bearer {MAIN}"]))
    assert upstream.asked[0].header("authorization") == f"Bearer {MAIN}"
    assert (await serving.record()).outcome != "completed"
    assert MAIN not in seen_by(serving, answer)


# -- the real command -------------------------------------------------------------------------------------------------

MODELS = """
llm:
  models: [{name: "*", provider: openAI, params: {apiKey: $K, baseUrl: "http://127.0.0.1:1"}}]
  policies:
    apiKey: {keys: [{key: sk-c4n4ry-client, metadata: {team: a}}]}
    basicAuth: {mode: optional, htpasswd: "u:HASH"}
"""
SHA = "{SHA}" + b64encode(sha1(b"123456").digest()).decode()


async def test_no_door_and_no_line_of_the_log_tells_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(MODELS.replace("HASH", SHA))
    async with Sluice("-f", str(file), env={"K": MAIN, "OPENAI_API_KEY": MAIN, "LOG_LEVEL": "debug"}) as sluice:
        async with await sluice.client() as client:
            for key in ("sk-c4n4ry-client", "sk-c4n4ry-wrong"):
                path = f"/v1/chat/completions?key={key}"
                assert (await client.ask(request(path=path))).status in (401, 503)
        shown = ""
        for door, paths in {
            "admin": ("/config_dump", "/status", "/logging"),
            "stats": ("/metrics", "/stats/prometheus"),
            "readiness": ("/healthz/ready",),
        }.items():
            for path in paths:
                answer = await sluice.ask(door, path)
                assert answer.status == 200
                shown += answer.body.decode()
        assert (await sluice.ask("readiness", "/healthz/ready")).body == b"ready\n", "it knows nothing to tell"
        for door in ("stats", "readiness"):
            assert (await sluice.ask(door, "/config_dump")).status == 404
        await sluice.request_line(2)
        shown += sluice.stderr + repr(sluice.lines)
    assert "Secret(***)" in shown or "***" in shown
    assert "c4n4ry" not in shown
    assert SHA not in shown


async def test_a_hash_is_no_password_and_no_key(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(MODELS.replace("HASH", SHA))
    digest = sha256(b"sk-c4n4ry-client").hexdigest()
    right = "x-api-key: sk-c4n4ry-client"

    def basic(password: str) -> str:
        return f"Authorization: Basic {b64encode(f'u:{password}'.encode()).decode()}"

    async with Sluice("-f", str(file), env={"K": MAIN}) as sluice, await sluice.client() as client:
        for headers, status in (
            ([right], 503),
            ([right, basic("123456")], 503),
            ([right, basic(SHA)], 401),
            ([right, basic(SHA.removeprefix("{SHA}"))], 401),
            ([f"x-api-key: {digest}"], 401),
            ([f"x-api-key: sha256:{digest}"], 401),
        ):
            answer = await client.ask(request(path="/v1/chat/completions", headers=headers))
            assert answer.status == status, (headers, answer.body)


async def test_no_page_asks_the_admin_door(tmp_path: Path) -> None:
    for workers in ("1", "2"):
        async with Sluice("--workers", workers) as sluice, await RawClient.connect(sluice.side["admin"]) as client:
            level = b"/logging?level=debug"
            pages = (
                "Origin: http://evil.test",
                "Origin: null",
                "Origin: http://localhost",
                "Sec-Fetch-Site: cross-site",
            )
            for line in pages:
                asked = request(b"", method="POST", path=level.decode(), host="localhost", headers=[line])
                assert (await client.ask(asked)).status == 403
            assert (await client.ask(get("/config_dump").replace(b"gateway.test", b"evil.test"), "GET")).status == 400
            assert b'"info"' in (await sluice.ask("admin", "/logging")).body


# -- secrets that are not there ---------------------------------------------------------------------------------------

POLICY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec: {gatewayClassName: sluice, listeners: [{name: http, port: 8080, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{name: g}]
  rules: [{backendRefs: [{name: b, group: agentgateway.dev, kind: AgentgatewayBackend}]}]
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {name: b}
spec: {static: {host: localhost, port: 1}}
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]
  traffic: {apiKeyAuthentication: {secretRef: {name: %s}}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {alice: sk-alice}
"""


async def test_a_secret_of_keys_that_is_gone_fails_the_route_and_is_said(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(POLICY % "keys")
    missing = "Nobody is let in by an API key: Secret default/gone not found."
    asks = request(headers=["x-api-key: sk-alice"])
    async with Sluice("-f", str(file)) as sluice, await sluice.client() as client:
        assert (await client.ask(asks)).status == 503, "the backend's own"
        rewrite(file, POLICY % "gone")
        await until(lambda: "configuration reloaded" in sluice.messages())
        assert missing in sluice.messages()
        answer = await client.ask(asks)
        assert (answer.status, b"the API keys cannot be had" in answer.body) == (503, True)
        assert (await client.ask(request())).status == 401
        await until(lambda: len(sluice.requests()) == 3)
        assert [(line.get("http.status"), line.get("reason")) for line in sluice.requests()][1:] == [
            (503, "APIKeyAuth"),
            (401, "APIKeyAuth"),
        ]
        assert b"Secret default/gone not found" in (await sluice.ask("admin", "/status")).body
        rewrite(file, POLICY % "keys")
        await until(lambda: sluice.messages().count("configuration reloaded") == 2)
        assert b"cannot be had" not in (await client.ask(asks)).body
    async with Sluice("-f", str(file)) as sluice:
        assert missing not in sluice.stderr
    file.write_text(POLICY % "gone")
    async with Sluice("-f", str(file)) as sluice:
        assert missing in sluice.stderr
