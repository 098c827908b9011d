"""The Plan as JSON-ready values, for the admin address.

PURE. Guarantee: no secret is in the result: every `Secret` is `***`, and so are private keys and passwords inside
URLs, wherever they stand.
"""

import re

import msgspec

from sluice.config.plan import Plan
from sluice.providers.credential import Secret

HIDDEN = "***"

_USERINFO = re.compile(r"(?<=://)[^/?#\s@]*@")


def dump(plan: Plan) -> dict[str, object]:
    """Return the Plan as dicts, lists, strings and numbers."""
    plain = _hide(msgspec.to_builtins(plan, enc_hook=_hidden))
    assert isinstance(plain, dict)
    return plain


def _hidden(value: object) -> str:
    if isinstance(value, Secret):
        return HIDDEN
    raise NotImplementedError(type(value))


def _hide(value: object) -> object:
    if isinstance(value, dict):
        return {key: _hide(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(item) for item in value]
    if isinstance(value, str):
        return HIDDEN if "PRIVATE KEY-----" in value else _USERINFO.sub(f"{HIDDEN}@", value)
    return value
