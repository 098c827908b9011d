"""The answer that says a rejection, in each dialect."""

import msgspec
import pytest

from sluice.dialects.dialect import Dialect
from sluice.errors import GuardRejected
from sluice.gateway.rejection import reply_of
from sluice.policies.guards import HeaderChange, Rejection
from sluice.policies.rejection import error_of
from sluice.standard import CLIENT_DIALECTS, STANDARD

DIALECTS = sorted(set(CLIENT_DIALECTS.values()))
DEFAULT = "The request was rejected due to inappropriate content"


def dialect(module_id: str) -> Dialect:
    return STANDARD.get(module_id, Dialect)


@pytest.mark.parametrize("module_id", DIALECTS)
def test_a_configured_message_is_the_body_in_every_dialect(module_id: str) -> None:
    error = error_of(Rejection(status=422, message="no: ö"), "request")
    assert reply_of(error, dialect(module_id)) == (
        422,
        [(b"content-type", b"text/plain; charset=utf-8")],
        "no: ö".encode(),
    )


@pytest.mark.parametrize("module_id", DIALECTS)
def test_the_default_sentence_is_an_error_of_the_dialect(module_id: str) -> None:
    status, headers, body = reply_of(error_of(Rejection(), "request"), dialect(module_id))
    assert (status, headers) == (403, [(b"content-type", b"application/json")])
    assert DEFAULT in str(msgspec.json.decode(body)["error"]["message"])


def test_the_default_sentence_may_be_plain_text() -> None:
    said = reply_of(error_of(Rejection(), "request"), dialect(DIALECTS[0]), text=True)
    assert said == (403, [(b"content-type", b"text/plain")], DEFAULT.encode())


def test_headers_of_the_rejection_go_along() -> None:
    change = HeaderChange(set=(("x-a", "1"), ("content-type", "text/markdown")))
    status, headers, body = reply_of(error_of(Rejection(message="{}", headers=change), "request"), dialect(DIALECTS[0]))
    assert (status, headers, body) == (403, [(b"content-type", b"text/markdown"), (b"x-a", b"1")], b"{}")


def test_an_error_that_somebody_else_made_has_a_type_too() -> None:
    error = GuardRejected("no", status=400, body='{"a":1}')
    assert reply_of(error, dialect(DIALECTS[0])) == (400, [(b"content-type", b"application/json")], b'{"a":1}')
