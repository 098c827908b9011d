"""Where nothing is under way: what may be passed over in one go, since nothing comes of it.

Most text is no word that was met before, or is one that is too long to be remembered, and nothing begins in it. Where
the machine rests, behind a space or in a word, most characters have it rest again, and others begin something that the
next one ends. Both are written down here as a regular expression, which `re` reads at the speed of C: a word of twelve
letters takes it 0.2 microseconds, and the machine 1.2.

PURE. Guarantee: the machine reads in what is passed over just that: it comes to rest where the run ends, and no match
began. What is ASCII is passed over; all else is read.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, cast

from sluice.policies.matching.machine import Machine, Marks, Run, State

_SIGNS: Final = "".join(map(chr, range(128)))
_WORTH: Final = 32
"""So many characters have to leave the machine at rest in a word, or looking would cost more than it spares."""
_MOST: Final = 24
"""Kinds of characters that begin something, of which it is found out what ends it: 0.1 milliseconds each."""

_Kinds = Sequence[str]
"""Characters that the patterns do not tell apart stand together."""


def learn_runs(machine: Machine) -> None:
    """Have the machine pass over what changes nothing. Cost: 8 milliseconds for ten patterns, 30 for a hundred."""
    kinds = _kinds(machine)
    between, inside = machine.resting(" "), machine.resting("a")
    if sum([len(signs) for signs in kinds if inside[signs[0]][0] is inside]) < _WORTH:
        return
    words = _some(_ways(kinds, inside, inside))
    _set(machine, inside, words)
    if between is not inside:
        begin, end = _either(_ways(kinds, between, inside)), _either(_ways(kinds, inside, between))
        _set(machine, between, _some([*_ways(kinds, between, between), f"{begin}{words}{end}"]))


def _kinds(machine: Machine) -> _Kinds:
    kinds: dict[int, str] = {}
    for sign in _SIGNS:
        bits = machine.alphabet[sign]
        kinds[bits] = kinds.get(bits, "") + sign
    return tuple(kinds.values())


def _set(machine: Machine, rest: State, run: str) -> None:
    machine.runs[rest.before] = rest.run = cast("Run", re.compile(run).match)  # it matches, be it nothing


def _ways(kinds: _Kinds, rest: State, other: State) -> list[str]:
    """Return how one character leads from one rest to another: at once, or because with the next one all is as if it
    had."""
    direct, later = "", dict[str, str]()
    for signs in kinds:
        after, _ = rest[signs[0]]
        if after is other and _is_quiet(rest, signs[0]):
            direct += signs
    for after, signs in _begun(kinds, rest):
        if ends := _alike(kinds, after, other):
            later[ends] = later.get(ends, "") + signs
    many = "++" if rest is other else ""
    ways = [f"{_class(signs)}(?={_class(ends)})" for ends, signs in later.items()]
    return [_class(direct) + many, *ways] if direct else ways


def _begun(kinds: _Kinds, rest: State) -> list[tuple[State, str]]:
    """Return where something has begun, and the characters that begin it."""
    begun: dict[int, tuple[State, str]] = {}
    for signs in kinds:
        after, _ = rest[signs[0]]
        if after.bundles and _is_quiet(rest, signs[0]):
            _, others = begun.get(id(after), (after, ""))
            begun[id(after)] = after, others + signs
    return [*begun.values()][:_MOST]


def _alike(kinds: _Kinds, state: State, rest: State) -> str:
    """Return the characters that leave nothing of what has begun, so that they lead where they do from a rest."""
    found = ""
    for signs in kinds:
        sign = signs[0]
        if state[sign][0] is rest[sign][0] and _is_quiet(rest, sign) and _drops(state, sign):
            found += signs
    return found


def _drops(state: State, sign: str) -> bool:
    """Return whether nothing is left of what was under way, and no match of it."""
    _, move = state[sign]
    if move is None or move.keep is None or not _is_quiet(state, sign):
        return False
    marks: Marks = (*([0, 0] for _ in state.bundles), *([1, 1] for _ in range(move.born)))
    return all(begun for begun, _ in move.keep(marks))


def _is_quiet(state: State, sign: str) -> bool:
    """Return whether no match ends or gets better."""
    _, move = state[sign]
    return move is None or not move.events


def _class(signs: str) -> str:
    """Return the class of these characters, as ranges: what is shorter is compiled sooner."""
    ranges: list[tuple[int, int]] = []
    for code in sorted(map(ord, signs)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = ranges[-1][0], code
        else:
            ranges.append((code, code))
    return "[" + "".join([f"\\x{first:02x}-\\x{last:02x}" for first, last in ranges]) + "]"


def _either(ways: Iterable[str]) -> str:
    return f"(?:{'|'.join(ways) or '(?!)'})"


def _some(ways: Iterable[str]) -> str:
    return f"{_either(ways)}*+"
