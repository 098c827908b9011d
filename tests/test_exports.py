"""sluice: what it exports is there, and type checkers are told of the same."""

import ast
from pathlib import Path

import sluice


def test_type_checkers_are_told_of_what_is_exported_and_from_where() -> None:
    stub = ast.parse(Path(sluice.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    told = {alias.asname: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == sluice._EXPORTS
    assert sorted({*told, "__version__"}) == dir(sluice)


def test_each_name_is_there() -> None:
    assert [name for name in sluice.__all__ if getattr(sluice, name, None) is None] == []
