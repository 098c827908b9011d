"""The fake provider's list of models, as each vendor lays it out. Pure.

Sources, read 2026-11-21: platform.openai.com/docs/api-reference/models, docs.claude.com/en/api/models-list,
ai.google.dev/api/models, and the types of the official clients.
"""

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

import msgspec

from sluice.testing.fake_doors import Door, Vendor
from sluice.testing.fake_refusal import Refusal

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo", "fake")
"""What is listed of OpenAI; any other model is served as well."""
_OTHERS: dict[Vendor, tuple[str, ...]] = {
    "messages": ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "fake"),
    "gemini": ("gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.5-pro", "fake"),
}
_Json = dict[str, object]
_encode = msgspec.json.Encoder().encode


def names(vendor: Vendor, model: str) -> tuple[str, ...]:
    """Return what a vendor's list holds: `model` alone, if the fake answers under that name."""
    return (model,) if model else _OTHERS.get(vendor, MODELS)


def listed(door: Door, model: str, query: str) -> bytes:
    """Return the list that a door shows."""
    rows: list[_Json] = [_ROWS.get(door.vendor, _openai)(name) for name in names(door.vendor, model)]
    match door.vendor:
        case "messages":
            return _encode(_paged(rows, query))
        case "gemini":
            return _encode({"models": rows})
    return _encode({"object": "list", "data": rows})


def _paged(rows: Sequence[_Json], query: str) -> _Json:
    """One page of Anthropic's list: `limit` rows after `after_id`."""
    wish = parse_qs(query)
    after, limit = wish.get("after_id", [""])[-1], wish.get("limit", ["20"])[-1]
    start = next((place for place, row in enumerate(rows, 1) if row["id"] == after), 0)
    end = start + max(1, int(limit) if limit.isascii() and limit.isdigit() else 20)
    page = rows[start:end]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return {"data": page, "has_more": end < len(rows)} | ends


def shown(door: Door, model: str, known: Callable[[str], str]) -> bytes:
    """Return one model. `known`: the name under which an alias answers.

    Raises:
        Refusal: 404; it is not listed.
    """
    name = door.model.removeprefix("models/")
    every = names(door.vendor, model)
    if name in every or name in map(known, every):
        return _encode(_ROWS.get(door.vendor, _openai)(name))
    match door.vendor:
        case "messages":
            raise Refusal(404, f"model: {name}")
        case "gemini":
            raise Refusal(404, f"Model is not found: models/{name} for api version v1beta")
    raise Refusal(404, f"The model '{name}' does not exist", code="model_not_found", param="model")


def _openai(name: str) -> _Json:
    return {"id": name, "object": "model", "created": 1_715_367_049, "owned_by": "system"}


def _anthropic(name: str) -> _Json:
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-09-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }


def _google(name: str) -> _Json:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "description": "A model of the fake provider.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": True,
    }


_ROWS: dict[Vendor, Callable[[str], _Json]] = {"messages": _anthropic, "gemini": _google}
