"""JSON and what looks like it, for readers that must refuse it in words."""

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
DEEP = b"[" * 100_000
"""Nested more deeply than any reader follows."""
BROKEN = (b"", b"null", b"[]", b"{", b'{"a":', b"\xff\xfe", b'{"input":"\\ud800"}', DEEP, b'{"input":' + DEEP)
