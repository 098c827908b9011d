"""Each policy as a file says it, and how its effect shows: on the wire to the client, or to whoever is asked."""

from collections.abc import Callable, Sequence

import msgspec

from sluice.config.matrix import Row
from tests.support.http_answer import Answer
from tests.support.raw_upstream import Asked
from tests.support.tokens import ec_key, jwk, jwk_set

MARK = "7777"
SECRET = "classified"
CHAT_MEMBERS = {"generate_content": "generationConfig.temperature"}
READ_MEMBERS: dict[str, tuple[str, str]] = {
    "embeddings": ("dimensions", MARK),
    "rerank": ("top_n", MARK),
    "messages_token_count": ("system", f"marked {MARK}"),
    "content_token_count": ("systemInstruction", f"{{parts: [{{text: marked {MARK}}}]}}"),
}
ISSUER = f"{{issuer: i, jwks: {{inline: '{jwk_set(jwk(ec_key()))}'}}}}"


class Seen(msgspec.Struct, frozen=True):
    """What was seen of a case."""

    answers: Sequence[Answer]
    asked: Sequence[Asked]
    """By the provider."""
    copied: Sequence[Asked]
    outcomes: Sequence[str]
    took_s: float
    host: str
    """That `hostRewrite` leads to."""

    @property
    def last(self) -> Answer:
        return self.answers[-1]

    def sent(self, text: str) -> bool:
        """The provider was asked, and saw this."""
        return any(text.encode() in one.raw for one in self.asked)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`%(member)s`, `%(value)s`, `%(service)d`, `%(issuer)s` and `%(mode)s` in texts are filled in."""

    holds: Callable[[Seen], bool]
    traffic: str = ""
    ai: str = ""
    rule: str = ""
    reference: str = ""
    backend: str = ""
    provider: str = ""
    """Instead of the usual one."""
    headers: tuple[str, ...] = ()
    text: str = "hi"
    times: int = 1
    unsafe: bool = False
    """The request is sent with POST, whatever it asks for."""


def status(code: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.last.status == code


def reaches(text: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.sent(text)


def says(name: str, value: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.last.header(name) == value


MEMBER = "[{field: %(member)s, value: %(value)s}]"
COMPUTED = f"[{{field: %(member)s, expression: '0.{MARK}'}}]"
GUARD = "{%s: [{regex: {action: %s, matches: [" + SECRET + "]}}]}"

CASES: dict[str, Case] = {
    "jwtAuthentication": Case(traffic="jwtAuthentication: {providers: [%(issuer)s]}", holds=status(401)),
    "basicAuthentication": Case(
        traffic="basicAuthentication: {users: ['u:$2y$05$abcdefghijklmnopqrstuuIHD9x3tPPrE2WQv9nJYDpUaCaAZ3Sd2']}",
        holds=status(401),
    ),
    "apiKeyAuthentication": Case(traffic="apiKeyAuthentication: {secretRef: {name: keys}}", holds=status(401)),
    "extAuth": Case(traffic="extAuth: {url: 'http://127.0.0.1:%(service)d'}", holds=status(403)),
    "authorization": Case(
        traffic="authorization: {action: Deny, policy: {matchExpressions: ['request.path != \"\"']}}", holds=status(403)
    ),
    "rateLimit (requests, concurrency)": Case(
        traffic="rateLimit: {local: [{requests: 1, unit: Hours, concurrency: 5}]}", holds=status(429), times=2
    ),
    "rateLimit (tokens)": Case(
        traffic="rateLimit: {local: [{tokens: 1, unit: Hours}]}", holds=status(429), times=2, text="hi " * 50
    ),
    "rateLimit (cutStream)": Case(
        traffic="rateLimit: {local: [{tokens: 30, unit: Hours, cutStream: true}]}",
        holds=lambda seen: "limited" in seen.outcomes,
        text="long",
    ),
    "budgets": Case(
        traffic="budgets: [{name: b, tokens: 1, period: Month}]", holds=status(429), times=2, text="hi " * 50
    ),
    "cors": Case(
        traffic="cors: {allowOrigins: ['https://a.example']}",
        headers=("Origin: https://a.example",),
        holds=says("access-control-allow-origin", "https://a.example"),
    ),
    "csrf": Case(traffic="csrf: {}", headers=("Origin: https://a.example",), holds=status(403), unsafe=True),
    "headerModifiers": Case(
        traffic=f"headerModifiers: {{response: {{set: {{x-mark: '{MARK}'}}}}}}", holds=says("x-mark", MARK)
    ),
    "transformation": Case(
        traffic=f"transformation: {{response: {{set: {{x-mark: '\"{MARK}\"'}}}}}}", holds=says("x-mark", MARK)
    ),
    "directResponse": Case(traffic="directResponse: {status: 418, body: tea}", holds=status(418)),
    "delay": Case(traffic="delay: {duration: 40ms}", holds=lambda seen: seen.took_s >= 0.04),
    "abort": Case(traffic="abort: {status: 503}", holds=lambda seen: seen.last.status == 503 and not seen.asked),
    "requestRedirect": Case(
        rule="filters: [{type: RequestRedirect, requestRedirect: {hostname: b.example}}]", holds=status(302)
    ),
    "urlRewrite": Case(
        rule="filters: [{type: URLRewrite, urlRewrite: {hostname: b.example}}]", holds=reaches("b.example")
    ),
    "hostRewrite": Case(
        traffic="hostRewrite: {mode: %(mode)s}", holds=lambda seen: seen.asked[-1].header("host") == seen.host
    ),
    "requestMirror": Case(
        rule="filters: [{type: RequestMirror, requestMirror: {backendRef: "
        "{group: agentgateway.dev, kind: AgentgatewayBackend, name: copy}}}]",
        holds=lambda seen: len(seen.copied) == 1,
    ),
    "filters of a backendRef": Case(
        reference="filters: [{type: RequestHeaderModifier, requestHeaderModifier: "
        f"{{set: [{{name: x-mark, value: '{MARK}'}}]}}}}]",
        holds=reaches(f"x-mark: {MARK}"),
    ),
    "backend.transformation": Case(
        backend=f"transformation: {{request: {{set: {{x-mark: '\"{MARK}\"'}}}}}}", holds=reaches(f"x-mark: {MARK}")
    ),
    "backend.extAuth": Case(backend="extAuth: {url: 'http://127.0.0.1:%(service)d'}", holds=status(403)),
    "ai.modelAliases": Case(ai="modelAliases: {m: m-aliased, gemini-m: gemini-aliased}", holds=reaches("-aliased")),
    "ai.defaults": Case(ai=f"defaults: {MEMBER}", holds=reaches(MARK)),
    "ai.overrides": Case(ai=f"overrides: {MEMBER}", holds=reaches(MARK)),
    "ai.prompt": Case(ai=f"prompt: {{prepend: [{{role: system, content: marked {MARK}}}]}}", holds=reaches(MARK)),
    "ai.transformations": Case(ai=f"transformations: {COMPUTED}", holds=reaches(f"0.{MARK}")),
    "ai.finalTransformations": Case(
        ai=f"finalTransformations: [{{field: seed, expression: '{MARK}'}}]", holds=reaches(MARK)
    ),
    "ai.promptCaching": Case(
        ai="promptCaching: {minTokens: 0}, prompt: {prepend: [{role: system, content: be brief}]}",
        provider="anthropic: {model: m}",
        holds=reaches("cache_control"),
        text="hi " * 50,
    ),
    "ai.promptGuard (request)": Case(
        ai=f"promptGuard: {GUARD % ('request', 'Reject')}",
        holds=lambda seen: seen.last.status == 403 and not seen.asked,
        text=SECRET,
    ),
    "ai.promptGuard (response)": Case(
        ai=f"promptGuard: {GUARD % ('response', 'Mask')}",
        holds=lambda seen: seen.last.status == 200 and b"masked" in seen.last.body,
    ),
}


def filled(text: str, row: Row, service: int) -> str:
    """Return a text of a case for a kind of request."""
    member, value = READ_MEMBERS.get(row, (CHAT_MEMBERS.get(row, "temperature"), f"0.{MARK}"))
    words = {"member": member, "value": value, "service": service, "issuer": ISSUER}
    words["mode"] = "Auto" if row == "http" else "None"
    return text % words
