"""A gateway with everything on, for the verification: what `verify` needs, and policies of every phase.

None of them refuses anything. Requests and answers pass guards with all built-ins and patterns that operators write;
the client is known by a key, has limits, a place and a budget in a ledger; headers are changed both ways. What is not
on would change what is asked or answered: mirrors, prompts and overrides, retries, faults, rejections.
"""

from collections.abc import Sequence
from pathlib import Path

from sluice.verify import own

KEY = "sk-verify-0123456789abcdef"
HEADER = f"authorization: Bearer {KEY}"

_POLICIES = """\
    apiKey:
      keys: [{{name: verify, key: {key}, metadata: {{team: truth}}, allowedModels: ["verify-*"]}}]
    authorization:
      rules: ['apiKey.team == "truth"', {{deny: 'default(request.headers["x-banned"], "") != ""'}}]
    localRateLimit:
      - {{requests: 1000000000, unit: Hours, key: apiKey.key_id}}
      - {{tokens: 1000000000000, unit: Hours, key: apiKey.key_id}}
      - {{concurrency: 100000, key: apiKey.key_id}}
    budgets:
      - {{name: money, key: apiKey.team, amountUsd: "1000000", period: Month}}
      - {{name: tokens, tokens: 1000000000000, period: Day}}
    cors: {{allowOrigins: ["https://app.example"]}}
    csrf: {{additionalOrigins: ["https://app.example"]}}
    headerModifiers:
      request: {{set: {{x-team: truth}}}}
      response: {{set: {{x-verified-by: everything}}}}
    transformations:
      request: {{set: {{x-model: llmRequest.model}}}}
      response: {{set: {{x-provider: llm.provider}}}}
    guardrails:
      request: [{guard}]
      response: [{guard}]
"""
BUILTINS = ("creditCard", "ssn", "phoneNumber", "email", "caSin")
_PATTERNS = (
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\bAKIA[0-9A-Z]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{36}",
    r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+",
    r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}\b",
    r"\bdb[0-9]{1,3}\.corp\.example\.com\b",
)


def configuration(provider_port: int, ledger: Path, builtins: Sequence[str] = BUILTINS) -> str:
    """Return `verify`'s own configuration with the policies, and a ledger in that file."""
    rules = [f"{{builtin: {name}}}" for name in builtins] + [f"{{pattern: '{text}'}}" for text in _PATTERNS]
    guard = f"{{regex: {{action: mask, rules: [{', '.join(rules)}]}}}}"
    policies = _POLICIES.format(key=KEY, guard=guard)
    return f'config: {{database: {{url: "sqlite://{ledger}"}}}}\n{own.configuration(provider_port)}{policies}'
