"""A JSON value that a JSON schema allows: what the fake provider calls tools with and answers structured requests with.

Pure and deterministic. Honours what tools' schemas use: type, const, enum, default, examples, properties, items,
bounds, lengths, format, anyOf/oneOf/allOf, $ref inside the schema. `pattern` and `not` are not read.
Obeys: json-schema.org draft 2020-12 (read 2026-11-21).
"""

from typing import cast

Schema = dict[str, object]
"""A decoded JSON schema. (msgspec cannot decode to a recursive alias, so that `object` stands for any JSON value.)"""

MAX_DEPTH = 16
"""Nesting of the value; a schema that refers to itself would have no end."""

_FORMATS = {
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
_WORDS = {"city": "Paris", "location": "Paris", "country": "France", "name": "Ada", "language": "English"}
_ASKED = frozenset({"query", "q", "question", "prompt", "message", "text", "input", "search"})


def example(schema: Schema, question: str) -> object:
    """Return a value for the schema. Members that are named like a question get `question`."""
    return _Builder(schema, question).value(schema, "", 0)


class _Builder:
    def __init__(self, root: Schema, question: str) -> None:
        self._root = root
        self._question = question

    def value(self, schema: object, name: str, depth: int) -> object:
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return None  # `true` allows anything
        schema = self._resolved(schema)
        for word in ("const", "default"):
            if word in schema:
                return schema[word]
        for word in ("enum", "examples"):
            offered = schema.get(word)
            if isinstance(offered, list) and offered:
                return offered[0]
        match self._type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return self._string(schema, name)
            case "integer":
                return int(_number(schema, whole=True))
            case "number":
                return _number(schema, whole=False)
            case "boolean":
                return True
        return None

    def _resolved(self, schema: Schema) -> Schema:
        """Follow references, take the first of alternatives, merge what holds together."""
        for _ in range(MAX_DEPTH):
            if isinstance(ref := schema.get("$ref"), str):
                schema = {**self._lookup(ref), **{k: v for k, v in schema.items() if k != "$ref"}}
            elif isinstance(every := schema.get("allOf"), list):
                schema = _merged([{k: v for k, v in schema.items() if k != "allOf"}, *map(self._part, every)])
            elif (first := _alternative(schema)) is not None:
                rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
                schema = _merged([rest, self._part(first)])
            else:
                break
        return schema

    def _part(self, schema: object) -> Schema:
        if not isinstance(schema, dict):
            return {}
        ref = schema.get("$ref")
        return self._lookup(ref) if isinstance(ref, str) else schema

    def _lookup(self, ref: str) -> Schema:
        at: object = self._root
        for step in ref.removeprefix("#").split("/")[1:]:
            at = at.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(at, dict) else None
        return at if isinstance(at, dict) else {}

    def _type(self, schema: Schema) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        if isinstance(kind, str):
            return kind
        return "object" if "properties" in schema else "array" if "items" in schema else "null"

    def _object(self, schema: Schema, depth: int) -> object:
        properties = schema.get("properties")
        known: Schema = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = dict.fromkeys(
            [*known, *(n for n in (required if isinstance(required, list) else ()) if n not in known)]
        )
        if depth >= MAX_DEPTH // 2:  # deep inside, only what has to be
            names = {n: None for n in names if isinstance(required, list) and n in required}
        return {str(n): self.value(known.get(str(n), {}), str(n), depth + 1) for n in names}

    def _array(self, schema: Schema, name: str, depth: int) -> object:
        first = schema.get("prefixItems")
        places: list[object] = first if isinstance(first, list) else []
        least = schema.get("minItems", 0 if depth >= MAX_DEPTH // 2 else 1)
        most = schema.get("maxItems", 1 << 10)
        size = min(least if isinstance(least, int) else 1, most if isinstance(most, int) else 1)
        schemas = [*places, *([schema.get("items", {"type": "string"})] * max(0, size - len(places)))]
        return [self.value(each, name, depth + 1) for each in schemas]

    def _string(self, schema: Schema, name: str) -> str:
        known = _FORMATS.get(str(schema.get("format")))
        if known is not None:
            return known
        text = self._question if name.lower() in _ASKED else _WORDS.get(name.lower(), f"example {name}".rstrip())
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if isinstance(least, int):
            text = text.ljust(least, "x")
        return text[:most] if isinstance(most, int) else text


def _alternative(schema: Schema) -> object:
    for word in ("anyOf", "oneOf"):
        offered = schema.get(word)
        if isinstance(offered, list) and offered:
            solid = (each for each in offered if not (isinstance(each, dict) and each.get("type") == "null"))
            return next(solid, offered[0])
    return None


def _merged(schemas: list[Schema]) -> Schema:
    merged: Schema = {}
    for schema in schemas:
        for word, value in schema.items():
            held = merged.get(word)
            if isinstance(held, dict) and isinstance(value, dict):
                merged[word] = {**held, **value}
            elif isinstance(held, list) and isinstance(value, list) and word == "required":
                merged[word] = [*held, *value]
            else:
                merged[word] = value
    return merged


def _number(schema: Schema, *, whole: bool) -> int | float:
    """The least allowed number that is not below 1, if there is one; whole if it can be."""
    step = cast(float, schema.get("multipleOf", 1 if whole else 0.5))
    low, high = (
        _bound(schema, "minimum", "exclusiveMinimum", step),
        _bound(schema, "maximum", "exclusiveMaximum", -step),
    )
    value: int | float = 1 if low is None else low
    if high is not None and value > high:
        value = high
    if "multipleOf" in schema or whole:
        value = -(-value // step) * step
        if high is not None and value > high:
            value -= step
    return int(value) if value == int(value) else value


def _bound(schema: Schema, closed: str, opened: str, step: float) -> int | float | None:
    found = schema.get(closed)
    if isinstance(found, int | float):
        return found
    found = schema.get(opened)
    return found + step if isinstance(found, int | float) else None
