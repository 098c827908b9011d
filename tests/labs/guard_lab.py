"""Labs about guards: a gateway that is loaded from manifests, a model that says what it is told, and services."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from sluice.config import Source, load
from sluice.standard import STANDARD
from tests.config.loading import route
from tests.support.events import DONE, ROLE, STOP, completion, delta
from tests.support.http_answer import Answer
from tests.support.raw_client import request
from tests.support.raw_upstream import Call, Play, RawUpstream, sized, streamed
from tests.support.serving import Serving
from tests.support.world import World

Model = Callable[[str], str]
"""What a model says to the last message."""

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec: {gatewayClassName: agentgateway, listeners: [{name: http, port: 8080, protocol: HTTP}]}
"""
ROUTE = route(
    "{matches: [{path: {type: PathPrefix, value: /openai}}], "
    "backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: openai}]}",
    name="openai",
)
TARGET = "  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: openai}]\n"
NOTHING: Mapping[str, str] = {}


def echo(prompt: str) -> str:
    return prompt


def backend(port: int) -> str:
    return f"""---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {{name: openai}}
spec: {{ai: {{provider: {{openai: {{}}, host: 127.0.0.1, port: {port}}}}}}}
"""


def policy(guards: str, name: str = "guards", target: str = TARGET) -> str:
    """An AgentgatewayPolicy; `guards` is the `promptGuard`, indented by six."""
    kind = "---\napiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\n"
    return f"{kind}metadata: {{name: {name}}}\nspec:\n{target}  backend:\n    ai:\n      promptGuard:\n{guards}"


def service(name: str, port: int) -> str:
    """A Service of the cluster that is really at a port of this machine."""
    spec = f"{{type: ExternalName, externalName: 127.0.0.1, ports: [{{port: {port}}}]}}"
    return f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {spec}\n"


class Lab:
    """What a newcomer has after a lab's `kubectl apply`."""

    def __init__(self, world: World, serving: Serving, provider: RawUpstream) -> None:
        self._world, self.serving, self.provider = world, serving, provider

    async def ask(self, prompt: str, *headers: str, stream: bool = False, path: str = "/openai") -> Answer:
        """POST a chat request with one message."""
        body: dict[str, object] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]}
        if stream:
            body["stream"] = True
        client = await self._world.client(self.serving)
        return await client.ask(request(msgspec.json.encode(body), path=path, headers=headers))

    def sent(self) -> list[str]:
        """The last messages that the model saw."""
        return [last_message(asked.json()) for asked in self.provider.asked]


async def lab(
    world: World,
    *manifests: str,
    model: Model = echo,
    short: str = "",
    env: Mapping[str, str] = NOTHING,
    moved: Mapping[int, int] = MappingProxyType({}),
) -> Lab:
    """Load manifests beside a Gateway, a route `/openai` and a backend whose model this is; or a file of the short
    form, in which `%d` is the model's port. `moved`: ports of the lab, and where they really are."""
    provider = await world.upstream(_model(model))
    texts = [short % provider.port] if short else [GATEWAY, ROUTE, backend(provider.port), *manifests]
    for port, really in moved.items():
        texts = [text.replace(str(port), str(really)) for text in texts]
    plan = load([Source(f"{index}.yaml", text) for index, text in enumerate(texts)], env, STANDARD)
    return Lab(world, await world.gateway(plan), provider)


def content(answer: Answer) -> str:
    """What the model said, as the client sees it, streamed or not."""
    if not answer.header("content-type").startswith("text/event-stream"):
        choices = answer.json()["choices"]
        assert isinstance(choices, list)
        return str(choices[0]["message"]["content"])
    said = []
    for line in answer.body.decode().split("\n"):
        if line.startswith("data: ") and line != "data: [DONE]":
            choices = msgspec.json.decode(line[6:])["choices"]
            said += [choice["delta"].get("content") or "" for choice in choices]
    return "".join(said)


def rejected(answer: Answer) -> tuple[int, str, str]:
    """Status, content type and body of an answer that has no model in it."""
    assert int(answer.header("content-length")) == len(answer.body)
    return answer.status, answer.header("content-type"), answer.body.decode()


def last_message(body: Mapping[str, object]) -> str:
    messages = body["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])


def _model(model: Model) -> Play:
    async def play(call: Call) -> None:
        while True:
            asked = (await call.request()).json()
            said = model(last_message(asked))
            if asked.get("stream"):
                pieces = [delta(content=said[start : start + 3]) for start in range(0, len(said), 3)]
                call.send(streamed(ROLE, *pieces, STOP, DONE))
            else:
                call.send(sized(completion(said)))

    return play
