"""What a client is told whose request or answer was rejected."""

import pytest

from sluice.policies.guards import HeaderChange, Rejection
from sluice.policies.judges import Side
from sluice.policies.rejection import content_type, error_of


def test_a_configured_message_is_the_body() -> None:
    error = error_of(Rejection(status=422, message="no way\n"), "request")
    assert (error.status, error.body) == (422, "no way\n")
    assert error.headers == ((b"content-type", b"text/plain"),)
    assert (error.reason, error.code, error.retryable) == ("Guardrail", "guardrail_rejected", False)


@pytest.mark.parametrize("side", ["request", "response"])
def test_what_is_told_is_never_the_errors_own_sentence(side: Side) -> None:
    """That one is logged, and who rejects quotes what was found."""
    told = error_of(Rejection(message="contains 4111 1111 1111 1111"), side)
    assert told.body == "contains 4111 1111 1111 1111"
    assert str(told) == str(error_of(Rejection(), side))


def test_without_a_message_there_is_a_sentence_for_each_side_and_no_body() -> None:
    said = {side: error_of(Rejection(), side) for side in ("request", "response")}
    assert {side: str(error) for side, error in said.items()} == {
        "request": "The request was rejected due to inappropriate content",
        "response": "The response was rejected due to inappropriate content",
    }
    assert all((error.status, error.body, error.headers) == (403, None, ()) for error in said.values())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("no", b"text/plain"),
        ("", b"text/plain"),
        ("nö", b"text/plain; charset=utf-8"),
        ('{"error": "no"}', b"application/json"),
        (' [1, "ö"]', b"application/json"),
        ('{"error": no}', b"text/plain"),
        ('"no"', b"text/plain"),
        ("403", b"text/plain"),
        ("[" * 100_000, b"text/plain"),
        ('{"a": "\ud800"}', b"text/plain; charset=utf-8"),
    ],
)
def test_a_body_has_the_type_that_it_is_of(body: str, kind: bytes) -> None:
    assert content_type(body) == kind


def test_headers_are_set_added_and_removed() -> None:
    change = HeaderChange(
        set=(("content-type", "application/problem+json"), ("x-a", "1"), ("x-gone", "1")),
        add=(("x-a", "2"), ("x-b", "3")),
        remove=("x-gone", "x-never"),
    )
    error = error_of(Rejection(message="{}", headers=change), "response")
    assert error.headers == (
        (b"content-type", b"application/problem+json"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"x-b", b"3"),
    )
