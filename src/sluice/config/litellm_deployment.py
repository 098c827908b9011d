"""One entry of LiteLLM's `model_list` to an entry of `llm.models`.

PURE. Which provider: the word before the first slash of `litellm_params.model`, else `custom_llm_provider`, else the
model's name, else OpenAI. Source: see litellm_words.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from sluice.config.frozen import Frozen
from sluice.config.litellm_reader import Given, shorter
from sluice.config.litellm_words import (
    BODY,
    COMPATIBLE,
    FACT,
    FAMILIES,
    HINTS,
    PROVIDERS,
    RATES,
    REQUEST,
    UNSERVED,
    VARIABLES,
)
from sluice.config.units import duration_text

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]\Z")
_WAYS: Final = {
    "bedrock": ("converse", "converse_like", "invoke"),
    "azure": ("o_series", "gpt5_series", "responses"),
    "openai": ("responses",),
}
"""Provider -> words behind its slash that say how LiteLLM asks; Sluice asks in the client's dialect if it can."""
_SECRET_HEADER = re.compile(r"auth|cookie|key|secret|token", re.IGNORECASE)
_MILLION = 1_000_000
_DEPLOYMENT = "name in the address"
"""Where the deployment of a whole Azure address is kept while an entry is read."""
CUSTOM_FORMATS: Final = ("completions", "embeddings", "rerank")
"""Of a provider that speaks OpenAI's API: which of them a model is for is the client's to know."""
SHARES: Final = ("weight", "rpm", "tpm")
"""What LiteLLM shares the requests of a name by: the first that its deployments have. Source: docs/proxy/configs, Load
Balancing (read 2026-11-21)."""


class Deployment(Frozen):
    """Who answers for a model of LiteLLM's, as an entry of `llm.models` without its name."""

    entry: dict[str, object]
    model: str
    """What the provider is asked for; a pattern passes on what fits it."""
    word: str
    """The provider's word in the short form; `custom` has none."""
    number: int
    """In `model_list`."""
    shares: Mapping[str, float] = {}
    """`weight`, `rpm` and `tpm`, as far as they are given."""
    order: int = 1
    id: str = ""
    rates: Mapping[str, str] = {}


def deployment(name: str, params: Given, info: Given, number: int) -> Deployment | None:
    """Return what `litellm_params` and `model_info` come to; None, and a note, if no provider here can be asked."""
    prefix, model = _split(params)
    word = PROVIDERS.get(prefix, "")
    if not word and prefix not in COMPATIBLE:
        params.note("model", "left out: no provider here speaks it; `custom` takes one that speaks a published API")
        return None
    settings, headers = _settings(prefix, word, name, params), _headers(name, params)
    if not word and "baseUrl" not in settings:
        params.note("model", "left out: nothing says where it is; `api_base` would")
        return None
    if word == "azure":
        model = params.text(_DEPLOYMENT) or model
    if model and "*" not in model:
        settings["model"] = model
    entry: dict[str, object] = {
        "provider": word or {"custom": {"formats": [{"type": kind} for kind in CUSTOM_FORMATS]}}
    }
    if settings:
        entry["params"] = settings
    if headers:
        entry["requestHeaders"] = {"set": headers}
    if clocks := _clocks(params):
        entry["timeouts"] = clocks
    if body := _body(params):
        entry["defaults"] = body
    order = params.number("order")
    shares = {name: params.number(name) for name in SHARES if name in params}
    for name in ("rpm", "tpm"):
        if name in shares:
            params.note(name, f"not carried over: {HINTS[name]}")
    found = Deployment(
        entry=entry,
        model=model,
        word=word or "custom",
        number=number,
        shares={name: value for name, value in shares.items() if value is not None},
        order=1 if order is None else int(order),
        id=info.text("id"),
        rates=_rates(params, info) if model and "*" not in model else {},
    )
    info.take("mode")  # each operation is asked where the provider has it
    info.rest(FACT)
    params.rest(REQUEST)
    return found


