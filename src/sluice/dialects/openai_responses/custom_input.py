"""The free text of a custom tool's input, out of the JSON arguments of the function that was sent for it, as they grow.

The model writes `{"input": "..."}` in pieces; the client sees the text between the quotes as it comes. A model that
writes something else is shown at the end, as well as can be.
"""

import json
import re

from sluice.dialects.writing import whole

_HEAD = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_MAX_HEAD = 64
"""Characters within which the head must have come."""
_WHOLE = re.compile(
    r"""(?: [^"\\]                                                      # a character as it is
          | \\["\\/bfnrt]
          | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}  # a pair of surrogates
          | \\u(?![dD][89abAB])[0-9a-fA-F]{4} )*""",
    re.VERBOSE,
)
"""As much of a JSON string as can be read without knowing what follows."""


class CustomInput:
    """The text of one call's input. Guarantee: what `feed` and `close` return, joined, is `text`."""

    __slots__ = ("_inside", "_pieces", "_rest", "_told")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._told: list[str] = []
        self._rest = ""
        """Arguments that were not read yet."""
        self._inside = False

    @property
    def text(self) -> str:
        return "".join(self._told)

    def feed(self, piece: str) -> str:
        """Take more of the arguments and return the text they bring, perhaps none."""
        self._pieces.append(piece)
        if not self._inside and len(self._rest) > _MAX_HEAD:
            return ""
        self._rest += piece
        if not self._inside:
            head = _HEAD.match(self._rest)
            if head is None:
                return ""
            self._inside = True
            self._rest = self._rest[head.end() :]
        match = _WHOLE.match(self._rest)
        end = match.end() if match else 0
        text = whole(json.loads(f'"{self._rest[:end]}"', strict=False)) if end else ""
        self._rest = self._rest[end:]
        if text:
            self._told.append(text)
        return text

    def close(self) -> str:
        """Say that the arguments are whole, or will never be, and return what was missing of the text."""
        told, final = self.text, _read("".join(self._pieces))
        if not final.startswith(told) or (self._inside and not _is_object("".join(self._pieces))):
            return ""
        self._told.append(final[len(told) :])
        return final[len(told) :]


def _object(arguments: str) -> object:
    try:
        return json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return None


def _is_object(arguments: str) -> bool:
    return isinstance(_object(arguments), dict)


def _read(arguments: str) -> str:
    """The member `input`, else the only member if that is a text, else the arguments themselves."""
    read = _object(arguments)
    if isinstance(read, dict):
        texts = [text for name, text in read.items() if isinstance(text, str) and (name == "input" or len(read) == 1)]
        if texts:
            return whole(texts[0])
        return arguments if read else ""
    return arguments
