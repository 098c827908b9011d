"""One mapping of a LiteLLM file, and what was read of it: the rest has to be named.

PURE. `os.environ/NAME` becomes `$NAME`, and a `$` that stands in a value `$$`, as the short form has them. No note
repeats a value: it may be a secret.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

from sluice.config.faults import Path, Place, path_text
from sluice.config.frozen import Frozen
from sluice.config.litellm_words import HINTS, NO_SECRETS, NOTHING
from sluice.config.source import Document

ENVIRON: Final = "os.environ/"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SIGNS = re.compile(r"[^A-Za-z0-9]+")


class Note(Frozen):
    """What was not carried over, or not quite."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.line}: {self.place.path}: {self.text}"


class Notebook:
    """What an operator has to know of one file: notes, and the variables that hold what was written in it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._notes: dict[str, Note] = {}
        self.secrets: dict[str, str] = {}
        """A secret that was written -> the variable that is to hold it."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """In the order of the file."""
        return tuple(sorted(self._notes.values(), key=lambda note: note.place.line))

    def add(self, path: Path, text: str) -> None:
        """Note something once."""
        place = self._document.place(*path)
        note = Note(place=Place(place.file, place.line, path_text(path)), text=text)
        self._notes.setdefault(str(note), note)

    def variable(self, secret: str, wanted: str, path: Path) -> str:
        """Return `$NAME` for a secret that is written in the file; the same secret has one name."""
        if secret not in self.secrets:
            base = _SIGNS.sub("_", wanted).strip("_").upper() or "KEY"
            base = base if _NAME.match(base) else f"KEY_{base}"
            name, number = base, 1
            while name in self.secrets.values():
                number += 1
                name = f"{base}_{number}"
            self.secrets[secret] = name
        name = self.secrets[secret]
        self.add(path, f"a secret that was written here; set {name} to it")
        return f"${name}"


class Given:
    """One mapping. Whoever reads a member takes it; `rest` notes those that nobody took."""

    def __init__(self, value: object, path: Path, notebook: Notebook) -> None:
        self.path, self.notebook = path, notebook
        self._left: dict[str, object] = dict(value) if isinstance(value, dict) else {}
        if value is not None and not isinstance(value, dict):
            notebook.add(path, "is no mapping, and left out")

    def __contains__(self, name: str) -> bool:
        return self._left.get(name) is not None

    def take(self, name: str) -> object:
        """Return a member as it is; None if it is not there."""
        return self._left.pop(name, None)

    def is_(self, name: str, value: str) -> bool:
        """Return whether a member has this value."""
        return self._left.get(name) == value

    def put(self, name: str, value: object) -> None:
        """Add a member that another one says."""
        self._left[name] = value

    def names(self) -> list[str]:
        """Return the members that nobody took."""
        return list(self._left)

    def inner(self, name: str) -> "Given":
        """Return a mapping inside."""
        return Given(self.take(name), (*self.path, name), self.notebook)

    def text(self, name: str) -> str:
        """Return a text as the short form has it; empty if there is none, and of a list or a mapping that is noted."""
        value = self.take(name)
        if isinstance(value, list | dict):
            self.note(name, "is no text here, and left out")
            return ""
        return "" if value is None else short(str(value))

    def secret(self, name: str, wanted: str) -> str:
        """Return a reference to a variable. What is written is replaced by one, made of `wanted`; empty = none."""
        value = self.take(name)
        text = "" if value is None else str(value).strip()
        if not text or text.lower() in NO_SECRETS:
            return text
        return short(text) if text.startswith(ENVIRON) else self.notebook.variable(text, wanted, (*self.path, name))

    def number(self, name: str) -> float | None:
        """Return a number of 0 or more; of something else it is noted that it is none."""
        value = self.take(name)
        if value is None:
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(str(value))
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            self.note(name, "is no number here, and left out")
            return None
        return number

    def flag(self, name: str) -> bool:
        return str(self.take(name)).lower() == "true"

    def note(self, name: str, text: str) -> None:
        self.notebook.add((*self.path, name), text)

    def rest(self, otherwise: str = NOTHING) -> None:
        """Note every member that nobody took; `otherwise` is said of those that have no hint of their own."""
        for name in list(self._left):
            if self.take(name) not in (None, [], {}):
                self.note(name, f"not carried over: {HINTS.get(name, otherwise)}")


def short(text: str) -> str:
    """Return a text of LiteLLM's in the words of the short form."""
    name = text.removeprefix(ENVIRON)
    return f"${name}" if name != text and _NAME.match(name) else text.replace("$", "$$")


def shorter(value: object) -> object:
    """The same of every text in a value."""
    if isinstance(value, str):
        return short(value)
    if isinstance(value, list):
        return [shorter(item) for item in value]
    if isinstance(value, Mapping):
        return {key: shorter(item) for key, item in value.items()}
    return value
