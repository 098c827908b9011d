"""The corpus: texts with values in them, and what must become of each. Both are put together from the same parts, so
what is expected owes nothing to the code under test. Seeded: the same cases every time.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from sluice.policies.guards import TextRules
from tests.guards.fillers import EVERYTHING, UNSPACED
from tests.guards.values import BUILTINS, KINDS, PATTERNS, card

MASKING = TextRules(builtins=BUILTINS, patterns=tuple(PATTERNS))
REJECTING = TextRules(name="rejecting", action="reject", patterns=("rejected-[0-9a-f]{1,64}z",))


class Case(NamedTuple):
    text: str
    expected: str
    """All that may be delivered."""
    is_json: bool
    rejected: bool
    values: list[str]
    """What is masked or rejected in it, as it is spelled."""


class Part(NamedTuple):
    source: str
    expected: str | None
    """What must become of it; None = it is rejected."""


def cases(count: int, seed: int) -> Iterator[Case]:
    """Return cases: one in three is JSON, one in eight is rejected somewhere."""
    random = Random(seed)
    for _ in range(count):
        is_json, rejected = random.random() < 1 / 3, random.random() < 1 / 8
        parts = _value(random, depth=0) if is_json else _text(random)
        if rejected:
            value = Part(f"rejected-{random.getrandbits(64):x}z", None)
            parts += [Part('"', '"'), value, Part('"', '"')] if is_json else [Part(" ", " "), value, Part(" x", " x")]
        passing: list[str] = []
        for part in parts:
            if part.expected is None:
                break
            passing.append(part.expected)
        values = [part.source for part in parts if part.expected != part.source]
        yield Case("".join(part.source for part in parts), "".join(passing), is_json, rejected, values)


def _same(text: str) -> Part:
    return Part(text, text)


def _filler(random: Random) -> str:
    return " ".join(random.choices(EVERYTHING, k=random.choice([1, 1, 1, 1, 1, 3])))


def _text(random: Random) -> list[Part]:
    """Return the parts of one text: fillers, and up to four values beside what may stand beside them."""
    parts: list[Part] = []
    values = random.choice([0, 1, 1, 1, 2, 2, 4])
    for left in reversed(range(values)):
        if random.random() < 0.7:
            parts.append(_same(_filler(random)))
        kind = random.choice(KINDS)
        if parts and (kind.is_custom or parts[-1].source[-1] not in "".join(UNSPACED) or random.random() < 0.3):
            parts.append(_same(random.choice([" ", "\n", " (", "「", "：", ' "'])))
        parts.append(Part(kind.make(random), kind.mask))
        if left or random.random() < 0.7:
            beside = ["\n", " \t", "\n\n"] if kind.to_space else [", ", "\n", "。", "; ", "! ", ' "', "》", ".\n", "🙂"]
            parts.append(_same(random.choice(beside)))
    if not values or (random.random() < 0.7 and parts[-1].expected == parts[-1].source):
        parts.append(_same(_filler(random)))
    return parts


# -- JSON -------------------------------------------------------------------------------------------------------------


def _value(random: Random, depth: int) -> list[Part]:
    """Return the source of a JSON value in parts."""
    what = random.random()
    if depth == 0 or (depth < 3 and what < 0.2):
        return _object(random, depth)
    if depth < 3 and what < 0.3:
        items = [_value(random, depth + 1) for _ in range(random.randrange(4))]
        return [_same("["), *_listed(random, items), _same("]")]
    if what < 0.5:
        return [_same(random.choice(["true", "false", "null", "0", "-12.5e3", "1732195800", "3.14159265358979"]))]
    if what < 0.6:
        number = "".join(letter for letter in card(random) if letter.isdigit())
        return [Part(number, '"<CREDIT_CARD>"')]
    return _string(random, _text(random))


def _object(random: Random, depth: int) -> list[Part]:
    members: list[list[Part]] = []
    for index in range(random.choice([1, 1, 2, 3])):
        name = _text(random) if random.random() < 0.2 else [_same(f"member {index}")]
        members.append([*_string(random, name), _space(random), _same(":"), _space(random), *_value(random, depth + 1)])
    return [_same("{"), *_listed(random, members), _same("}")]


def _listed(random: Random, items: list[list[Part]]) -> list[Part]:
    parts = [_space(random)]
    for index, item in enumerate(items):
        parts += [*([_same(",")] if index else []), _space(random), *item, _space(random)]
    return parts


def _space(random: Random) -> Part:
    return _same(random.choice(["", "", " ", "\n  ", "\r\n\t"]))


def _string(random: Random, parts: list[Part]) -> list[Part]:
    escaping = random.choice([0.0, 0.0, 0.1, 1.0] if sum(len(part.source) for part in parts) < 500 else [0.0, 0.01])
    spelled: list[Part] = [_same('"')]
    for part in parts:
        source = "".join(_spelled(random, letter, escaping) for letter in part.source)
        is_value = part.expected != part.source
        spelled.append(Part(source, part.expected if is_value else source))
    return [*spelled, _same('"')]


def _spelled(random: Random, letter: str, escaping: float) -> str:
    if letter == "/" and escaping:
        return "\\/"
    as_it_is = json.dumps(letter, ensure_ascii=False)[1:-1]
    if random.random() >= escaping:
        return as_it_is
    units = letter.encode("utf-16-be")
    escape = "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
    return escape.upper().replace("\\U", "\\u") if random.random() < 0.3 else escape
