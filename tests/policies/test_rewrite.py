"""policies.rewrite: the path after a change. The table is that of Gateway API, HTTPPathModifier.replacePrefixMatch."""

import pytest

from sluice.policies.rewrite import PathChange, new_path


@pytest.mark.parametrize(
    ("path", "prefix", "value", "result"),
    [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        ("/bar", "/", "/xyz", "/xyz/bar"),
        ("/a%2Fb/c", "/a%2Fb", "/x", "/x/c"),
    ],
)
def test_a_prefix_is_replaced_by_whole_segments(path: str, prefix: str, value: str, result: str) -> None:
    assert new_path(PathChange("prefix", value), path, prefix) == result


@pytest.mark.parametrize(("path", "prefix"), [("/other", "/foo"), ("/foobar", "/foo"), ("*", "/foo")])
def test_a_path_that_does_not_begin_so_stays(path: str, prefix: str) -> None:
    assert new_path(PathChange("prefix", "/xyz"), path, prefix) == path


def test_a_full_path_replaces_all() -> None:
    assert new_path(PathChange("full", "/v1/chat/completions"), "/openai/anything", "/openai") == "/v1/chat/completions"
    assert new_path(PathChange("full", ""), "/a", "/") == "/"
