"""Addresses of a shared store: what is read, and that a wrong one is never quoted."""

import pytest

from sluice.config.store_url import RedisUrl, redis_url
from sluice.providers.credential import Secret


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("redis://cache", RedisUrl(host="cache")),
        ("redis://127.0.0.1:7000/3", RedisUrl(host="127.0.0.1", port=7000, database=3)),
        ("redis://[::1]:7000", RedisUrl(host="::1", port=7000)),
        ("redis://:p%40ss@cache", RedisUrl(host="cache", password=Secret("p@ss"))),
        (
            "rediss://me:s@cache:6380/",
            RedisUrl(host="cache", port=6380, user="me", password=Secret("s"), encrypted=True),
        ),
    ],
)
def test_an_address_is_read(text: str, found: RedisUrl) -> None:
    assert redis_url(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "cache:6379", "http://:canary@cache", "redis://", "redis://:canary@h/x", "redis://:canary@h:99999/0",
     "redis://:canary@h/0?x=1", "postgres://u:canary@h/db"],
)  # fmt: skip
def test_what_is_none_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ValueError, match="redis") as refused:
        redis_url(text)
    assert "canary" not in str(refused.value)


def test_a_label_holds_no_password() -> None:
    url = redis_url("redis://me:canary@cache/2")
    assert url.label == "cache:6379/2"
    assert "canary" not in repr(url)
