"""anthropic_messages/errors.py, and what the class itself answers."""

import json
from datetime import UTC, datetime

import anthropic
import pytest
from anthropic.types import ModelInfo

from sluice.chat.carry import FEATURES
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.anthropic_messages.facts import FACTS, WORDS
from sluice.dialects.dialect import Dialect
from sluice.errors import BadRequest, Internal, ModelNotFound, Refused, TimedOut, Unavailable
from tests.dialects.messages_events import OfficialClient

CLIENT = OfficialClient()
DIALECT: Dialect = ANTHROPIC_MESSAGES


@pytest.mark.parametrize(
    ("status", "word", "raised"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (402, "billing_error", anthropic.PaymentRequiredError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (409, "conflict_error", anthropic.ConflictError),
        (413, "request_too_large", anthropic.APIStatusError),
        (418, "invalid_request_error", anthropic.APIStatusError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (502, "api_error", anthropic.InternalServerError),
        (503, "overloaded_error", anthropic.InternalServerError),
        (504, "timeout_error", anthropic.InternalServerError),
        (529, "overloaded_error", anthropic.InternalServerError),
    ],
)
def test_the_word_follows_the_status(status: int, word: str, raised: type[anthropic.APIStatusError]) -> None:
    error = Refused("m", status=status, type="something_else")
    assert DIALECT.error_status(error) == status
    body = DIALECT.write_error(error)
    assert json.loads(body) == {"type": "error", "error": {"type": word, "message": "m"}}
    with pytest.raises(raised, match=word):
        CLIENT.create(body, status)


def test_the_gateways_own_errors() -> None:
    def word(error: Exception) -> str:
        return str(json.loads(DIALECT.write_error(error))["error"]["type"])  # type: ignore[arg-type]

    assert word(BadRequest("m")) == "invalid_request_error"
    assert word(ModelNotFound("m")) == "not_found_error"
    assert word(TimedOut("idle")) == "timeout_error"
    assert word(Unavailable("m")) == "overloaded_error"
    assert word(Internal("m")) == "api_error"


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        (b'{"type":"error","error":{"type":"rate_limit_error","message":"m"}}', "m", "rate_limit_error"),
        (b'{"error":{"message":"m","type":"t","code":7}}', "m", "t"),
        (b'{"error":"m"}', "m", "api_error"),
        (b'{"message":"m"}', "m", "api_error"),
        (b'{"detail":"m"}', "m", "api_error"),
        (b"{}", "the provider answered with status 502", "api_error"),
        (b"", "the provider answered with status 502 and no body", "api_error"),
        (b" <html>bad gateway</html> ", "<html>bad gateway</html>", "api_error"),
        (b"\xff\xfe", "\ufffd\ufffd", "api_error"),
        (b"x" * 5000, "x" * 1024, "api_error"),
        (b'{"error":[]}', '{"error":[]}', "api_error"),
        (b"[" * 100_000, "[" * 1024, "api_error"),
    ],
)
def test_refusals_of_any_shape_are_read(body: bytes, message: str, kind: str) -> None:
    refused = DIALECT.read_error(502, body)
    assert (str(refused), refused.status, refused.type) == (message, 502, kind)


def test_a_message_with_half_a_surrogate_pair_is_written() -> None:
    assert json.loads(DIALECT.write_error(Refused("\ud800", status=400)))["error"]["message"] == "�"


# -- tables ----------------------------------------------------------------------------------------------------------


def test_the_tables_are_complete() -> None:
    assert isinstance(ANTHROPIC_MESSAGES, Dialect)
    assert DIALECT.module_id == "dialect.anthropic_messages"
    assert DIALECT.facts is FACTS
    assert set(FACTS.carries) == set(FEATURES)
    assert set(WORDS) <= set(FEATURES)
    assert {field.feature for field in FACTS.fields.values()} <= {"", *FEATURES}
    assert {field.how for field in FACTS.fields.values()} == {"read", "dropped", "refused"}
    for name, field in FACTS.fields.items():
        assert field.why or field.how == "read", name
    for name, carry in FACTS.carries.items():
        assert carry.why or carry.how == "carried", name
    assert set(FACTS.finish_written) == {"stop", "length", "tool_calls", "content_filter", "refusal", "error"}


def test_models_are_listed_as_the_vendor_does() -> None:
    listed = json.loads(DIALECT.write_models([("a", "x"), ("b", "y")]))
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, "a", "b")
    model = ModelInfo.model_validate(listed["data"][0] | {"lifecycle": "active"})
    assert (model.id, model.display_name, model.created_at) == ("a", "a", datetime(1970, 1, 1, tzinfo=UTC))
    assert json.loads(DIALECT.write_models([])) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
