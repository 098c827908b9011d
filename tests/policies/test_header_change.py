"""policies.header_change: what is set, added and removed, and what nobody may touch."""

import pytest

from sluice.policies.guards import HeaderChange
from sluice.policies.header_change import FRAMING, Change, as_bytes, changed, check_name, check_value, fits, settable
from sluice.policies.headers import Header
from sluice.wire.http1 import HOP_BY_HOP

HEADERS: list[Header] = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4")]


def test_set_replaces_all_of_a_name_in_the_first_ones_place() -> None:
    change = Change(set=((b"a", b"new"), (b"d", b"5")))
    assert changed(HEADERS, change) == [(b"a", b"new"), (b"b", b"2"), (b"c", b"4"), (b"d", b"5")]


def test_add_is_one_more_and_remove_takes_all() -> None:
    change = Change(add=((b"b", b"9"),), remove=(b"a", b"nobody"))
    assert changed(HEADERS, change) == [(b"b", b"2"), (b"c", b"4"), (b"b", b"9")]


def test_no_change_changes_nothing() -> None:
    assert changed(HEADERS, Change()) == HEADERS


def test_a_change_of_a_file_is_made_of_bytes() -> None:
    change = as_bytes(HeaderChange(set=(("a", "ü"),), add=(("b", "1"),), remove=("c",)))
    assert change == Change(set=((b"a", "ü".encode()),), add=((b"b", b"1"),), remove=(b"c",))


def test_whatever_frames_a_message_cannot_be_named() -> None:
    assert {name.decode() for name in HOP_BY_HOP} <= FRAMING
    for name in (*FRAMING, "Content-Length", "Transfer-Encoding"):
        for side in ("request", "response"):
            with pytest.raises(ValueError, match="frames the message"):
                check_name(name, side)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "side"), [("Host", "request"), ("expect", "request"), ("X-Request-Id", "response")])
def test_what_has_a_policy_of_its_own_or_is_ours_cannot_be_named(name: str, side: str) -> None:
    with pytest.raises(ValueError, match="cannot be changed"):
        check_name(name, side)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä", "x" * 300])
def test_what_is_no_name_cannot_be_one(name: str) -> None:
    with pytest.raises(ValueError, match="name of a header"):
        check_name(name, "request")


def test_the_others_can() -> None:
    for name in ("x-team", "Authorization", "host", "x-request-id"):
        check_name(name, "response" if name == "host" else "request")


def test_no_value_can_begin_a_line_of_its_own() -> None:
    for value in (b"a\r\nx: y", b"a\nb", b"a\0b", b"\x7f", b"x" * 8193):
        assert not fits(value)
        with pytest.raises(ValueError, match="control characters"):
            check_value(value.decode("latin-1"))
    assert fits("größe\tübrig".encode())
    check_value("größe")


def test_a_service_may_have_set_what_an_operator_may() -> None:
    assert settable((b"x-team", b"a"))
    for field in ((b"host", b"a"), (b"content-length", b"1"), (b"x team", b"a"), (b"", b"a"), (b"x-team", b"a\nb")):
        assert not settable(field)
