"""The cases of policies.yaml, and what is made of each: a configuration, a request, the answers of whoever is asked."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import jwt
import msgspec
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from bench.policy_rig import Reply

FILE = Path(__file__).with_name("policies.yaml")
KEY = "sk-bench-0123456789abcdef"
ISSUED = "sk-sluice-issued-0123456789abcdef"
PRICED, UNPRICED = "gpt-4o-mini", "unpriced"
PASSWORD = "swordfish"
PASSWORD_HASH = "$2b$04$s1qv16MHB.RMoD15cu8QjeT8Wy0XMwYPd28NXLZa0LGGxVrI1DdkK"

PROSE = """\
Streaming means that the answer to a request is sent while it is still being written, word by word, instead of all at
once when the last of it is known. A reader sees the first line after 0.3 seconds and not after 20, which is what makes
a conversation feel like one. The idea is older than the web: a teleprinter of 1930 printed at 45.45 baud, one letter
after the other, and nobody waited for the end of a message to begin with reading it.
"""
DELTA = 13
"""Characters of a delta: two or three words, as in the streams of `make bench`."""

Json = dict[str, object]


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row. What it costs is what the same request costs less without the policy. Both have another policy that
    does nothing, since the first of an exchange pays for what all of them need."""

    page: str = ""
    """Of docs/policies, without `.md`."""
    what: str = ""
    traffic: Json = {}
    """Members of `spec.traffic` of a policy on the Gateway."""
    ai: Json = {}
    """Members of `spec.backend.ai` of one on the route."""
    rule: Json = {}
    """Members of the rule."""
    backend: Json = {}
    """Members of the backend's `policies`."""
    provider: Literal["openai", "anthropic"] = "openai"
    headers: Mapping[str, str] = {}
    messages: int = 2
    """How many the request has."""
    priced: bool = False
    """The catalogue has a price for its model."""
    ledger: bool = False
    asks: bool = True
    """A provider is asked. If not, there is nothing to say about chunks."""

    def without(self) -> "Case":
        """Return the same request without the policy."""
        return Case(provider=self.provider, headers=self.headers, messages=self.messages).beside_another()

    def beside_another(self) -> "Case":
        """Return the case with the other policy."""
        return msgspec.structs.replace(self, traffic={**_NOTHING, **self.traffic})

    @property
    def streams(self) -> bool:
        return self.asks and self.provider == "openai"


_NOTHING: Json = {"abort": {"status": 503, "percent": 0.0001}}
"""Of a million requests one is aborted."""
BARE = Case()
"""What no policy says anything about."""
ONE_POLICY = BARE.beside_another()


def read() -> list[Case]:
    """Return the cases of the file.

    Raises:
        msgspec.ValidationError: a member is unknown or has the wrong type.
    """
    return msgspec.convert(yaml.safe_load(FILE.read_text()), type=list[Case])


class Words:
    """What stands for `{jwks}` and the like: made once for a run."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        public = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": "k"}
        public.pop("key_ops", None)
        claims = {"iss": "bench", "sub": "alice", "exp": 4102444800}
        self._words = {
            "{jwks}": json.dumps({"keys": [public]}),
            "{token}": jwt.encode(claims, key, "ES256", headers={"kid": "k"}),
            "{password}": base64.b64encode(f"alice:{PASSWORD}".encode()).decode(),
            "{password_hash}": PASSWORD_HASH,
            "{issued}": ISSUED,
        }

    def fill(self, value: object) -> object:
        """Return a JSON value with the words in its texts filled in."""
        if isinstance(value, Mapping):
            return {name: self.fill(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if isinstance(value, str):
            for word, meaning in self._words.items():
                value = value.replace(word, meaning)
        return value

    def headers(self, case: Case) -> list[tuple[bytes, bytes]]:
        """Return the headers of the case's request, filled in."""
        return [(name.encode(), str(self.fill(value)).encode()) for name, value in case.headers.items()]


# -- the configuration ------------------------------------------------------------------------------------------------

_GATEWAY_API, _AGENT_API = "gateway.networking.k8s.io/v1", "agentgateway.dev/v1alpha1"
_PROVIDERS: dict[str, Json] = {
    "openai": {"openai": {}},
    "anthropic": {"anthropic": {}},
}


