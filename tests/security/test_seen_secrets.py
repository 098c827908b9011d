"""Credentials in whatever place of a request and of its answer: none comes out of logs, labels, spans or metrics that
show everything that an expression can see."""

import json
from collections.abc import Iterable

import msgspec
import pytest

from sluice.config import Source, load
from sluice.relay.record import ExchangeRecord
from sluice.standard import STANDARD
from sluice.telemetry.spans import spans
from tests.support.events import DONE, ROLE, STOP, completion, delta
from tests.support.raw_client import request
from tests.support.raw_upstream import sized, streamed
from tests.support.serving import Serving
from tests.support.world import World

CLIENT = "sk-client/canary+0123=="
PROVIDER = "sk-provider/canary+9876=="
ALL = {
    "headers": "request.headers",
    "flat": "flatten(request.headers)",
    "query": "request.query",
    "uri": "request.uri",
    "body": "request.body",
    "prefix": "request.bodyPrefix",
    "members": "llmRequest",
    "decoded": "flattenRecursive(json(request.body))",
    "json": "toJson(request.headers)",
    "answer": "response.body",
    "answer_prefix": "response.bodyPrefix",
    "answer_headers": "response.headers",
    "said": "llm.completion",
    "calls": "llm.toolCalls",
    "prompt": "llm.prompt",
    "exchange": "exchange",
    "key": "apiKey",
    "jwt": "jwt",
}
FORM = """
config:
  logging: {fields: {add: %s}}
  metrics: {fields: {add: {a: request.uri, b: 'request.headers["x-auth-token"]', c: response.body}}}
  tracing: {otlpEndpoint: "http://127.0.0.1:9", randomSampling: true, fields: {add: %s}}
  sensitiveHeaders: [x-vanity]
llm:
  models: [{name: m, provider: openai, params: {baseUrl: "http://127.0.0.1:%d", apiKey: "%s"}}]
"""
PLACES = {
    "bearer": (("Authorization: Bearer %s",), ""),
    "bare": (("Authorization: %s",), ""),
    "x-api-key": (("x-api-key: %s",), ""),
    "google": (("x-goog-api-key: %s",), ""),
    "azure": (("api-key: %s",), ""),
    "token": (("X-Auth-Token: %s",), ""),
    "vanity": (("X-Vanity: %s",), ""),
    "signature": (("X-Hub-Signature-256: signature=%s", "x-signature: %s"), ""),
    "cookie": (("Cookie: a=b; session=%s",), ""),
    "two": (("x-api-key: another-of-them", "x-api-key: %s"), ""),
    "key": ((), "?key=%s"),
    "second key": ((), "?key=first-of-them&key=%s"),
    "access_token": ((), "?a=b&access_token=%s"),
    "sig": ((), "?sig=%s"),
    "referer": (("Referer: https://a.b/?access_token=%s", "x-api-key: %s"), ""),
}


def quoting(secret: str) -> dict[str, bytes]:
    pieces = [delta(content=secret[at : at + 3]) for at in range(0, len(secret), 3)]
    escaped = json.dumps(secret)[1:-1].replace("/", "\\/").replace("=", "\\u003d")
    error = json.dumps({"error": {"message": f"no such key: {secret}", "code": secret, "type": "auth"}})
    return {
        "whole": sized(completion(f"it is {secret}.")),
        "escaped": sized(completion("it is HERE.").replace(b"HERE", escaped.encode())),
        "pieces": streamed(ROLE, *pieces, STOP, DONE),
        "one piece": streamed(ROLE, delta(content=secret), STOP, DONE),
        "in band": streamed(ROLE, f"data: {error}\n\n".encode()),
        "error": sized(error.encode(), status="401 Unauthorized"),
        "headers": sized(completion("hi"), f"openai-model: {secret}", f"x-ratelimit-limit-requests: {secret}"),
    }


async def shown(
    world: World, play: bytes, secret: str, headers: Iterable[str] = (), query: str = "", *, stream: bool
) -> str:
    """Everything that is told of one exchange."""
    upstream = await world.upstream(play)
    add = json.dumps(ALL)
    serving = await world.gateway(
        load([Source("a.yaml", FORM % (add, add, upstream.port, PROVIDER))], {}, STANDARD),
    )
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": f"mine is {secret}, yours?"}]}
    client = await world.client(serving)
    await client.ask(request(msgspec.json.encode(body), path=f"/v1/chat/completions{query}", headers=tuple(headers)))
    return told(serving, await serving.record())


def told(serving: Serving, record: ExchangeRecord) -> str:
    assert record.trace is not None
    (line,) = serving.log_lines()
    assert {"headers", "uri", "body", "prompt"} <= line.keys()
    attributes = [span.attributes for span in spans(record, record.trace)]
    return json.dumps([line, attributes, repr(record.observed)], ensure_ascii=False) + serving.exposition()


def parts(text: str) -> list[str]:
    """What of a secret stands there: its distinctive part, in whatever form."""
    return [part for part in ("canary+", "canary%2B") if part in text]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_no_credential_of_the_client_is_shown_wherever_it_stands(
    world: World, place: tuple[tuple[str, ...], str]
) -> None:
    headers, query = place
    query = query % CLIENT.replace("+", "%2B") if query else ""
    sent = tuple(header % CLIENT if "%s" in header else header for header in headers)
    text = await shown(world, quoting(CLIENT)["whole"], CLIENT, sent, query, stream=False)
    assert parts(text) == []


@pytest.mark.parametrize("secret", [CLIENT, PROVIDER], ids=["the client's", "the provider's"])
@pytest.mark.parametrize("answer", quoting(""))
async def test_no_credential_is_shown_however_an_answer_quotes_it(world: World, answer: str, secret: str) -> None:
    stream = answer in ("pieces", "one piece", "in band")
    play = quoting(secret)[answer]
    text = await shown(world, play, secret, (f"Authorization: Bearer {CLIENT}",), stream=stream)
    assert parts(text) == []
    if answer == "pieces":
        assert '"answer": "<redacted>"' in text
        assert '"said": ["<redacted>"]' in text
