"""What a service of external authorization is told, and whether the key of its cached decisions covers that: requests
of one key share one decision.

PURE.
"""

import re
from collections.abc import Iterable

from sluice.config.access_api import DecisionCache
from sluice.policies.cel_text import lowered
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.scene import ASKED

Reference = tuple[str, ...]
"""A variable and the way below it: `("request", "headers", "x-team")`."""

_REFERENCE = re.compile(
    rf"(?<![\w.\"'])({'|'.join(ASKED)})\b((?:\s*\.\s*[A-Za-z_]\w*(?!\w|\s*\()|\s*\[\s*(?:\"[^\"]*\"|'[^']*')\s*\])*)"
)
_STEP = re.compile(r"\.\s*([A-Za-z_]\w*)|\[\s*[\"']([^\"']*)")
_BODY = ("request", "body")
_ALIKE: dict[Reference, tuple[Reference, ...]] = {
    ("request", "pathAndQuery"): (("request", "path"), ("request", "query")),
    ("request", "uri"): (("request", "path"), ("request", "query"), ("request", "host")),
    ("request", "headers", "authorization"): (("jwt",), ("basicAuth",), ("apiKey",)),
    ("llmRequest",): (_BODY, ("llm",)),
    _BODY: (("llmRequest",), ("llm",)),
    ("llmRequest", "model"): (("llm", "requestModel"),),
    ("llm", "requestModel"): (("llmRequest", "model"),),
}
"""What is known where something else is."""


def uncovered(service: ExternalAuth, spec: DecisionCache) -> list[str]:
    """Return what the operator wants a service to be told and its cache does not tell apart, as expressions."""
    key = {found for text in spec.key for found in _references(text)}
    key |= {other for found in key for other in _ALIKE.get(found, ())}
    texts = [service.path, service.body, *(text for _, text in service.add_headers)]
    told = [found for text in texts for found in _references(text)]
    if service.request_headers != ExternalAuth(server=None).request_headers:
        told += [("request", "headers", name) for name in service.request_headers]
    if service.body_bytes and not service.body:
        told.append(_BODY)
    missing = [found for found in told if not any(found[: len(each)] == each for each in key)]
    return [_written(found) for found in dict.fromkeys(missing)]


def _references(text: str) -> Iterable[Reference]:
    for match in _REFERENCE.finditer(lowered(text)):
        yield (match[1], *(step[0] or step[1] for step in _STEP.findall(match[2])))


def _written(found: Reference) -> str:
    if found[:2] == ("request", "headers") and len(found) > 2:
        return f'request.headers["{found[2]}"]'
    return ".".join(found)
