"""Reads src/ into modules that the laws of the house can be asked about. Parses only, imports nothing."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec


class Import(msgspec.Struct, frozen=True):
    """One imported module or name, absolute: `sluice.wire.sse`, `os.path`."""

    line: int
    name: str

    @property
    def top(self) -> str:
        """The distribution's or standard library's module: `os` of `os.path`."""
        return self.name.partition(".")[0]


class Module(msgspec.Struct, frozen=True):
    """One source file and its dotted name."""

    path: Path
    name: str
    source: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def room(self) -> str:
        """`wire` of `sluice.wire.sse`, `errors` of `sluice.errors`, empty for `sluice` itself."""
        return room_of(self.name)


def room_of(name: str) -> str:
    """Return the room of a dotted name inside the package; empty for the package itself."""
    return f"{name}..".split(".")[1]


def read_tree(source_folder: Path) -> list[Module]:
    """Parse every module under `source_folder` (the one named `src`), in order of path.

    Raises:
        SyntaxError: a file is not Python.
    """
    paths = sorted(source_folder.rglob("*.py"))
    names = {path: _dotted(path.relative_to(source_folder)) for path in paths}
    known = frozenset(names.values())
    return [_read(path, names[path], known) for path in paths]


def _dotted(relative: Path) -> str:
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(path: Path, name: str, known: frozenset[str]) -> Module:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, filename=str(path))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return Module(path, name, source, tree, tuple(_imports(tree, package, known)))


def _imports(tree: ast.Module, package: str, known: frozenset[str]) -> Iterator[Import]:
    """Yield all imports, those inside functions and under TYPE_CHECKING too: a room knows no other by any door."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                # In the package, `from sluice.wire import sse` names a module and `from sluice.wire.sse import Frame` a
                # thing in one. Outside it only the whole name tells `http.client` from the harmless `http.HTTPStatus`.
                inside = base.partition(".")[0] == package.partition(".")[0]
                yield Import(node.lineno, base if inside and full not in known else full)


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)


def first_cycle(modules: Iterable[Module]) -> list[Module]:
    """Return the modules of one import cycle in order, each importing the next and the last the first; empty if none.

    A package's `__init__` that imports its own modules counts like any other module.
    """
    by_name = {module.name: module for module in modules}
    done: set[str] = set()
    for start in by_name:
        found = _walk(start, by_name, done, [])
        if found:
            return [by_name[name] for name in found]
    return []


def _walk(name: str, by_name: dict[str, Module], done: set[str], trail: list[str]) -> list[str]:
    if name in trail:
        return trail[trail.index(name) :]
    if name in done:
        return []
    for imported in by_name[name].imports:
        if imported.name in by_name and imported.name != name:
            found = _walk(imported.name, by_name, done, [*trail, name])
            if found:
                return found
    done.add(name)
    return []
