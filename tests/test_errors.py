"""errors: the tree that is drawn at its head is the tree that is there, and each leaf is complete."""

import re

import pytest

from sluice import errors
from sluice.errors import (
    BadRequest,
    ClientError,
    ConfigError,
    InBandFailure,
    Phase,
    Refused,
    SluiceError,
    TimedOut,
    UpstreamError,
)

DRAWN = re.findall(r"^ {4}[│ ]*[├└]── (\w+)(?: +(\d{3}))?", errors.__doc__ or "", re.MULTILINE)


def classes() -> list[type[SluiceError]]:
    def below(parent: type[SluiceError]) -> list[type[SluiceError]]:
        return [leaf for child in parent.__subclasses__() for leaf in [child, *below(child)]]

    leaves = [f"{errors.__name__}.{name}" for name in ("client", "upstream", "ours")]
    found = [cls for cls in below(SluiceError) if cls.__module__ in leaves]
    return sorted(found, key=lambda cls: leaves.index(cls.__module__))


def test_the_picture_shows_every_class_in_its_order() -> None:
    assert [name for name, _ in DRAWN] == [cls.__name__ for cls in classes()]


@pytest.mark.parametrize(("name", "status"), [(name, status) for name, status in DRAWN if status])
def test_the_picture_shows_the_status(name: str, status: str) -> None:
    assert getattr(errors, name).status == int(status)


def test_every_error_has_a_code_of_its_own() -> None:
    leaves = [cls for cls in classes() if cls not in (ClientError, UpstreamError, errors.Internal, TimedOut)]
    codes = [cls.code for cls in leaves]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z_]+", code) for code in codes)


def test_whose_fault_it_is_and_who_may_be_tried_next() -> None:
    for cls in classes():
        if issubclass(cls, ClientError):
            assert (cls.fault, cls.retryable, 400 <= cls.status < 500) == ("client", False, True)
            assert cls.type in ("invalid_request_error", "authentication_error", "permission_error", "rate_limit_error")
        elif issubclass(cls, UpstreamError) and cls is not errors.NoBackend:
            assert (cls.fault, cls.retryable, cls.status >= 500) == ("provider", True, True)
    assert (errors.NoBackend.fault, errors.NoBackend.retryable) == ("operator", False)


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (404, False), (408, True), (429, True), (500, True), (529, True)],
)
def test_a_refusal_is_retryable_by_its_status(status: int, retryable: bool) -> None:
    refused = Refused("no", status=status, code="c", type="t")
    assert (refused.status, refused.retryable, refused.code, refused.type) == (status, retryable, "c", "t")
    plain = Refused("no", status=status)
    assert (plain.code, plain.type) == ("upstream_refused", "api_error")
    assert Refused.status == 502  # one refusal does not change the next


def test_an_in_band_failure_keeps_the_providers_words() -> None:
    failure = InBandFailure("x", status=429, code="c", type="t")
    assert (failure.status, failure.code, failure.type, failure.retryable) == (429, "c", "t", True)
    assert (InBandFailure("x").status, InBandFailure("x").code) == (502, "upstream_in_band_error")


@pytest.mark.parametrize("phase", ["connect", "headers", "first_token", "idle", "total"])
def test_each_clock_has_its_own_code_and_sentence(phase: Phase) -> None:
    error = TimedOut(phase)
    assert (error.status, error.code, error.phase, error.reason) == (504, f"timeout_{phase}", phase, "Timeout")
    assert str(error)


def test_a_bad_request_names_the_place() -> None:
    assert BadRequest("x", param="messages[0]").param == "messages[0]"
    assert BadRequest("x").param is None


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ({}, "wrong"),
        ({"file": "a.yaml"}, "a.yaml: wrong"),
        ({"file": "a.yaml", "line": 3}, "a.yaml:3: wrong"),
        ({"line": 3}, "wrong"),
        ({"file": "a.yaml", "line": 3, "path": "spec.x", "hint": "try y"}, "a.yaml:3: spec.x: wrong (try y)"),
    ],
)
def test_a_config_error_is_one_line(place: dict[str, str | int], line: str) -> None:
    assert str(ConfigError("wrong", **place)) == line  # type: ignore[arg-type]
