"""The table of policies and kinds of requests: a request through every cell, over real sockets."""

import time
from pathlib import Path

import msgspec
import pytest

from sluice.config import Source, load
from sluice.config.matrix import OWN, PLAIN, POLICIES, Row, cell, rows
from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.standard import STANDARD
from tests.gateway.policy_cases import CASES, SECRET, Case, Seen, filled
from tests.support.events import DONE, ROLE, STOP, completion, delta
from tests.support.http_answer import Answer
from tests.support.raw_client import request
from tests.support.raw_upstream import LAST, Call, chunk, chunked_head, sized
from tests.support.waiting import until
from tests.support.world import World

PATHS: dict[Row, str] = {
    "completions": "/x/v1/chat/completions",
    "messages": "/x/v1/messages",
    "responses": "/x/v1/responses",
    "generate_content": "/x/v1beta/models/m:generateContent",
    "embeddings": "/x/v1/embeddings",
    "rerank": "/x/v1/rerank",
    "messages_token_count": "/x/v1/messages/count_tokens",
    "content_token_count": "/x/v1beta/models/gemini-m:countTokens",
    "models": "/x/v1/models",
    "detect": "/x/v1/images/generations",
    "passthrough": "/x/v1/files",
    "realtime": "/x/v1/realtime",
    "model_list": "/v1/models",
    "http": "/x/page",
}
USUAL = "custom: {formats: [{type: Completions}, {type: Embeddings}, {type: Rerank}]}"
PROVIDERS: dict[Row, str] = {"messages_token_count": "anthropic: {}", "content_token_count": "gemini: {}"}
TYPES = "routes: {/v1/realtime: Realtime, /v1/images/generations: Detect}"
CELLS = [(row, streams, policy) for row, streams in rows() for policy in POLICIES]


def of(*words: str) -> list[tuple[Row, bool, str]]:
    return [
        (row, streams, policy)
        for row, streams, policy in CELLS
        if cell(row, streams=streams, policy=policy).word in words
    ]


def named(one: tuple[Row, bool, str]) -> str:
    return f"{one[2]}-{one[0]}{'-stream' if one[1] else ''}"


# -- a configuration --------------------------------------------------------------------------------------------------


def manifests(case: Case, row: Row, provider: int, service: int, copy: int, *, at_route: bool = False) -> str:
    """A Gateway with one rule for this kind of request, and the policy of a case."""

    def text(said: str) -> str:
        return filled(said, row, service)

    plain = f"static: {{host: 127.0.0.1, port: {provider}}}"
    chosen = case.provider or PROVIDERS.get(row, USUAL)
    llm = f"ai: {{provider: {{{chosen}, host: 127.0.0.1, port: {provider}}}}}"
    own = "" if row in PLAIN else f"ai: {{{TYPES}}}, "
    refs = f"{{group: agentgateway.dev, kind: AgentgatewayBackend, name: b, {text(case.reference)}}}"
    backends = "" if "RequestRedirect" in case.rule else f"backendRefs: [{refs}], "
    listener = "{name: http, port: 8080, protocol: HTTP}"
    rule = f"{{matches: [{{path: {{value: /x}}}}], {backends}{text(case.rule)}}}"
    texts = [
        f"kind: Gateway\nmetadata: {{name: gw}}\nspec: {{gatewayClassName: c, listeners: [{listener}]}}",
        f"kind: HTTPRoute\nmetadata: {{name: r}}\nspec: {{parentRefs: [{{name: gw}}], rules: [{rule}]}}",
    ]
    texts = [f"apiVersion: gateway.networking.k8s.io/v1\n{one}" for one in texts]
    policies = f"policies: {{{own}{text(case.backend)}}}" if own or case.backend else ""
    objects = {
        "AgentgatewayBackend b": f"spec: {{{plain if row in PLAIN else llm}, {policies}}}",
        "AgentgatewayBackend copy": f"spec: {{static: {{host: 127.0.0.1, port: {copy}}}}}",
        "AgentgatewayModel m": f"spec: {{parentRefs: [{{name: gw}}], provider: OpenAI, baseURL: 'http://127.0.0.1:{provider}'}}",
    }
    group = "group: gateway.networking.k8s.io"
    for member, kind in (("traffic", "HTTPRoute" if at_route else "Gateway"), ("ai", "HTTPRoute")):
        said = text(getattr(case, member))
        where = f"targetRefs: [{{{group}, kind: {kind}, name: {'r' if kind == 'HTTPRoute' else 'gw'}}}]"
        if said:
            part = f"traffic: {{{said}}}" if member == "traffic" else f"backend: {{ai: {{{said}}}}}"
            objects[f"AgentgatewayPolicy {member}"] = f"spec: {{{where}, {part}}}"
    for name, spec in objects.items():
        kind, label = name.split()
        texts.append(f"apiVersion: agentgateway.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {label}}}\n{spec}")
    texts.append("apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {a: sk-a}")
    return "\n---\n".join(texts)


def compiled(text: str, **env: str) -> Plan:
    return load([Source("matrix.yaml", text)], env, STANDARD)


