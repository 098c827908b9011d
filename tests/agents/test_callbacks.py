"""Scopes: what a granted one covers."""

import pytest

from sluice.agents.callbacks import allows


@pytest.mark.parametrize(
    ("granted", "wanted"),
    [
        ("orders:approve", "orders:approve"),
        ("*", "orders:approve:large"),
        ("orders:*", "orders:approve"),
        ("orders:*", "orders:approve:large"),
        ("*:approve", "orders:approve"),
        ("orders:*:large", "orders:approve:large"),
    ],
)
def test_a_granted_scope_covers(granted: str, wanted: str) -> None:
    assert allows([granted], wanted)


@pytest.mark.parametrize(
    ("granted", "wanted"),
    [
        ("orders:approve", "orders:refuse"),
        ("orders:approve", "orders:approve:large"),
        ("orders:approve", "orders"),
        ("orders:*", "orders"),
        ("orders:*", "users:approve"),
        ("orders:*:large", "orders:approve:small"),
        ("orders:approve", "orders:*"),
        ("", "orders"),
    ],
)
def test_and_nothing_else(granted: str, wanted: str) -> None:
    assert not allows([granted], wanted)


def test_nothing_granted_covers_nothing() -> None:
    assert not allows([], "orders:approve")
