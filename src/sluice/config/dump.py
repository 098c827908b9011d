"""The Plan as JSON-ready values, for the admin address.

PURE. Guarantee: no secret is in the result: every `Secret` and `Hidden` is `***`, and so are private keys, passwords
and keys inside URLs and what follows `Bearer` or `Basic`, wherever they stand; the value of every header that a policy
sets, a text or an expression; and members that a policy sets in a body, or that describe a key, headers that a route
matches, and fields that an operator adds to the log or to spans, if their name says that they are secret.
"""

import re
from collections.abc import Callable

import msgspec

from sluice.config.plan import Plan
from sluice.policies.headers import names_credential
from sluice.policies.hidden import Hidden
from sluice.providers.credential import Secret

HIDDEN = "***"

_USERINFO = re.compile(r"(?<=://)[^/?#\s@]*@")
_QUERY = re.compile(r"([?&][\w.-]*(?:key|token|secret|password|sig|signature)=(?!=))[^&#\s\"']+", re.IGNORECASE)
_SCHEME = re.compile(r"\b([Bb]earer\s+|[Bb]asic\s+(?=[^\s\"']*[0-9A-Z=]))[^\s\"']+")
"""Not `basic authentication`."""
_SECRET_NAME = re.compile(
    r"(api|access|private)[-_]?key|secret|passw(or)?d|authorization|credential|(access|auth|api|bearer)[-_]?token",
    re.IGNORECASE,
)
"""Of a member of a body. Tokens that are counted (`max_tokens`) are none."""


def dump(plan: Plan) -> dict[str, object]:
    """Return the Plan as dicts, lists, strings and numbers; equal Plans give equal text."""
    plain = _hide(msgspec.to_builtins(plan, enc_hook=_hidden, order="deterministic"))
    assert isinstance(plain, dict)
    return plain


def _hidden(value: object) -> object:
    if isinstance(value, Secret | Hidden):
        return HIDDEN
    if isinstance(value, msgspec.Raw):
        return _hide_members(msgspec.json.decode(value))
    raise NotImplementedError(type(value))


def _hide(value: object, add: "Hiding | None" = None) -> object:
    """`add`: what to do with `add`, where that is not of headers."""
    if isinstance(value, dict):
        return {key: _hide_member(key, item, _hide_named if key == "observing" else add) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(item, add) for item in value]
    if isinstance(value, str):
        if "PRIVATE KEY-----" in value:
            return HIDDEN
        value = _QUERY.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", value))
        return _SCHEME.sub(rf"\1{HIDDEN}", value)
    return value


def _hide_member(key: str, item: object, add: "Hiding | None") -> object:
    hiding = add if key == "add" and add is not None else _HIDING.get(key)
    return _hide(item if hiding is None else hiding(item), add)


def _hide_named(pairs: object) -> object:
    assert isinstance(pairs, list | tuple)
    return [[name, HIDDEN if _SECRET_NAME.search(name) else value] for name, value in pairs]


def _hide_computed(items: object) -> object:
    """Return members of a body and their expressions; a route's `transformations` are no pairs, but have headers."""
    assert isinstance(items, list | tuple)
    return items if any(isinstance(each, dict) for each in items) else _hide_named(items)


def _hide_headers(headers: object) -> object:
    """Return pairs without their values, and what a route matches without what may be a credential."""
    if isinstance(headers, dict):
        return headers
    assert isinstance(headers, list | tuple)
    return [_hide_match(each) if isinstance(each, dict) else [each[0], HIDDEN] for each in headers]


def _hide_match(match: dict[str, object]) -> dict[str, object]:
    return match | {"value": HIDDEN} if names_credential(str(match["name"]).encode()) else match


def _hide_members(value: object) -> object:
    """Return a JSON value without the members whose names say that they are secret."""
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET_NAME.search(key) else _hide_members(item) for key, item in value.items()}
    return [_hide_members(item) for item in value] if isinstance(value, list) else value


Hiding = Callable[[object], object]
_HIDING: dict[str, Hiding] = {
    "defaults": _hide_named,
    "overrides": _hide_named,
    "metadata": _hide_members,
    "transformations": _hide_computed,
    "final_transformations": _hide_computed,
    "set": _hide_headers,
    "add": _hide_headers,
    "add_headers": _hide_headers,
    "headers": _hide_headers,
}
"""Of an AiPolicy: pairs of a member's name and its value. Of an API key: what is known of its owner. Of shaping: pairs
of a header's name and its value or expression."""
