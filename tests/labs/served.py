"""A gateway as a newcomer has it after the labs' first pages: loaded from their manifests, asked over sockets.

The manifests are those of A001 (the Gateway) and A004 (a route `/openai`, a backend, a Secret with an `Authorization`
key); the address of the backend is that of a model of ours, which says and uses what a test wants it to.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from sluice.config import Source, load
from sluice.relay.record import ExchangeRecord
from sluice.standard import STANDARD
from tests.support.events import DONE, ROLE, STOP, delta, event
from tests.support.http_answer import Answer, error_of
from tests.support.raw_client import request
from tests.support.raw_upstream import Asked, Call, Play, RawUpstream, sized, streamed
from tests.support.serving import Serving
from tests.support.world import World

POEM = "Whats your favorite poem?"
PROXY = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: agentgateway-proxy}]"
ROUTE = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: openai}]"
META = "metadata: {name: %s, namespace: agentgateway-system}"
FIRST_PAGES = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: agentgateway-proxy, namespace: agentgateway-system}
spec:
  gatewayClassName: agentgateway
  listeners: [{name: http, port: 8080, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: v1
kind: Secret
metadata: {name: openai-secret, namespace: agentgateway-system}
type: Opaque
stringData: {Authorization: Bearer sk-lab-openai}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: openai, namespace: agentgateway-system}
spec:
  parentRefs: [{name: agentgateway-proxy, namespace: agentgateway-system}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /openai}}]
    backendRefs: [{name: openai, group: agentgateway.dev, kind: AgentgatewayBackend}]
    timeouts: {request: "120s"}
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {name: openai, namespace: agentgateway-system}
spec:
  ai: {provider: {openai: {}, host: 127.0.0.1, port: %d}}
  policies: {auth: {secretRef: {name: openai-secret}}}
"""
NOTHING: Mapping[str, str] = MappingProxyType({})


class Said(msgspec.Struct, frozen=True):
    """What a model says, and what it says that this took."""

    text: str = "It is a villanelle."
    prompt_tokens: int = 12
    completion_tokens: int = 8


Model = Callable[[Asked], Said]


def always(text: str = "It is a villanelle.", uses: int = 20, prompt: int = 12) -> Model:
    return lambda _: Said(text, prompt, uses - prompt)


def policy(traffic: str, name: str = "policy", target: str = PROXY, kind: str = "AgentgatewayPolicy") -> str:
    """A policy; `traffic` is what stands below `spec.traffic`, indented by four."""
    group = "agentgateway.dev" if kind == "AgentgatewayPolicy" else "enterpriseagentgateway.solo.io"
    head = f"---\napiVersion: {group}/v1alpha1\nkind: {kind}\n{META % name}\nspec:\n  {target}\n"
    return f"{head}  traffic:\n{traffic}"


TEXT = policy("    errorFormat: text\n", "plain-errors")
"""Gives the labs' plain bodies; without it an error is in the client's dialect."""


def secret(name: str, entries: str, labels: str = "{}", kind: str = "Opaque") -> str:
    meta = f"{{name: {name}, namespace: agentgateway-system, labels: {labels}}}"
    return f"---\napiVersion: v1\nkind: Secret\ntype: {kind}\nmetadata: {meta}\nstringData: {entries}\n"


def bearer(text: str) -> str:
    return f"Authorization: Bearer {text}"


class Lab:
    """What a newcomer has after a lab's `kubectl apply`."""

    def __init__(self, world: World, serving: Serving, provider: RawUpstream) -> None:
        self._world, self.serving, self.provider = world, serving, provider
        self._sent = 0
        self.record: ExchangeRecord
        """Of the last request."""

    async def curl(
        self,
        *headers: str,
        prompt: str = POEM,
        path: str = "/openai",
        stream: bool = False,
        method: str = "POST",
        **members: object,
    ) -> Answer:
        """Send what a lab's `curl` sends, on a connection of its own; return when its record is written."""
        body: dict[str, object] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **members}
        if stream:
            body["stream"] = True
        client = await self._world.client(self.serving)
        raw = msgspec.json.encode(body) if method == "POST" else b""
        answer = await client.ask(request(raw, method=method, path=path, headers=[*headers, "Connection: close"]))
        self._sent += 1
        self.record = await self.serving.record(self._sent)
        return answer

    async def statuses(self, times: int, *headers: str, **asked: object) -> list[int]:
        """Send it so often, one after the other."""
        return [(await self.curl(*headers, **asked)).status for _ in range(times)]  # type: ignore[arg-type]

    @property
    def asked(self) -> list[Asked]:
        """What the model was asked."""
        return self.provider.asked


async def lab(
    world: World,
    *manifests: str,
    model: Model | None = None,
    first: str = FIRST_PAGES,
    short: str = "",
    env: Mapping[str, str] = NOTHING,
) -> Lab:
    """Apply manifests after those of the first pages; or load a file of the short form, whose `%d` is the model's
    port."""
    provider = await world.upstream(_play(model or always()))
    texts = [short % provider.port] if short else [first % provider.port, *manifests]
    plan = load([Source(f"{number}.yaml", text) for number, text in enumerate(texts)], env, STANDARD)
    wrong = [(one.name, c.message) for one in plan.statuses for c in one.conditions if not c.status]
    assert not [each for each in wrong if each[1]], wrong
    return Lab(world, await world.gateway(plan), provider)


def plain(answer: Answer) -> tuple[int, str]:
    """Status and body of a refusal with `errorFormat: text`: the labs' own words, to the byte."""
    assert answer.header("content-type") == "text/plain"
    assert answer.header("content-length") == str(len(answer.body))
    assert answer.header("x-request-id")
    return answer.status, answer.body.decode()


def told(answer: Answer) -> tuple[int, str]:
    """Status and message of a refusal in the client's dialect."""
    return answer.status, error_of(answer).message


def content(answer: Answer) -> str:
    """What the model said, as the client sees it, streamed or not."""
    if not answer.header("content-type").startswith("text/event-stream"):
        return str(json.loads(answer.body)["choices"][0]["message"]["content"])
    events = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: {")]
    deltas = [choice["delta"] for one in events for choice in json.loads(one)["choices"]]
    return "".join(each.get("content") or "" for each in deltas)


def _usage(said: Said) -> dict[str, int]:
    total = said.prompt_tokens + said.completion_tokens
    return {"prompt_tokens": said.prompt_tokens, "completion_tokens": said.completion_tokens, "total_tokens": total}


def _play(model: Model) -> Play:
    async def play(call: Call) -> None:
        while True:
            asked = await call.request()
            said, body = model(asked), asked.json() if asked.body else {}
            frame = {"id": "c1", "created": 1, "model": f"{body.get('model')}-2024-07-18"}
            if body.get("stream"):
                pieces = [delta(content=said.text[start : start + 4]) for start in range(0, len(said.text), 4)]
                usage = {**frame, "object": "chat.completion.chunk", "choices": [], "usage": _usage(said)}
                call.send(streamed(ROLE, *pieces, STOP, event(usage), DONE))
                continue
            message = {"role": "assistant", "content": said.text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            whole = {**frame, "object": "chat.completion", "choices": [choice], "usage": _usage(said)}
            call.send(sized(msgspec.json.encode(whole)))

    return play
