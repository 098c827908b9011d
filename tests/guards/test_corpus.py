"""Guards over the corpus: what is delivered is what the whole text gives, whatever the cuts, and never more than that.

GUARD_CORPUS_CASES=20000 makes a longer run of it. Obeys: stream-life 6.
"""

import os
from itertools import pairwise
from random import Random
from statistics import median

import pytest

from sluice.policies.guard_scan import size
from sluice.policies.guard_text import Channel, TextGuards
from sluice.policies.guards import TextRules
from sluice.policies.personal import MASKS
from tests.guards.corpus import MASKING, REJECTING, Case, cases
from tests.guards.fillers import EVERYTHING, PROSE, UNSPACED
from tests.guards.values import BUILTINS, PATTERNS

CASES = int(os.environ.get("GUARD_CORPUS_CASES", "2000"))
SHARDS = 8
CUTS = 50

GUARDS = TextGuards((REJECTING, MASKING))
ONLY_MASKING = TextGuards((MASKING,))


def pieces(text: str, random: Random) -> list[str]:
    """Cut a text at random, into few pieces or many."""
    at = sorted(random.choices(range(len(text) + 1), k=random.choice([1, 2, 3, 5, 9, 17])))
    return [text[start:end] for start, end in pairwise([0, *at, len(text)])]


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


def test_the_corpus_has_what_it_is_for() -> None:
    found = [case for shard in range(SHARDS) for case in cases(2000 // SHARDS, seed=shard)]
    words = {word for word in (*MASKS.values(), "<masked>") if sum(word in case.expected for case in found) >= 100}
    assert words == {*MASKS.values(), "<masked>"}
    assert sum(case.is_json for case in found) >= 500
    assert sum(case.rejected for case in found) >= 200
    lengths = [size(value) for case in found for value in case.values]
    assert min(lengths) == 1
    assert sum(length > 1000 for length in lengths) >= 20
    assert any(length > 4000 for length in lengths)


@pytest.mark.parametrize("filler", EVERYTHING)
def test_nothing_is_found_in_a_filler(filler: str) -> None:
    assert GUARDS.whole(filler).text == filler
    assert GUARDS.whole_json(filler).text == filler


# -- what waits -------------------------------------------------------------------------------------------------------

BUT_EMAIL = tuple(kind for kind in BUILTINS if kind != "email")
NO_EMAIL = TextGuards((TextRules(builtins=BUT_EMAIL, patterns=tuple(PATTERNS)),))


def waiting(guards: TextGuards, text: str, length: int) -> list[str]:
    """Return what waits after each piece of so many characters."""
    channel = guards.channel()
    waits = []
    for at in range(0, len(text), length):
        channel.feed(text[at : at + length])
        waits.append(text[channel.waits_from : at + length])
        assert channel.held == size(waits[-1])
    return waits


@pytest.mark.parametrize("length", [1, 3, 5, 16, 100])
def test_on_clean_prose_nothing_waits(length: int) -> None:
    held = [size(waits) for waits in waiting(NO_EMAIL, "\n".join([*PROSE, *UNSPACED]), length)]
    assert median(held) == 0
    assert sum(held) / len(held) < 1
    assert max(held) <= 5  # a year, and the space behind it


@pytest.mark.parametrize("length", [1, 3, 5, 16, 100])
def test_with_addresses_of_mail_the_last_word_waits(length: int) -> None:
    for waits in waiting(ONLY_MASKING, "\n".join(PROSE), length):
        assert len(waits.split()) <= 1
    assert {waits for text in UNSPACED for waits in waiting(ONLY_MASKING, text, length)} == {""}
