"""Which headers cross, both ways, and where a credential is seen: by the provider, and by nobody else."""

import gzip
import re

import msgspec
import pytest

from sluice.config.dump import dump
from sluice.providers.credential import HeaderPlacement
from tests.support.events import WHOLE_STREAM, completion
from tests.support.http_answer import Answer, error_of
from tests.support.plans import KEY, ai, to_provider
from tests.support.raw_client import CHAT, STREAM, get, request
from tests.support.raw_upstream import RawUpstream, sized, streamed, then_close
from tests.support.serving import Serving
from tests.support.world import World

OF_THE_CLIENT = [
    "Authorization: Bearer the-clients-own",
    "Api-Key: the-clients-own",
    "X-Api-Key: the-clients-own",
    "Cookie: session=the-clients-own",
    "X-Forwarded-For: the-clients-own",
    "X-Forwarded-Host: the-clients-own",
    "X-Real-Ip: the-clients-own",
    "Forwarded: for=the-clients-own",
    "Proxy-Authorization: Basic the-clients-own",
    "Proxy-Connection: the-clients-own",
    "X-Custom: the-clients-own",
    "Te: the-clients-own",
    "Connection: X-Custom",
    "X-Sluice-Timeout-Total: 77s",
]
OF_THE_PROVIDER = [
    "Set-Cookie: the-providers-own",
    "Server: the-providers-own",
    "Via: the-providers-own",
    "Alt-Svc: the-providers-own",
    "Keep-Alive: the-providers-own",
    "Proxy-Authenticate: the-providers-own",
    "X-Custom: the-providers-own",
    "Access-Control-Allow-Origin: the-providers-own",
    "Strict-Transport-Security: the-providers-own",
    "Cf-Ray: the-providers-own",
]
WELCOME = [
    "Openai-Model: gpt",
    "Openai-Processing-Ms: 7",
    "X-Ratelimit-Remaining-Tokens: 9",
    "X-Request-Id: req_theirs",
]


@pytest.mark.parametrize("data", [request(CHAT, headers=OF_THE_CLIENT), get("/v1/models", *OF_THE_CLIENT)])
async def test_the_clients_headers_stay_with_the_gateway(world: World, data: bytes) -> None:
    upstream, _, client = await world.between(sized(completion()))
    assert (await client.ask(data)).status == 200
    (asked,) = upstream.asked
    assert b"the-clients-own" not in asked.raw
    assert asked.header("authorization") == f"Bearer {KEY}"
    assert asked.header("accept-encoding") == "identity"
    assert asked.header("host") == f"127.0.0.1:{upstream.port}"
    assert len(asked.headers) == len({name for name, _ in asked.headers}), "a header stands there twice"


async def test_what_the_provider_needs_to_know_crosses(world: World) -> None:
    known = {"openai-organization": "org", "openai-project": "proj", "openai-beta": "b", "user-agent": "ua/1"}
    upstream, _, client = await world.between(sized(completion()))
    await client.ask(request(CHAT, headers=[f"{name}: {value}" for name, value in known.items()]))
    (asked,) = upstream.asked
    assert {name: asked.header(name) for name in known} == known


@pytest.mark.parametrize(
    ("raw", "asks"),
    [
        (sized(completion(), *OF_THE_PROVIDER, *WELCOME), CHAT),
        (streamed(*WHOLE_STREAM, headers=[*OF_THE_PROVIDER, *WELCOME]), STREAM),
        (sized(b"{}", *OF_THE_PROVIDER, *WELCOME, status="429 Too Many Requests"), CHAT),
    ],
    ids=["whole", "stream", "refusal"],
)
async def test_the_providers_headers_stay_with_the_gateway(world: World, raw: bytes, asks: bytes) -> None:
    _, serving, client = await world.between(raw)
    answer = await client.ask(request(asks))
    assert not [value for _, value in answer.head.headers if "the-providers-own" in value]
    assert answer.header("openai-model") == "gpt"
    assert answer.header("x-ratelimit-remaining-tokens") == "9"
    assert answer.header("x-request-id") == (await serving.record()).request_id == "req_theirs"


async def test_a_stream_may_not_be_collected_on_its_way(world: World) -> None:
    _, _, client = await world.between(streamed(*WHOLE_STREAM))
    answer = await client.ask(request(STREAM))
    assert answer.header("cache-control") == "no-cache, no-transform"
    assert answer.header("x-accel-buffering") == "no"
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"


# -- ids ---------------------------------------------------------------------------------------------------------------


