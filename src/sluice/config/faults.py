"""Places in configuration files, and what is wrong at them.

PURE. A fault never holds a value from a file that may be a secret: callers put names, kinds and numbers into
messages, not contents; and what the environment inserted is taken out here, whatever they put there.
"""

import re
from collections.abc import Mapping

import msgspec

from sluice.errors import ConfigError

Path = tuple[str | int, ...]

MAX_FAULTS = 50
"""How many places one error lists. A file of another format would otherwise fill the screen."""
MIN_SECRET_CHARS = 6
"""Of what the environment inserted: a shorter text may be a word of any message."""
_WORD = re.compile(r"\w{3,}")


class Place(msgspec.Struct, frozen=True):
    """Where something stands: `path` is a JSON path without the leading `$.`."""

    file: str
    line: int = 0
    path: str = ""


def path_text(path: Path) -> str:
    """Return `spec.rules[0].matches` for `("spec", "rules", 0, "matches")`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


class Faults:
    """Collect what is wrong, so that an operator sees every place at once.

    Guarantee: `check` raises if and only if something was added since the beginning; and no text of it shows what was
    `inserted` before, nor, at that very place, a word of it.
    """

    def __init__(self) -> None:
        self._errors: dict[str, ConfigError] = {}
        self._inserted: dict[tuple[str, str], tuple[str, str]] = {}
        self._hidden: dict[str, str] = {}
        """What may be a secret, in lower case -> how the file names it."""

    def inserted(self, place: Place, written: str, values: Mapping[str, str]) -> None:
        """The environment's `values`, by name, stand at a place, where the file has `written`."""
        self._inserted[place.file, place.path] = written, " ".join(values.values()).lower()
        for name, value in values.items():
            if len(value.strip()) >= MIN_SECRET_CHARS:
                self._hidden[value.strip().lower()] = f"${name}"

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note one fault; the same fault at the same place is noted once."""
        written, values = self._inserted.get((place.file, place.path), ("", ""))
        if any(word in values for word in _WORD.findall(f"{message} {hint}".lower())):
            message, hint = f"what `{written}` comes to cannot be used here", ""
        message, hint = self._without(message), self._without(hint)
        error = ConfigError(message, file=place.file, line=place.line, path=place.path, hint=hint)
        self._errors.setdefault(str(error), error)

    def _without(self, text: str) -> str:
        """Return a text without what the environment inserted, the longest first."""
        if not any(value in text.lower() for value in self._hidden):
            return text
        pattern = "|".join(map(re.escape, sorted(self._hidden, key=len, reverse=True)))
        return re.sub(pattern, lambda match: self._hidden.get(match[0].lower(), "$"), text, flags=re.IGNORECASE)

    def __bool__(self) -> bool:
        return bool(self._errors)

    def check(self) -> None:
        """Raise what was collected: the error itself if it is one, else one error with one line per place.

        Raises:
            ConfigError: something was added.
        """
        errors = sorted(self._errors.values(), key=lambda error: (error.file, error.line))
        if len(errors) == 1:
            raise errors[0]
        if errors:
            lines = [str(error) for error in errors[:MAX_FAULTS]]
            if len(errors) > MAX_FAULTS:
                lines.append(f"and {len(errors) - MAX_FAULTS} more")
            raise ConfigError("\n".join(lines))
