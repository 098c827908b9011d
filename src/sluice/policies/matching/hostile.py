"""What the worst text costs: a walk through the states of one pattern that looks for work.

A state that was seen before costs a look-up. What costs is a state that is new, by the ways that are alive in it; so a
text is hostile if each character of it leads to a new state in which many are. The walk tries characters of all kinds
that the pattern tells apart, and goes where it is so. It is no proof: what a pattern can cost at worst is what
`MAX_INSTRUCTIONS` of program.py allow.

PURE. The same pattern is always walked through in the same way.
"""

import re
from functools import lru_cache
from typing import Final

from sluice.policies.matching.machine import Machine, State
from sluice.policies.matching.program import Program
from sluice.policies.matching.spelling import Unsupported

MAX_WORK: Final = 400
"""Units for each character of a hostile text, see `Machine.work`: some 50 microseconds."""
_STEPS: Final = 800
"""Characters: a repeat that is counted to hundreds can fill up, and a pattern with few states has shown them all."""
_HARMLESS: Final = 48
"""So few instructions cannot cost as much."""
_CODE: Final = re.compile(r"\\U([0-9a-f]{8})")
_USUAL: Final = "".join(map(chr, range(128))) + "é漢🙂\u2028\u0660"


def refuse_costly(text: str) -> None:
    """Raise unless a pattern costs little, whatever the text. Cost: 20 to 100 milliseconds for one that counts far.

    Raises:
        Unsupported: it costs too much, or cannot be compiled.
    """
    if work_of(text) > MAX_WORK:
        raise Unsupported(
            "a hostile text can make it try too much at once: leave the counts of its repeats open "
            "(`.*` for `.{0,300}`, `a+` for `a{1,200}`) or count less far"
        )


@lru_cache(maxsize=1024)
def work_of(text: str) -> float:
    """Return the units of work that a character of a hostile text costs; not much more than MAX_WORK is counted.

    Raises:
        Unsupported: the pattern cannot be compiled.
    """
    program = Program()
    first, _ = program.add(text)
    if len(program.code) <= _HARMLESS:
        return 0.0
    machine = Machine(program, [first], frozenset())
    chars = _kinds(program)
    state, worked, chance = machine.initial(), 0, 1
    seen: set[int] = set()
    kept: list[State] = []
    while len(kept) < _STEPS and worked <= _STEPS * MAX_WORK:
        chance = chance * 48271 % 0x7FFFFFFF  # Lehmer's generator: as good as chance, and the same each time
        turn, alive = chance % len(chars), _alive(state)
        wanted = alive - alive // 4 + (chance >> 8) % (alive // 2 + 2)
        state, work = _step(machine, state, chars[turn:] + chars[:turn], seen, wanted)
        worked += work
        seen.add(id(state))
        kept.append(state)  # or another might get its identity
    return worked / _STEPS


def _step(machine: Machine, state: State, chars: list[str], seen: set[int], wanted: int) -> tuple[State, int]:
    """Go on to a state that is new and has so many ways, or as many as there can be; return it and what it cost."""
    best, following, work = (False, -1), state, 0
    for char in chars:
        before = machine.work
        reached, _ = state[char]
        rank = (id(reached) not in seen, _alive(reached))
        if rank > best:
            best, following, work = rank, reached, machine.work - before
        if best >= (True, wanted):
            break
    return following, work


def _alive(state: State) -> int:
    return sum([len(bundle.strands) for bundle in state.bundles])


def _kinds(program: Program) -> list[str]:
    """Return one character of each kind that the pattern tells apart."""
    codes = {int(code, 16) for spelling in program.alphabet.spellings for code in _CODE.findall(spelling)}
    near = "".join(chr(code) for each in sorted(codes) for code in (each - 1, each, each + 1) if 0 <= code < 0x110000)
    kinds = {program.alphabet[char]: char for char in near + near.swapcase() + _USUAL}
    return list(kinds.values())