async def test_a_request_id_is_kept_from_the_client_or_invented(world: World) -> None:
    _, serving, client = await world.between(sized(completion()))
    given = await client.ask(request(CHAT, headers=["X-Request-Id: mine-1"]))
    invented = await client.ask(request(CHAT))
    wrong = await client.ask(request(CHAT, headers=["X-Request-Id: " + "x" * 200]))
    ids = [answer.header("x-request-id") for answer in (given, invented, wrong)]
    assert ids == [record.request_id for record in serving.records]
    assert ids[0] == "mine-1"
    assert all(re.fullmatch("req_[0-9a-f]{32}", other) for other in ids[1:])
    assert ids[1] != ids[2]
    assert [line["request.id"] for line in serving.log_lines()] == ids


async def test_the_trace_goes_on(world: World) -> None:
    upstream, serving, client = await world.between(sized(completion()))
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    await client.ask(request(CHAT, headers=[f"Traceparent: 00-{trace}-{span}-01"]))
    record = await serving.record()
    assert record.trace_id == trace
    assert record.span_id != span
    assert upstream.asked[0].header("traceparent") == f"00-{trace}-{record.span_id}-01"


async def test_server_timing_says_what_the_gateway_took(world: World) -> None:
    _, _, client = await world.between(sized(completion()))
    timing = (await client.ask(request(CHAT))).header("server-timing")
    match = re.fullmatch(r"gateway;dur=(\d+\.\d+)", timing)
    assert match
    assert 0 < float(match[1]) < 1000


# -- the credential ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("placement", "name", "value"),
    [
        (None, "authorization", f"Bearer {KEY}"),
        (HeaderPlacement(name="api-key", prefix=""), "api-key", KEY),
        (HeaderPlacement(name="X-Goog-Api-Key", prefix="Key "), "x-goog-api-key", f"Key {KEY}"),
    ],
)
async def test_the_credential_goes_where_it_belongs(
    world: World, placement: HeaderPlacement | None, name: str, value: str
) -> None:
    upstream = await world.upstream(sized(completion()))
    serving = await world.gateway(to_provider(0, backend=ai(upstream.port, placement=placement)))
    await (await world.client(serving)).ask(request())
    assert upstream.asked[0].header(name) == value
    assert upstream.asked[0].raw.count(KEY.encode()) == 1


async def test_passthrough_hands_the_clients_own_credential_on(world: World) -> None:
    upstream = await world.upstream(sized(completion()))
    serving = await world.gateway(to_provider(0, backend=ai(upstream.port, key=None, passthrough=True)))
    await (await world.client(serving)).ask(request(CHAT, headers=["Authorization: Bearer own"]))
    assert upstream.asked[0].header("authorization") == "Bearer own"


QUOTED = f"Incorrect API key provided: {KEY}."
QUOTES = {"error": {"message": QUOTED, "type": f"t {KEY}", "code": f"c {KEY}", "param": None}}


def seen_by(serving: Serving, answer: Answer) -> str:
    """Everything that anybody but the provider gets to see."""
    serving.heard.flush()
    texts = [answer.body, *serving.heard.lines, serving.exposition().encode()]
    shown = msgspec.json.encode(dump(serving.gateway.active.plan)).decode()
    return "\n".join(
        [*(text.decode(errors="replace") for text in texts), repr(serving.records), shown, repr(answer.head)]
    )


@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "raw",
    [
        sized(msgspec.json.encode(QUOTES), status="401 Unauthorized"),
        sized(f"<p>{QUOTED}</p>".encode(), status="502 Bad Gateway", content_type="text/html"),
        sized(msgspec.json.encode(QUOTES)),
        streamed(b"data: " + msgspec.json.encode(QUOTES) + b"\n\n"),
        streamed(*WHOLE_STREAM[:2], b"data: " + msgspec.json.encode(QUOTES) + b"\n\n"),
        streamed(*WHOLE_STREAM[:2], b"data: " + msgspec.json.encode(QUOTES).replace(b"API", rb"\ud83d") + b"\n\n"),
        streamed(*WHOLE_STREAM[:2], f"event: error\ndata: {QUOTED}\n\n".encode()),
        streamed(*WHOLE_STREAM[:2], f"data: {QUOTED} \xff\n\n".encode("latin-1"), *WHOLE_STREAM[2:]),
        then_close(f"HTTP/1.1 {KEY} what\r\n\r\n".encode()),
    ],
    ids=["401", "HTML", "in a 200", "in a stream", "after a token", "cut", "by its name", "unread", "not HTTP"],
)
async def test_a_provider_that_quotes_our_key_tells_nobody(world: World, raw: bytes, asks: bytes) -> None:
    upstream, serving, client = await world.between(raw)
    answer = await client.ask(request(asks))
    assert KEY in upstream.asked[0].raw.decode()
    await serving.record()
    assert KEY not in seen_by(serving, answer)


