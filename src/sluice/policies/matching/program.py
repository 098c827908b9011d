"""Trees to instructions: what to look for next, and what to try if that fails. All patterns share one list.

A repeat whose body may match nothing takes part once more at the same place only if it has moved, as in CPython's
`re`: `Loop.mark` is the bit that says it has begun a turn here (Modules/_sre/sre_lib.h, `last_ptr`).
"""

from typing import Final, assert_never

import msgspec

from sluice.policies.matching.alphabet import Alphabet
from sluice.policies.matching.spelling import Unsupported
from sluice.policies.matching.syntax import Char as CharNode
from sluice.policies.matching.syntax import Choice, Node, Place, Repeat, Sequence, parse
from sluice.policies.matching.syntax import Look as LookNode

MAX_INSTRUCTIONS: Final = 2500
"""Of one pattern. A character costs at worst, in a state never seen, about half a microsecond for each of them."""
_MAX_NESTED: Final = 4
"""Repeats within repeats whose bodies may all match nothing: the ways through them double with each."""


class Match(msgspec.Struct, frozen=True):
    """The pattern has matched."""


class Char(msgspec.Struct, frozen=True):
    bit: int
    next: int


class Look(msgspec.Struct, frozen=True):
    place: Place
    next: int


class Fork(msgspec.Struct, frozen=True):
    ways: tuple[int, ...]


class Loop(msgspec.Struct, frozen=True):
    """One more turn, or on: in this order if greedy. If `mark` is set in what has begun here: on."""

    body: int
    next: int
    greedy: bool
    mark: int


class Leave(msgspec.Struct, frozen=True):
    """No turn is left: on, without the mark."""

    next: int
    mark: int


Instruction = Match | Char | Look | Fork | Loop | Leave


class Program:
    """Instructions by number; number 0 is the end of every pattern."""

    def __init__(self) -> None:
        self.code: list[Instruction] = [Match()]
        self.alphabet = Alphabet()
        self.looks: set[Place] = set()
        self._work = 0

    def add(self, text: str) -> tuple[int, int]:
        """Compile one pattern; return its first instruction and the length of its longest match in characters.

        Raises:
            Unsupported: what it asks for cannot be done, or is too much.
        """
        tree = parse(text)
        self._work = 0
        try:
            return self._emit(tree, 0, 0), tree.longest
        except RecursionError:
            raise Unsupported("its groups are nested too deeply") from None

    def _emit(self, node: Node, then: int, nested: int) -> int:
        """Write the instructions of a node that goes on at `then`; return the first."""
        self._work += 1
        if self._work > MAX_INSTRUCTIONS:
            raise Unsupported(f"it takes more than {MAX_INSTRUCTIONS} steps: count its repeats less far")
        if isinstance(node, CharNode):
            return self._write(Char(self.alphabet.bit(node.spelling, node.flags), then))
        if isinstance(node, LookNode):
            self.looks.add(node.place)
            return self._write(Look(node.place, then))
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                then = self._emit(part, then, nested)
            return then
        if isinstance(node, Choice):
            return self._write(Fork(tuple(self._emit(way, then, nested) for way in node.ways)))
        if isinstance(node, Repeat):
            return self._repeat(node, then, nested)
        assert_never(node)

    def _repeat(self, node: Repeat, then: int, nested: int) -> int:
        body, mark, inner = node.body, 0, nested
        if not body.shortest:
            mark, inner = 1 << nested, nested + 1
            if inner > _MAX_NESTED:
                raise Unsupported(f"more than {_MAX_NESTED} repeats of what may be empty stand within each other")
        if node.most is None:
            entry = self._write(Match())  # its place; what it is depends on the body, which leads back to it
            self.code[entry] = Loop(self._emit(body, entry, inner), then, node.greedy, mark)
        else:
            entry = self._write(Leave(then, mark)) if mark else then
            for _ in range(node.most - node.least):
                entry = self._write(Loop(self._emit(body, entry, inner), then, node.greedy, mark))
        for _ in range(node.least):
            entry = self._emit(body, entry, inner)
        return entry

    def _write(self, instruction: Instruction) -> int:
        self.code.append(instruction)
        return len(self.code) - 1
