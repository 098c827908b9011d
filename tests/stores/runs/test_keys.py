"""Namespaces as texts: each has its own, and what is below one begins with it."""

from hypothesis import given
from hypothesis import strategies as st

from sluice.stores.runs_keys import end_of, namespace_of, path_of

NAMESPACES = st.lists(st.text(alphabet="ab\\\0\x1f\x20u0é", max_size=4), max_size=4).map(tuple)


@given(NAMESPACES)
def test_a_path_is_read_back(namespace: tuple[str, ...]) -> None:
    assert namespace_of(path_of(namespace)) == namespace
    assert "\0" not in path_of(namespace)


@given(NAMESPACES, NAMESPACES)
def test_what_is_below_a_namespace_stands_between_its_path_and_its_end(
    prefix: tuple[str, ...], other: tuple[str, ...]
) -> None:
    path, end, found = (text.encode() for text in (path_of(prefix), end_of(path_of(prefix)), path_of(other)))
    assert (path <= found and (not end or found < end)) == (other[: len(prefix)] == prefix)
