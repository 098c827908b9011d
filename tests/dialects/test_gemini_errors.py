"""gemini/errors.py: Google's error object, and whatever else comes in its place."""

import json

import pytest
from google.genai import errors as genai_errors

from sluice.dialects.gemini import GEMINI
from sluice.errors import BadRequest, InBandFailure, ModelNotFound, Refused, SluiceError, TimedOut, Unavailable
from tests.dialects.gemini import client

GOOGLES = {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "x"}]}
NOTHING = "the provider answered with status 429"


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (json.dumps({"error": GOOGLES}), "Quota exceeded", "RESOURCE_EXHAUSTED"),
        (json.dumps([{"error": GOOGLES}], indent=2), "Quota exceeded", "RESOURCE_EXHAUSTED"),
        ('{"error":"invalid_grant","error_description":"Bad JWT"}', "Bad JWT", "upstream_refused"),
        ('{"error":"no"}', "no", "upstream_refused"),
        ('{"message":"no"}', "no", "upstream_refused"),
        (
            '{"error":{"code":"x","message":null,"status":5}}',
            NOTHING,
            "upstream_refused",
        ),
        ("[]", NOTHING, "upstream_refused"),
        ("<html>no</html>", "<html>no</html>", "upstream_refused"),
        ("", "the provider answered with status 429 and no body", "upstream_refused"),
        ('{"error":' * 50_000, '{"error":' * 113 + '{"error', "upstream_refused"),
    ],
)
def test_any_body_is_read(body: str, message: str, code: str) -> None:
    error = GEMINI.read_error(429, body.encode())
    assert (str(error)[:1020], error.status, error.code) == (message[:1020], 429, code)
    assert error.type == "rate_limit_error"
    assert error.retryable


def test_bytes_that_are_no_text_are_read_and_long_texts_cut() -> None:
    assert str(GEMINI.read_error(500, b"\xff\xfe")) == "\ufffd\ufffd"
    assert len(str(GEMINI.read_error(500, b"x" * 5000))) == 1024
    assert len(str(GEMINI.read_error(500, json.dumps({"error": {"message": "x" * 5000}}).encode()))) == 1024


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (BadRequest("no"), 400, "INVALID_ARGUMENT"),
        (Refused("no", status=401), 401, "UNAUTHENTICATED"),
        (Refused("no", status=403), 403, "PERMISSION_DENIED"),
        (ModelNotFound("no"), 404, "NOT_FOUND"),
        (Refused("no", status=418), 418, "INVALID_ARGUMENT"),
        (Refused("no", status=429), 429, "RESOURCE_EXHAUSTED"),
        (Refused("no", status=499), 499, "CANCELLED"),
        (SluiceError("no"), 500, "INTERNAL"),
        (InBandFailure("no"), 502, "UNAVAILABLE"),
        (Unavailable("no"), 503, "UNAVAILABLE"),
        (TimedOut("total"), 504, "DEADLINE_EXCEEDED"),
        (Refused("no", status=529), 503, "UNAVAILABLE"),
        (Refused("no", status=520), 520, "INTERNAL"),
    ],
)
def test_the_status_and_its_word(error: SluiceError, code: int, status: str) -> None:
    assert GEMINI.error_status(error) == code
    written = json.loads(GEMINI.write_error(error))
    assert written == {"error": {"code": code, "message": str(error), "status": status}}


def test_the_place_in_the_body_is_a_field_violation() -> None:
    written = json.loads(GEMINI.write_error(BadRequest("no", param="contents[0].role")))
    assert written["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "contents[0].role", "description": "no"}],
        }
    ]


def test_the_official_client_reads_it() -> None:
    body = GEMINI.write_error(ModelNotFound("no such model"))
    with pytest.raises(genai_errors.ClientError) as caught:
        client(body, status=404).models.generate_content(model="m", contents="hi")
    assert (caught.value.code, caught.value.status, caught.value.message) == (404, "NOT_FOUND", "no such model")


def test_a_message_with_half_a_surrogate_pair() -> None:
    assert json.loads(GEMINI.write_error(BadRequest("a\ud800")))["error"]["message"] == "a\ufffd"