def _split(params: Given) -> tuple[str, str]:
    """Return the provider's word of LiteLLM, and its model."""
    written = str(params.take("model") or "")
    said = str(params.take("custom_llm_provider") or "")
    prefix, slash, model = written.partition("/")
    if said:
        model = model if slash and prefix == said else written
        prefix = said
    elif not slash or (not {prefix} & (PROVIDERS.keys() | COMPATIBLE.keys() | UNSERVED) and "api_base" in params):
        prefix, model = _family(written, params), written
    steps = model.split("/")
    while len(steps) > 1 and (steps[0] in _WAYS.get(prefix, ()) or (prefix == "bedrock" and _REGION.match(steps[0]))):
        step = steps.pop(0)
        if _REGION.match(step) and "aws_region_name" not in params:
            params.put("aws_region_name", step)
    return prefix, "/".join(steps)


def _family(model: str, params: Given) -> str:
    if "api_base" in params or "base_url" in params:
        return "openai"
    ours = next((word for begins, word in FAMILIES if model.startswith(begins)), "openAI")
    return next(word for word, mine in PROVIDERS.items() if mine == ours)


def _settings(prefix: str, word: str, name: str, params: Given) -> dict[str, object]:
    """Return `params` of the entry, but for its model."""
    usual = VARIABLES.get(prefix) or VARIABLES.get(word, {})
    key = params.secret("api_key", f"{name}_api_key") or params.secret("azure_ad_token", f"{name}_ad_token")
    base = _base(prefix, word, params) or usual.get("api_base", "") or COMPATIBLE.get(prefix, "")
    found = {
        "apiKey": key or usual.get("api_key", ""),
        "baseUrl": base,
        "awsRegion": params.text("aws_region_name") if word == "bedrock" else "",
        "vertexProject": (params.text("vertex_project") or usual.get("vertex_project", ""))
        if word == "vertexai"
        else "",
        "vertexRegion": params.text("vertex_location") if word == "vertexai" else "",
        "azureApiVersion": params.text("api_version") if word == "azure" else "",
        "azureResourceType": "foundry" if prefix == "azure_ai" else "",
    }
    return {member: value for member, value in found.items() if value}


def _base(prefix: str, word: str, params: Given) -> str:
    """Return `api_base` as `baseUrl` has it: without a query, and of Azure without what Sluice adds itself."""
    member = "api_base" if "api_base" in params else "base_url"
    text = params.text(member)
    params.take("base_url")
    parts = urlsplit(text)
    if "@" in parts.netloc:
        params.note(member, "not carried over: credentials stand in it; `apiKey` holds one")
        return ""
    query = dict(parse_qsl(parts.query))
    version = query.pop("api-version", "")
    if version and "api_version" not in params:
        params.put("api_version", version)
    if query or parts.fragment:
        params.note(member, "its query is left out: it may hold a secret, and a base URL has none here")
    base = text.partition("#")[0].partition("?")[0]
    if word == "azure":
        host, deployed, rest = base.partition("/openai/deployments/")
        if deployed:
            params.put(_DEPLOYMENT, rest.partition("/")[0])
        base = host.rstrip("/").removesuffix("/anthropic").removesuffix("/models") if prefix == "azure_ai" else host
    return base


def _headers(name: str, params: Given) -> dict[str, str]:
    headers = params.inner("extra_headers")
    found = {}
    for header in headers.names():
        secret = _SECRET_HEADER.search(header) is not None
        found[header] = headers.secret(header, f"{name}_{header}") if secret else headers.text(header)
    if organization := params.text("organization"):
        found["openai-organization"] = organization
    return found


def _clocks(params: Given) -> dict[str, object]:
    """Return `timeout` and `stream_timeout`, as `llm.policies.timeouts` has those of the router."""
    whole, first = params.number("timeout"), params.number("stream_timeout")
    if whole and first and first > whole:
        params.note("timeout", "not carried over: `stream_timeout` is longer, and `attempt` bounds streams too")
        whole = None
    clocks = {"firstToken": first, "attempt": whole}
    return {name: duration_text(seconds) for name, seconds in clocks.items() if seconds}


def _body(params: Given) -> dict[str, object]:
    found = {member: shorter(params.take(member)) for member in sorted(BODY) if member in params}
    extra = params.inner("extra_body")
    return found | {member: shorter(extra.take(member)) for member in extra.names()}


def _rates(params: Given, info: Given) -> dict[str, str]:
    """Return prices in USD per million tokens."""
    found = {}
    for member, rate in RATES.items():
        for given in (params, info):
            price = given.number(member) if member in given else None
            if price is not None:
                found[rate] = f"{(Decimal(str(price)) * _MILLION).normalize():f}"
    return found