async def test_a_redacted_error_still_says_what_it_says(world: World) -> None:
    _, _, client = await world.between(sized(msgspec.json.encode(QUOTES), status="401 Unauthorized"))
    assert error_of(await client.ask(request())).message == "Incorrect API key provided: ***."


async def test_a_credential_that_is_written_with_its_prefix_is_found_without_it(world: World) -> None:
    """Seed 000 puts `Bearer sk-...` into the Secret; providers quote `sk-...`."""
    upstream = await world.upstream(sized(msgspec.json.encode(QUOTES), status="401 Unauthorized"))
    serving = await world.gateway(to_provider(0, backend=ai(upstream.port, key=f"Bearer {KEY}")))
    answer = await (await world.client(serving)).ask(request())
    assert upstream.asked[0].header("authorization") == f"Bearer {KEY}"
    await serving.record()
    assert KEY not in seen_by(serving, answer)


@pytest.mark.parametrize("kind", ["up", "down"])
async def test_no_secret_in_anything_that_is_shown(world: World, kind: str) -> None:
    upstream = await world.upstream(streamed(*WHOLE_STREAM))
    if kind == "down":
        await upstream.close()
    serving = await world.gateway(upstream.port)
    answer = await (await world.client(serving)).ask(request(STREAM, path="/openai?key=" + KEY))
    await serving.record()
    assert KEY not in seen_by(serving, answer), "query strings stay out of http.path"


# -- the target --------------------------------------------------------------------------------------------------------


async def asked_of(world: World, upstream: RawUpstream, to: Serving, data: bytes) -> str:
    client = await world.client(to)
    assert (await client.ask(data)).status == 200
    return upstream.asked[-1].line


async def test_where_requests_go(world: World) -> None:
    upstream = await world.upstream(sized(completion()))
    plain = await world.gateway(upstream.port)
    for path in ("/openai", "/openai/v1/chat/completions", "/openai/chat/completions", "/v1/chat/completions"):
        assert await asked_of(world, upstream, plain, request(path=path)) == "POST /v1/chat/completions HTTP/1.1"
    for path in ("/openai/v1/models", "/v1/models", "/openai/models"):
        assert await asked_of(world, upstream, plain, get(path)) == "GET /v1/models HTTP/1.1"
    assert await asked_of(world, upstream, plain, get("/v1/models/a%2Fb?x=1")) == "GET /v1/models/a%2Fb?x=1 HTTP/1.1"
    embeddings = request(path="/openai/v1/embeddings")
    assert await asked_of(world, upstream, plain, embeddings) == "POST /v1/embeddings HTTP/1.1"

    whole_path = await world.gateway(to_provider(0, backend=ai(upstream.port, chat_path="/deployments/x/chat?v=2")))
    assert await asked_of(world, upstream, whole_path, request()) == "POST /deployments/x/chat?v=2 HTTP/1.1"
    prefix = await world.gateway(to_provider(0, backend=ai(upstream.port, base_path="/api/v9")))
    assert await asked_of(world, upstream, prefix, request()) == "POST /api/v9/chat/completions HTTP/1.1"
    assert await asked_of(world, upstream, prefix, get("/v1/models")) == "GET /api/v9/models HTTP/1.1"


async def test_a_backends_model_replaces_the_bodys(world: World) -> None:
    upstream = await world.upstream(sized(completion()))
    serving = await world.gateway(to_provider(0, backend=ai(upstream.port, model="other")))
    await (await world.client(serving)).ask(request(CHAT[:-1] + b',"x_vendor":{"a":[1,2.50]}}'))
    assert upstream.asked[0].json()["model"] == "other"
    assert b'"x_vendor":{"a":[1,2.50]}' in upstream.asked[0].body, "the rest keeps its bytes"
    assert (await serving.record()).request_model == "m"


# -- codings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["whole", "stream"])
async def test_a_provider_that_compresses_although_it_was_asked_not_to(world: World, asks: bytes) -> None:
    body = b"".join(WHOLE_STREAM) if asks is STREAM else completion()
    kind = "text/event-stream" if asks is STREAM else "application/json"
    _, serving, client = await world.between(sized(gzip.compress(body), "Content-Encoding: gzip", content_type=kind))
    answer = await client.ask(request(asks))
    assert answer.body == body
    assert answer.header("content-encoding") == ""
    assert (await serving.record()).outcome == "completed"


async def test_a_compressed_refusal_is_read(world: World) -> None:
    body = gzip.compress(msgspec.json.encode(QUOTES))
    _, serving, client = await world.between(sized(body, "Content-Encoding: gzip", status="401 Unauthorized"))
    answer = await client.ask(request())
    assert error_of(answer).message == "Incorrect API key provided: ***."
    await serving.record()
    assert KEY not in seen_by(serving, answer)
