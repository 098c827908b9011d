"""The table of variables against the sources: a variable that is read and stands in no table is a failure."""

import ast
import re
from pathlib import Path

from tools import environment_reference
from tools.reference import SOURCES

NO_VARIABLES = {
    "FILE_OR_DIR",  # what an option takes
    "CREDIT_CARD",
    "PHONE_NUMBER",
    "CA_SIN",
    *("CLIENT_KEY", "CLIENT_CERTIFICATE", "SCHEDULE_DELAY", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"),  # ends of names
    "LITELLM_MASTER_KEY",  # named for the operator, read as `$NAME` of a file
}
"""Words of this form that are none, in files that speak of the environment."""
_SPEAKS = re.compile(r"\benv\b|environ|envvar|_env\b")
_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_READ = re.compile(r"(?:\benv|environ)(?:\.get\(|\[)\s*\"([A-Z][A-Z0-9_]*)\"|envvar=\"([A-Z][A-Z0-9_]*)\"")
_OTHERS = {"PATH"}
"""Read for processes that are started, not for what they say."""


def named(path: Path) -> set[str]:
    """What a file names that looks like a variable."""
    text = path.read_text(encoding="utf-8")
    found = {one or other for one, other in _READ.findall(text)}
    if _SPEAKS.search(text):
        constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
        found |= {value for value in constants if isinstance(value, str) and _NAME.fullmatch(value)}
    return found


def test_every_variable_that_is_read_stands_in_a_table() -> None:
    skipped = {"testing", "verify"}
    files = [path for path in SOURCES.rglob("*.py") if path.relative_to(SOURCES).parts[0] not in skipped]
    words = [path for path in files if path.name == "litellm_words.py"]
    found = {name for path in files if path not in words for name in named(path)}
    assert len(found) > 60
    assert found - environment_reference.known() - NO_VARIABLES - _OTHERS == set()


def test_every_variable_of_the_table_stands_in_the_sources() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    tables = {*environment_reference.PROCESS, *environment_reference.CLOUDS}
    assert [name for name in sorted(tables) if not re.search(rf"\b{name}\b", text)] == []


def test_the_tables_show_what_they_know() -> None:
    shown = "\n".join(make() for make in environment_reference.GENERATORS.values())
    assert environment_reference.known() <= set(re.findall(r"`([A-Z][A-Z0-9_]*)`", shown))
