"""The laws as functions: each takes a module and the tables of tools/house.py and yields the breaches it finds.

A breach says what is wrong and how to mend it in one line. Docstrings and comments are prose, so no law reads them.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tools.tree import Module, first_cycle, room_of


class House(msgspec.Struct, frozen=True, kw_only=True):
    """The tables that the laws are asked about; tools/house.py has the real ones."""

    rooms: dict[str, tuple[str, ...]]
    everywhere: tuple[str, ...]
    pure: frozenset[str]
    not_in_pure: frozenset[str]
    not_in_gateway: frozenset[str]
    io_libraries: frozenset[str]
    io_rooms: frozenset[str]
    nameless: frozenset[str]
    provider_names: tuple[str, ...]
    max_lines: int


class Breach(msgspec.Struct, frozen=True):
    """A law broken at a line."""

    path: Path
    line: int
    law: str
    what: str


Finding = tuple[int, str, str]
"""Line, law, what."""


def breaches(modules: list[Module], house: House) -> Iterator[Breach]:
    """Yield every breach of every law, module by module, then the first import cycle."""
    for module in modules:
        for law in (_shape, _rooms, _purity, _libraries, _asynchronous, _calls, _names):
            for line, name, what in law(module, house):
                yield Breach(module.path, line, name, what)
    cycle = first_cycle(modules)
    if cycle:
        path = " -> ".join(module.name for module in [*cycle, cycle[0]])
        yield Breach(cycle[0].path, 1, "cycle", f"{path}: move what both need into a module below them")


def _shape(module: Module, house: House) -> Iterator[Finding]:
    lines = module.source.count("\n")
    if lines > house.max_lines:
        yield house.max_lines, "length", f"{lines} lines, more than {house.max_lines}: split it by what its parts are"
    if ast.get_docstring(module.tree) is None:
        yield 1, "docstring", "the file does not say what it is, what it must never do and which document it obeys"
    if module.room not in house.rooms and module.room not in house.everywhere:
        yield (
            1,
            "room",
            f"`{module.room}` is no room of the house: add it to ROOMS and to docs/architecture.md, or move the file",
        )


def _rooms(module: Module, house: House) -> Iterator[Finding]:
    if module.room in house.everywhere:
        allowed: tuple[str, ...] = ()
    else:
        allowed = (*house.rooms.get(module.room, ()), *house.everywhere)
    for imported in module.imports:
        room = room_of(imported.name)
        if imported.top == "sluice" and room != module.room and room not in allowed:
            who = module.room or "sluice"
            what = f"`{who}` imports `{imported.name}`: hand the value in, or move the code to a room that may"
            yield imported.line, "import", what


def _purity(module: Module, house: House) -> Iterator[Finding]:
    if module.room not in house.pure:
        return
    for imported in module.imports:
        if _among(imported.name, house.not_in_pure):
            yield (
                imported.line,
                "pure",
                f"imports `{imported.name}` in a pure room: let the caller hand in what it gives",
            )
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("open", "input", "breakpoint")
        ):
            yield (
                node.lineno,
                "pure",
                f"calls `{node.func.id}` in a pure room: files and terminals belong to net or cli",
            )
        elif isinstance(node, ast.Attribute) and _reaches_outside(node):
            yield node.lineno, "pure", f"uses `{ast.unparse(node)}` in a pure room: let the caller hand it in"


def _among(name: str, forbidden: frozenset[str]) -> bool:
    """True if `name` or a package that holds it is forbidden."""
    parts = name.split(".")
    return any(".".join(parts[:count]) in forbidden for count in range(1, len(parts) + 1))


def _reaches_outside(node: ast.Attribute) -> bool:
    if isinstance(node.value, ast.Name) and node.value.id == "sys":
        return node.attr in ("stdin", "stdout", "stderr", "argv", "exit")
    clock = ast.unparse(node.value).rpartition(".")[2]
    return clock in ("datetime", "date") and node.attr in ("now", "utcnow", "today")


def _libraries(module: Module, house: House) -> Iterator[Finding]:
    for imported in module.imports:
        if imported.top in house.io_libraries and module.room not in house.io_rooms:
            rooms = ", ".join(sorted(house.io_rooms))
            yield imported.line, "library", f"imports `{imported.name}` in `{module.room}`: only {rooms} may"
        if module.room == "gateway" and (imported.top in house.not_in_gateway or imported.name in house.not_in_gateway):
            yield (
                imported.line,
                "gateway",
                f"imports `{imported.name}`: the gateway opens nothing, ask for a port (typing.Protocol)",
            )


_ASYNC = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def _asynchronous(module: Module, house: House) -> Iterator[Finding]:
    if module.room not in house.pure:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, _ASYNC):
            yield (
                node.lineno,
                "async",
                "asynchronous code in a pure room: return what is to be done and let gateway or net do it",
            )
            return


_CALLS = {
    "print": "prints outside the cli: return the text, or record a fact that telemetry shows",
    "splitlines": "breaks at U+2028 and U+0085 too: use the line decoder of wire, or split at the newline",
    "wait_for": "may lose what was read at the moment of the time-out: use asyncio.timeout or a deadline",
    "task": "starts a task that nobody owns: use a TaskGroup, or name the owner in EXEMPT with the reason",
}
"""Law: what is wrong with the call and how to mend it."""


def _calls(module: Module, house: House) -> Iterator[Finding]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            owner, _, verb = ast.unparse(node.func).rpartition(".")
            law = _law_of_call(owner, verb)
            if law and not (law == "print" and module.room == "cli"):
                yield node.lineno, law, _CALLS[law]


def _law_of_call(owner: str, verb: str) -> str:
    if verb == "print" and not owner:
        return "print"
    if verb == "splitlines" and owner:
        return "splitlines"
    if verb == "wait_for" and owner in ("", "asyncio"):
        return "wait_for"
    # A task group's create_task is owned by the group; asyncio's and the loop's are owned by nobody.
    loose = verb == "create_task" and (owner in ("", "asyncio") or "loop" in owner)
    return "task" if loose or verb == "ensure_future" else ""


def _names(module: Module, house: House) -> Iterator[Finding]:
    if module.room not in house.nameless:
        return
    pattern = _pattern(house.provider_names)
    places = ((imported.line, imported.name) for imported in module.imports)
    for line, text in (*_words(module.tree), *places):
        found = pattern.search(text.lower())
        if found:
            what = (
                f"names a provider (`{found[0]}` in `{text[:60]}`): make it a row in providers/ or a word of a dialect"
            )
            yield line, "provider-name", what


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Match a name inside any word, but a short one (`fake`) only as a whole part of it: `fake_clock`, not `fakery`."""
    return re.compile("|".join(name if len(name) > 5 else rf"(?<![a-z]){name}(?![a-z])" for name in names))


def _words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield identifiers and string constants with their lines, without the docstrings."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            if isinstance(node.value, str):
                yield node.lineno, node.value
            elif isinstance(node.value, bytes):
                yield node.lineno, node.value.decode("latin-1")
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.alias):
            yield node.lineno, f"{node.name} {node.asname or ''}"
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
