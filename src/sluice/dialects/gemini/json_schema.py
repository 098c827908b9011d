"""Gemini's schemas to JSON schema. The other way is not needed: as a provider Gemini takes JSON schema as it is
(`parametersJsonSchema`, `responseJsonSchema`), so that nothing of it is lost.

Source: ai.google.dev/api/caching#Schema and spec.openapis.org/oas/v3.0.3#schema-object, read 2026-11-21. Types become
lower case, `nullable` a second type, `example` a list, `ref` and `defs` get their dollar; numbers written as strings
(`minItems: "1"`) become numbers. `propertyOrdering` is Google's own and harmless elsewhere: it stays.
"""

import msgspec

from sluice.dialects.gemini.members import camel, misfit
from sluice.dialects.reading import UNREADABLE
from sluice.errors import BadRequest

MAX_DEPTH = 64
"""Levels of a schema; deeper ones are refused, as the vendor refuses them."""

_read_any = msgspec.json.Decoder().decode

_ONE = frozenset(["items", "additionalProperties", "not"])
_MANY = frozenset(["anyOf", "oneOf", "allOf", "prefixItems"])
_NAMED = frozenset(["properties", "defs"])
_NUMBERS = frozenset(["maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"])


def read(raw: msgspec.Raw, place: str) -> msgspec.Raw:
    """Return an OpenAPI schema of a request as a JSON schema.

    Raises:
        BadRequest: it is no object, or nested too deeply.
    """
    try:
        schema = _read_any(raw)
        return msgspec.Raw(msgspec.json.encode(_schema(schema, place, 0)))
    except UNREADABLE as error:
        raise misfit(error, raw, place) from None


def _schema(schema: object, place: str, depth: int) -> object:
    if isinstance(schema, bool):
        return schema  # of additionalProperties
    if not isinstance(schema, dict):
        raise BadRequest(f"Invalid value for '{place}': expected a schema.", param=place)
    if depth > MAX_DEPTH:
        raise BadRequest(f"Invalid value for '{place}': the schema is nested too deeply.", param=place)
    result: dict[str, object] = {}
    for name, value in schema.items():
        known = name if name.startswith("$") else camel(name)
        where = f"{place}.{known}"
        if known in _ONE:
            result[known] = _schema(value, where, depth + 1)
        elif known in _MANY and isinstance(value, list):
            result[known] = [_schema(each, f"{where}[{at}]", depth + 1) for at, each in enumerate(value)]
        elif known in _NAMED and isinstance(value, dict):
            named = {key: _schema(each, f"{where}.{key}", depth + 1) for key, each in value.items()}
            result["$defs" if known == "defs" else known] = named
        elif value is not None:
            _keyword(known, value, result)
    return _nullable(result) if result.pop("nullable", False) is True else result


def _keyword(name: str, value: object, result: dict[str, object]) -> None:
    """A member that holds no schema."""
    if name == "type":
        words = [word.lower() for word in (value if isinstance(value, list) else [value]) if isinstance(word, str)]
        known = [word for word in words if word != "type_unspecified"]
        if known:
            result["type"] = known if isinstance(value, list) else known[0]
    elif name == "format" and value == "enum":
        return  # Google's mark of an enum; JSON schema has no such format
    elif name == "ref" and isinstance(value, str):
        result["$ref"] = value.replace("#/defs/", "#/$defs/", 1)
    elif name == "example":
        result["examples"] = [value]
    elif name in _NUMBERS and isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        result[name] = int(value)
    else:
        result[name] = value


def _nullable(schema: dict[str, object]) -> dict[str, object]:
    """Let null be one of the values."""
    kind = schema.get("type")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
    elif isinstance(schema.get("anyOf"), list):
        return schema | {"anyOf": [*_list(schema["anyOf"]), {"type": "null"}]}
    values = schema.get("enum")
    if isinstance(values, list) and None not in values:
        schema["enum"] = [*values, None]
    return schema


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
