"""How long an answer may become, as its budget and its limits see it together."""

import pytest

from sluice.gateway.limits_cut import Within
from sluice.relay.terms import Allowance


class Limits:
    """Allow so many tokens, and look every ten."""

    def __init__(self, most: int) -> None:
        self._most, self.check_at = most, 10.0

    def check(self, tokens: int) -> bool:
        self.check_at = tokens + 10.0
        return tokens < self._most


@pytest.mark.parametrize(
    ("left", "limits", "ends_at"), [(25, None, 25), (25, Limits(40), 25), (60, Limits(40), 40), (0, None, 1)]
)
def test_an_answer_ends_with_whichever_is_used_up_first(left: int, limits: Allowance | None, ends_at: int) -> None:
    within, tokens = Within(left, limits), 0
    while within.check(tokens):
        assert within.check_at > tokens
        tokens = int(within.check_at)  # as a relay does: not asked before
    assert tokens == ends_at
