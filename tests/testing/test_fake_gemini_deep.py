"""testing/fake_gemini_request.py: a schema that is nested too deeply is a 400 in Google's shape, never a crash."""

import msgspec
import pytest

from sluice.testing.fake_gemini_request import TOO_DEEP
from sluice.testing.fake_gemini_schema import MAX_SCHEMA_DEPTH, is_too_deep
from tests.testing.spoken import Json, accepted, refused


def nested(levels: int, word: str = "items") -> Json:
    """A schema with this many levels below it."""
    schema: Json = {"type": "STRING"}
    for _ in range(levels):
        schema = {"type": "ARRAY", word: schema}
    return schema


def asked(schema: Json, *, as_answer: bool) -> Json:
    body: Json = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    if as_answer:
        return body | {"generationConfig": {"responseMimeType": "application/json", "responseSchema": schema}}
    return body | {"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]}


@pytest.mark.parametrize("as_answer", [True, False])
@pytest.mark.parametrize("levels", [300, 900])
def test_a_schema_that_is_too_deep_is_refused(levels: int, as_answer: bool) -> None:
    assert TOO_DEEP in refused("gemini", asked(nested(levels), as_answer=as_answer))


@pytest.mark.parametrize("as_answer", [True, False])
def test_a_deep_schema_is_taken(as_answer: bool) -> None:
    accepted("gemini", asked(nested(40), as_answer=as_answer))


def test_the_edge() -> None:
    assert not is_too_deep(nested(MAX_SCHEMA_DEPTH - 2))
    assert is_too_deep(nested(MAX_SCHEMA_DEPTH + 1))
    assert is_too_deep(msgspec.json.decode(msgspec.json.encode(nested(800))))