def manifests(case: Case, words: Words) -> str:
    """Return a Gateway with one route to one provider, and the case's policies. No name in it is ever resolved."""
    llm: Json = {"provider": {**_PROVIDERS[case.provider], "host": "provider.internal", "port": 80}}
    ref = {"group": "agentgateway.dev", "kind": "AgentgatewayBackend", "name": "b"}
    rule: Json = {**({"backendRefs": [ref]} if "RequestRedirect" not in str(case.rule) else {}), **case.rule}
    listener = {"name": "http", "port": 8080, "protocol": "HTTP"}
    objects = [
        _object(_GATEWAY_API, "Gateway", "gw", {"gatewayClassName": "c", "listeners": [listener]}),
        _object(_GATEWAY_API, "HTTPRoute", "r", {"parentRefs": [{"name": "gw"}], "rules": [rule]}),
        _object(
            _AGENT_API, "AgentgatewayBackend", "b", {"ai": llm, **({"policies": case.backend} if case.backend else {})}
        ),
        _object(_AGENT_API, "AgentgatewayBackend", "copy", {"static": {"host": "copy.internal", "port": 80}}),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"Authorization": KEY}},
    ]
    for kind, name, spec in (
        ("Gateway", "gw", {"traffic": case.traffic}),
        ("HTTPRoute", "r", {"backend": {"ai": case.ai}}),
    ):
        target = {"group": "gateway.networking.k8s.io", "kind": kind, "name": name}
        if case.traffic if kind == "Gateway" else case.ai:
            objects.append(_object(_AGENT_API, "AgentgatewayPolicy", f"of-{name}", {"targetRefs": [target], **spec}))
    return "\n---\n".join(json.dumps(words.fill(one)) for one in objects)


def _object(version: str, kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


# -- what is asked, and answered --------------------------------------------------------------------------------------


def body(case: Case, *, stream: bool) -> bytes:
    """Return the request."""
    roles = ["system", *["user", "assistant"] * 100]
    talk = [{"role": role, "content": PROSE[:200]} for role in roles[: case.messages - 1]]
    last = {"role": "user", "content": "In a couple of sentences, explain what streaming is and why it is useful."}
    return json.dumps(
        {"model": PRICED if case.priced else UNPRICED, "stream": stream, "messages": [*talk, last]}
    ).encode()


def whole(case: Case) -> Reply:
    """Return the provider's whole answer."""
    model = PRICED if case.priced else UNPRICED
    if case.provider == "anthropic":
        content = [{"type": "text", "text": PROSE}]
        said: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content}
        said |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 20, "output_tokens": 90}}
    else:
        message = {"role": "assistant", "content": PROSE}
        said = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1744306752, "model": model}
        said |= {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": _USAGE}
    return Reply(b"application/json", (json.dumps(said).encode(),))


_USAGE = {"prompt_tokens": 20, "completion_tokens": 90, "total_tokens": 110}


def streamed(case: Case, deltas: int) -> Reply:
    """Return the provider's stream, so many deltas of the same prose, each a read of its own."""
    text = PROSE * (deltas * DELTA // len(PROSE) + 1)
    texts = [text[at * DELTA : (at + 1) * DELTA] for at in range(deltas)]
    pieces = [_chunk({"choices": [{"index": 0, "delta": {"content": one}, "finish_reason": None}]}) for one in texts]
    pieces.append(_chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    pieces.append(_chunk({"choices": [], "usage": _USAGE}) + b"data: [DONE]\n\n")
    return Reply(b"text/event-stream", pieces)


def _chunk(members: Json) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1744306752, "model": UNPRICED}
    return b"data: " + json.dumps({**head, **members}).encode() + b"\n\n"


def others() -> dict[str, Reply]:
    """Return what the hosts answer that are no providers: who is asked for leave, and where copies go."""
    return {
        "service.internal": Reply(b"application/json", (b'{"action":{"reason":"fine"}}',)),
        "copy.internal": Reply(b"text/plain", (b"ok",)),
    }
