"""Whose trace an exchange continues. The malformed headers are those of W3C's own validation of implementations
(trace-context, test suite; read 2026-11-21)."""

import pytest

from sluice.gateway.identity import identify
from tests.gateway.asking import asked_with

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
GOOD = f"00-{TRACE}-{SPAN}-01"


def trace_of(*values: str) -> tuple[str, str, str]:
    headers = tuple((b"traceparent", value.encode("latin-1")) for value in values)
    identity = identify(asked_with(headers=headers))
    assert len(identity.trace_id) == 32
    assert identity.span_id not in (SPAN, "0" * 16)
    return identity.trace_id, identity.parent_id, identity.flags


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        f"cc-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
    ],
)
def test_a_well_formed_parent_is_continued_also_of_a_later_version(value: str) -> None:
    assert trace_of(value) == (TRACE, SPAN, "01")


@pytest.mark.parametrize(
    "value",
    [
        f"00-{TRACE}-{SPAN}-01.",
        f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
        f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
        f"ff-{TRACE}-{SPAN}-01",
        f".0-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-.{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}1-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN[1:]}-01",
        f"00-{TRACE}-{SPAN}1-01",
        f"00-{TRACE}-{SPAN}-.0",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-001",
        f"00-{TRACE[:-1]}A-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        "\xff",
        "",
    ],
)
def test_a_malformed_parent_is_none(value: str) -> None:
    trace, parent, flags = trace_of(value)
    assert (trace != TRACE, parent, flags) == (True, "", "00")


@pytest.mark.parametrize("values", [(GOOD, GOOD), (GOOD, f"00-{'a' * 32}-{SPAN}-01"), (GOOD, "nonsense"), (GOOD,) * 3])
def test_several_parents_are_none(values: tuple[str, ...]) -> None:
    trace, parent, _ = trace_of(*values)
    assert trace not in (TRACE, "a" * 32)
    assert parent == ""


@pytest.mark.parametrize(("flags", "goes_on"), [("00", "00"), ("01", "01"), ("03", "01"), ("fe", "00"), ("ff", "01")])
def test_only_the_flag_that_is_known_goes_on(flags: str, goes_on: str) -> None:
    assert trace_of(f"00-{TRACE}-{SPAN}-{flags}") == (TRACE, SPAN, goes_on)
