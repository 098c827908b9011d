"""Places in configuration files, and what is wrong at them.

PURE. A fault never holds a value from a file that may be a secret: callers put names, kinds and numbers into
messages, not contents.
"""

import msgspec

from sluice.errors import ConfigError

Path = tuple[str | int, ...]

MAX_FAULTS = 50
"""How many places one error lists. A file of another format would otherwise fill the screen."""


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

    Guarantee: `check` raises if and only if something was added since the beginning.
    """

    def __init__(self) -> None:
        self._errors: dict[str, ConfigError] = {}

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note one fault; the same fault at the same place is noted once."""
        error = ConfigError(message, file=place.file, line=place.line, path=place.path, hint=hint)
        self._errors.setdefault(str(error), error)

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
