"""The configuration of the gateway under the soak, and what its providers do wrong. Pure.

The short form, everything short: time-outs, keep-alives, slow readers, the queue. A reload changes what becomes of a
stream that its client leaves, so that half of the run cancels and half of it reads on.
"""

from typing import Literal

import msgspec

from sluice.testing.fake_fault import At, Fault
from sluice.testing.fake_rules import Match, Rule
from sluice.verify.facts import PROVIDERS, Provider

CONNECT_S = 1.5
SILENCE_S = 5.0
"""Of a provider: before its head, and between two events. Longer than the provider needs after a burst on a machine
that does other things too: else what is slow would be taken for what is silent."""
SLOW_READER_S = 2.0
KEEP_ALIVE_S, COMMIT_AFTER_S = 0.25, 0.5
POOL_IDLE_S = 2.0
REST_S = 1.0
"""Of a target that failed three times in a row."""
MAX_CONCURRENT, MAX_QUEUE, QUEUE_TIMEOUT_S = 300, 60, 0.4
READ_ON_S, READ_ON_AT_ONCE = 1.0, 8
RETRIES = 1
"""Further attempts after the first."""

Edition = Literal["cancel", "drain", "broken"]
"""What a reload brings: one of two configurations, or one that has to be refused."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where the providers are, on 127.0.0.1."""

    fake: int
    wall: int
    """Never accepts."""
    closed: int
    """Refuses connections."""


FAILING: dict[str, tuple[Provider, Fault | None]] = {
    "refuses": ("chat", Fault(status=503, headers={"retry-after": "1"})),
    "resets": ("messages", Fault(end="rst")),
    "empties": ("gemini", Fault(empty=True)),
    "breaks": ("responses", Fault(at=At(event=1), end="fin")),
    "ends": ("converse", Fault(end="fin")),
    "closed": ("chat", None),
    "walled": ("messages", None),
}
"""Targets that always fail before the first token: what they speak, and how they fail; None = nobody is there."""
STEADY: dict[str, Provider] = {
    "refuses": "messages",
    "resets": "chat",
    "empties": "responses",
    "breaks": "converse",
    "ends": "gemini",
    "closed": "gemini",
    "walled": "chat",
}
"""Who answers in their place."""

_FORMATS: dict[Provider, str] = {
    "chat": "completions",
    "responses": "responses",
    "messages": "messages",
    "gemini": "generateContent",
}


def model(provider: Provider) -> str:
    """The model that one provider answers for."""
    return f"soak-{provider}"


def fail_over(name: str) -> str:
    """The model whose first target is the failing one of this name."""
    return f"soak-after-{name}"


def rules() -> tuple[Rule, ...]:
    """What the fake provider does to the failing targets: its `--faults` file."""
    return tuple(Rule(match=Match(model=name), fault=fault) for name, (_, fault) in FAILING.items() if fault)


def configuration(ports: Ports, edition: Edition = "cancel") -> str:
    """Return the file."""
    models = [_model(model(provider), provider, ports.fake, _NO_REST) for provider in PROVIDERS]
    models += [_failing(name, ports) for name in FAILING]
    on_disconnect = {"cancel": "Cancel", "drain": "Drain", "broken": "Sometimes"}[edition]
    return f"""\
config:
  logging: {{format: json, level: info}}
  backend: {{poolIdleTimeout: {POOL_IDLE_S:g}s}}
llm:
  port: 4000
  models:
{"".join(models)}  virtualModels:
{"".join(map(_fail_over, FAILING))}  policies:
    timeouts: {{connect: {_ms(CONNECT_S)}, responseHeaders: {_ms(SILENCE_S)}, responseIdle: {_ms(SILENCE_S)}}}
    stream:
      onDisconnect: {on_disconnect}
      drain: {{maxDuration: {_ms(READ_ON_S)}, maxTokens: 200, maxConcurrent: {READ_ON_AT_ONCE}}}
      keepAlive: {{interval: {_ms(KEEP_ALIVE_S)}, commitAfter: {_ms(COMMIT_AFTER_S)}}}
      slowReaderTimeout: {_ms(SLOW_READER_S)}
    retry: {{attempts: {RETRIES}, backoff: 25ms}}
    admission:
      maxConcurrent: {MAX_CONCURRENT}
      maxQueue: {MAX_QUEUE}
      queueTimeout: {_ms(QUEUE_TIMEOUT_S)}
      maxMemory: 1Gi
"""


_NO_REST = "{consecutiveFailures: 0}"
"""The provider fails all the time, on purpose, and there is no other."""


def _failing(name: str, ports: Ports) -> str:
    port = {"closed": ports.closed, "walled": ports.wall}.get(name, ports.fake)
    rest = f"{{duration: {_ms(REST_S)}, consecutiveFailures: 3}}"
    return _model(name, FAILING[name][0], port, rest, "      visibility: internal\n")


def _model(name: str, provider: Provider, port: int, eviction: str, more: str = "") -> str:
    origin = f"http://127.0.0.1:{port}"
    if provider == "converse":
        who = "      provider: bedrock\n"
        where = f"{{baseUrl: {origin}, awsRegion: eu-central-1, apiKey: soak, model: {name}}}"
    else:
        who = f"      provider:\n        custom:\n          formats: [{{type: {_FORMATS[provider]}}}]\n"
        base = origin if provider == "gemini" else f"{origin}/v1"
        where = f"{{baseUrl: {base}, model: {name}}}"
    return f"    - name: {name}\n{who}{more}      params: {where}\n      health: {{eviction: {eviction}}}\n"


def _fail_over(name: str) -> str:
    targets = "".join(
        f"            - {{model: {target}, priority: {priority}}}\n"
        for priority, target in enumerate((name, model(STEADY[name])))
    )
    return f"    - name: {fail_over(name)}\n      routing:\n        failover:\n          targets:\n{targets}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:g}ms"