# -- who is asked -----------------------------------------------------------------------------------------------------


async def provider(call: Call) -> None:
    """Answers chat in OpenAI's form, and everything else with something."""
    while True:
        asked = await call.request()
        try:
            stream = asked.json().get("stream")
        except msgspec.DecodeError:
            stream = False
        if stream:
            call.send(chunked_head())
            words = [delta(content=f"{SECRET} {number} ") for number in range(40)]
            for piece in (ROLE, *words, STOP, DONE):
                if call.writer.is_closing():
                    return
                await call.send_apart([chunk(piece)])
            call.send(LAST)
        elif "/chat/completions" in asked.line:
            call.send(sized(completion(f"{SECRET} words")))
        else:
            usage = b'"usage":{"prompt_tokens":50,"total_tokens":50}'
            call.send(
                sized(b'{"object":"list","data":[],"results":[],"input_tokens":50,"totalTokens":50,' + usage + b"}")
            )


async def refuses(call: Call) -> None:
    while True:
        await call.request()
        call.send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")


def body(row: Row, text: str, *, streams: bool) -> bytes:
    asked: dict[str, object] = {"model": "m", "stream": True} if streams else {"model": "m"}
    message = {"role": "user", "content": text}
    if row in ("messages", "messages_token_count"):
        asked |= {"messages": [message]} | ({"max_tokens": 100} if row == "messages" else {})
    elif row == "responses":
        asked |= {"input": text}
    elif row in ("generate_content", "content_token_count"):
        asked = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    elif row == "embeddings":
        asked |= {"input": text}
    elif row == "rerank":
        asked |= {"query": text, "documents": ["a"]}
    else:
        asked |= {"messages": [message]}
    return msgspec.json.encode(asked)


async def seen(world: World, row: Row, policy: str, folder: Path, *, streams: bool) -> Seen:
    """Send what the case sends through a gateway that has the policy; a ledger is in the folder."""
    case = CASES[policy]
    there, service, copy = [await world.upstream(play) for play in (provider, refuses, provider)]
    text = manifests(case, row, there.port, service.port, copy.port)
    ledger = {"SLUICE_DATABASE": f"sqlite://{folder}/ledger.db"} if policy == "budgets" else {}
    serving = await world.gateway(compiled(text, **ledger))
    path = PATHS[row]
    if row == "generate_content" and streams:
        path = "/x/v1beta/models/m:streamGenerateContent?alt=sse"
    gets = row in ("models", *OWN) and not case.unsafe
    data = b"" if gets else body(row, case.text, streams=streams)
    answers: list[Answer] = []
    began = time.monotonic()
    for number in range(1, case.times + 1):
        client = await world.client(serving)
        asked = request(data, method="GET" if gets else "POST", path=path, headers=case.headers)
        answers.append(await client.ask(asked))
        await serving.record(number)
    took_s = time.monotonic() - began
    if policy == "requestMirror":
        await until(lambda: bool(copy.asked))
    outcomes = [record.outcome for record in serving.records]
    host = f"127.0.0.1:{there.port}" if row in PLAIN else "gateway.test"
    return Seen(answers, there.asked, copy.asked, outcomes, took_s, host)


# -- the cells --------------------------------------------------------------------------------------------------------


def test_no_cell_is_empty_and_every_policy_has_its_case() -> None:
    assert set(CASES) == set(POLICIES)
    assert set(PATHS) == {row for row, _ in rows()}
    for row, streams, policy in CELLS:
        found = cell(row, streams=streams, policy=policy)
        assert (found.word == "runs") is (not found.why)


@pytest.mark.parametrize("one", of("runs"), ids=named)
async def test_what_runs_shows(world: World, tmp_path: Path, one: tuple[Row, bool, str]) -> None:
    row, streams, policy = one
    found = await seen(world, row, policy, tmp_path, streams=streams)
    assert CASES[policy].holds(found), (found.answers, [asked.raw for asked in found.asked], found.outcomes)


@pytest.mark.parametrize("one", of("refused_when_asked"), ids=named)
async def test_what_cannot_be_looked_into_is_refused_when_it_is_asked_for(
    world: World, tmp_path: Path, one: tuple[Row, bool, str]
) -> None:
    row, streams, policy = one
    found = await seen(world, row, policy, tmp_path, streams=streams)
    assert found.last.status == 403
    assert not found.asked


@pytest.mark.parametrize("one", of("refused_at_load"), ids=named)
def test_what_cannot_hold_is_not_loaded(one: tuple[Row, bool, str]) -> None:
    row, _, policy = one
    with pytest.raises(ConfigError, match="cannot hold here: this leads to plain HTTP, which crosses unread"):
        compiled(manifests(CASES[policy], row, 1, 2, 3, at_route=True))


@pytest.mark.parametrize("one", of("not_about_it"), ids=named)
def test_what_it_is_not_about_is_loaded_all_the_same(one: tuple[Row, bool, str]) -> None:
    row, _, policy = one
    compiled(manifests(CASES[policy], row, 1, 2, 3))
