"""Guards over the corpus: what is delivered is what the whole text gives, whatever the cuts, and never more than that.

GUARD_CORPUS_CASES=20000 makes a longer run of it. Obeys: stream-life 6.
"""

import os
from random import Random

import pytest

from sluice.policies.guard_text import Channel, TextGuards
from tests.guards.corpus import MASKING, REJECTING, Case, cases

CASES = int(os.environ.get("GUARD_CORPUS_CASES", "2000"))
SHARDS = 8
CUTS = 50

GUARDS = TextGuards((REJECTING, MASKING))
ONLY_MASKING = TextGuards((MASKING,))


def pieces(text: str, random: Random) -> list[str]:
    """Cut a text at random, into few pieces or many."""
    at = sorted(random.choices(range(len(text) + 1), k=random.choice([1, 2, 3, 5, 9, 17])))
    return [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]


def deliver(channel: Channel, parts: list[str], case: Case) -> None:
    """Feed a channel and compare all that leaves it with what may, as it leaves."""
    position = scanned = 0
    rejected = None
    for passed in [*(channel.feed(part) for part in parts), channel.finish()]:
        assert passed.text == case.expected[position : position + len(passed.text)]
        assert not (passed.text and rejected)
        position += len(passed.text)
        scanned += passed.scanned
        rejected = rejected or passed.rejected
    assert position == len(case.expected)
    assert rejected == (REJECTING if case.rejected else None)
    assert channel.held == 0
    if not case.rejected:
        assert scanned == len(case.text.encode())


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_is_delivered_does_not_depend_on_cuts_and_holds_no_byte_of_a_match(shard: int) -> None:
    random = Random(shard)
    for case in cases(CASES // SHARDS, seed=shard):
        whole = (GUARDS.whole_json if case.is_json else GUARDS.whole)(case.text)
        assert whole.text == case.expected
        assert (whole.rejected is not None) == case.rejected
        begin = GUARDS.json_channel if case.is_json else GUARDS.channel
        for _ in range(CUTS):
            deliver(begin(), pieces(case.text, random), case)
        deliver(begin(), list(case.text), case)
