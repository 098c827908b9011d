"""dialects.unambiguous: a member that stands twice is found, wherever it stands and whatever it is called."""

import json
import time

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sluice.dialects.unambiguous import check_members, value_of
from sluice.errors import BadRequest
from tests.support.measuring import undisturbed


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":12,"a":1}',
        b'{"a":1,"a":12}',
        b'{"\\u0061":"x" , "b":{} ,\n"a" : "y"}',
        b'{"a":[1,2],"b":"a","a":[1]}',
        b'{"":1,"":2}',
        b'{"a":"1","b":2,"a":null}',
        b'{"a":{"b":1},"a":{"b":1},"c":0}',
    ],
)
def test_a_member_of_the_body_that_stands_twice_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="stands twice in the body"):
        check_members(body)


@pytest.mark.parametrize(
    "body", [b"{}", b' { "a" : 1 , "b" : [ 2 , 3 ] , "c" : "}{,\\"" } ', b'{"a":{"a":{"a":1}},"b":"\\"a\\":1"}']
)
def test_a_body_whose_members_stand_once_passes(body: bytes) -> None:
    check_members(body)


_TEXT = st.text(max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_TEXT, _JSON, min_size=1, max_size=6), st.booleans(), st.sampled_from([None, 1]), st.data())
def test_of_any_body_exactly_those_with_a_member_twice_are_refused(
    members: dict[str, object], ascii_only: bool, indent: int | None, data: st.DataObject
) -> None:
    body = json.dumps(members, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "replace")
    assume("\\ud" not in body.decode())  # half a pair: no reader of ours takes it
    check_members(body)
    name, other = data.draw(st.sampled_from([*members])), data.draw(_JSON)
    again = json.dumps({name: other}, ensure_ascii=ascii_only).encode("utf-8", "replace")
    assume("\\ud" not in again.decode())
    for doubled in (body.rstrip()[:-1] + b"," + again[1:], again[:-1] + b"," + body.lstrip()[1:]):
        with pytest.raises(BadRequest, match="stands twice"):
            check_members(doubled)


@pytest.mark.parametrize("body", [b"[]", b"", b"x", b'"a"', b'{"a":1'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="not a JSON object"):
        check_members(body)


def test_a_member_within_that_stands_twice_is_named() -> None:
    with pytest.raises(BadRequest, match="'deep' stands twice in one object of 'top'"):
        value_of(msgspec.Raw(b'[{"x":{"deep":1,"other":2,"deep":3}}]'), "top")


@pytest.mark.timed
@pytest.mark.parametrize("twice", ["top", "within"])
def test_many_names_of_which_one_stands_twice_take_no_time(twice: str) -> None:
    """It took 6.4 s: each name was counted among all."""
    members = b",".join(b'"%x":0' % number for number in range(27_000)) + b',"y":0,"y":0'
    with undisturbed():
        began = time.process_time()
        with pytest.raises(BadRequest, match="stands twice"):
            check_members(b"{%b}" % members) if twice == "top" else value_of(msgspec.Raw(b"{%b}" % members), "zz")
        assert time.process_time() - began < 0.5
