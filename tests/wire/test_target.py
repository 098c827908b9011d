"""wire.target: one spelling of a path, and nothing that leads out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.wire.target import as_read, has_dots, spelt

PATHS = st.text(st.sampled_from("ab/.;%2fFeE5cC6701"), max_size=24).map("/".__add__)


@pytest.mark.parametrize(
    "path",
    [
        *("/.", "/..", "/../a", "/a/..", "/a/./b", "/%2e%2E/a", "/a%2f..%2f..%2fb", "/a%2F.%2fb", "/a%5c..%5Cb"),
        *("/..;x/a", "/a/.;/b", "..", r"/a\..\b"),
    ],
)
def test_dot_segments_are_seen_however_they_are_written(path: str) -> None:
    assert has_dots(path)


@pytest.mark.parametrize(
    "path", ["/", "/a.b", "/...", "/a..", "/..a", "/.well-known/x", "/a%2fb", "/v1.0/x", "/%2e%2e%2e"]
)
def test_other_dots_are_letters(path: str) -> None:
    assert not has_dots(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/%69nternal", "/internal"),
        ("/%41%7a%30%2d%2E%5F%7E", "/Az0-._~"),
        ("//a///b//", "/a/b/"),
        ("/a%2fb%2Fc", "/a%2fb%2Fc"),
        ("/%2569", "/%2569"),
        ("/%zz%4", "/%zz%4"),
        ("/a%20b%C3%A9:x", "/a%20b%C3%A9:x"),
        ("/v1/models", "/v1/models"),
        ("", ""),
    ],
)
def test_a_path_has_one_spelling(path: str, expected: str) -> None:
    assert spelt(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a%2Fb%5cc", "/a/b/c"), ("/%2finternal", "/internal"), ("/a;x=1/b;y", "/a/b"), ("/;/a", "/a"), ("/a/b", "/a/b")],
)
def test_what_backends_may_read(path: str, expected: str) -> None:
    assert as_read(path) == expected


@given(PATHS)
def test_a_spelling_is_final_and_hides_no_segment(path: str) -> None:
    once = spelt(path)
    assert spelt(once) == once
    assert "//" not in once
    assert "//" not in as_read(once)
    if not has_dots(path):
        assert not has_dots(once)
