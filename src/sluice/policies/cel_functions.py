"""Functions that expressions know beside CEL's own and those of the library, named as agentgateway names them.

Guarantee: a call that fails makes its expression fail and says nothing anywhere: the library would log what a function
raises, and that may quote what a client sent. Source: agentgateway, schema/cel-functions.md (read 2026-11-21).
"""

import base64
import hashlib
import ipaddress
from collections.abc import Callable, Mapping

import msgspec

Function = Callable[..., object]


class _Failed:
    """What a function returns that failed: no value of CEL, so the expression fails with it, unlogged."""


_FAILED = _Failed()


def quiet(function: Function) -> Function:
    """Return the function as one that does not raise."""

    def call(*arguments: object) -> object:
        try:
            return function(*arguments)
        except Exception:  # whatever a client's text does to it
            return _FAILED

    return call


def _json(value: str | bytes) -> object:
    return msgspec.json.decode(value)


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _strip_prefix(text: str, prefix: str) -> str:
    return text.removeprefix(prefix)


def _strip_suffix(text: str, suffix: str) -> str:
    return text.removesuffix(suffix)


def _merge(first: dict[str, object], second: dict[str, object]) -> dict[str, object]:
    return {**first, **second}


def _flatten(value: Mapping[str, object] | list[object], depth: int = 1) -> object:
    """An object stays one here: whoever writes its members apart sees the call (`json_value.spread`). Lists in a
    list become one list, as CEL's own extension has it."""
    if isinstance(value, Mapping):
        return value
    from cel.stdlib import flatten

    return flatten(value, depth)


def _flatten_recursive(value: Mapping[str, object] | list[object]) -> dict[str, object]:
    """`{"a": {"b": [1]}}` as `{"a.b.0": 1}`."""
    found: dict[str, object] = {}
    for name, member in value.items() if isinstance(value, Mapping) else enumerate(value):
        if isinstance(member, Mapping | list):
            found |= {f"{name}.{inner}": each for inner, each in _flatten_recursive(member).items()}
        else:
            found[str(name)] = member
    return found


def _digest(value: str | bytes) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


def _encode(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def _decode(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


def _ip(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _cidr(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


def _contains_ip(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


def _fail(*arguments: object) -> object:
    raise ValueError


OWN: Mapping[str, Function] = {
    "json": _json,
    "toJson": _to_json,
    "stripPrefix": _strip_prefix,
    "stripSuffix": _strip_suffix,
    "merge": _merge,
    "flatten": _flatten,
    "flattenRecursive": _flatten_recursive,
    "sha256.encode": _digest,
    "base64.encode": _encode,
    "base64.decode": _decode,
    "ip": _ip,
    "isIP": _is_ip,
    "cidr": _cidr,
    "containsIP": _contains_ip,
    "fail": _fail,
}
"""An address and a network are strings here, in their canonical form."""
