"""providers/credential: secrets that do not print, and where they go."""

import copy
import logging
import traceback

import msgspec
import pytest

from sluice.providers.credential import HeaderPlacement, Secret

CANARY = "sk-canary-5f1d"


def test_a_secret_prints_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    logging.getLogger("x").warning("%s %r", secret, {"key": [secret]})
    try:
        raise ValueError(secret)
    except ValueError:
        text = traceback.format_exc()
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r:>20}", f"{[secret]}", text, caplog.text):
        assert CANARY not in shown
        assert "Secret(***)" in shown
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_its_value_to_who_asks() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert Secret(CANARY) == copy.copy(Secret(CANARY))
    assert Secret(CANARY) != Secret("x")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY)}) == 1


@pytest.mark.parametrize("value", ["k", " k\n", "Bearer k", "bearer k"])
def test_a_credential_goes_into_its_header_once_prefixed(value: str) -> None:
    assert HeaderPlacement().render(Secret(value)) == (b"authorization", b"Bearer k")


def test_a_credential_may_have_another_header_and_no_prefix() -> None:
    assert HeaderPlacement("X-Api-Key", "").render(Secret("Bearer k")) == (b"x-api-key", b"Bearer k")
