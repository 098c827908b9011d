"""One CEL expression that is true or false, compiled and checked: what every kind of condition is made of.

Guarantee: what can never hold is refused when it is written; after that nothing is raised, and an expression that fails
(a header that is not there, a wrong type) does not hold. The library is imported with the first expression.
Obeys: the Common Expression Language, cel-spec v0.24, as `common-expression-language` implements it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cel

MAX_CHARS = 16384
"""Longest expression (compat 2.2). The library's parser recurses no deeper than it should up to here."""

_NATIVE = frozenset(
    [
        *("all", "exists", "exists_one", "map", "filter", "has", "optional.of"),
        *("size", "contains", "startsWith", "endsWith", "matches"),
        *("int", "uint", "double", "string", "bytes", "type", "dyn", "timestamp", "duration"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    ]
)
"""Functions that every evaluation knows. Operators have names that are no words."""
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]\w*(\.\w+)*")


class Expression:
    """Compiled; it knows which variables it names, and nothing of their values."""

    __slots__ = ("_functions", "_program", "_text", "variables")

    def __init__(self, text: str, *, empty: Mapping[str, object]) -> None:
        """`empty`: each variable that there is, with a value that says nothing. One that is an object with members has
        no others.

        Raises:
            ValueError: it is not CEL, or names something that does not exist; the message says what.
        """
        # Imported here: the library brings its command line along, 150 ms that only plans with conditions pay.
        import cel
        from cel.stdlib import STDLIB_FUNCTIONS

        if len(text) > MAX_CHARS:
            raise ValueError(f"an expression has {MAX_CHARS} characters at most")
        try:
            self._program = cel.compile(text)
        except ValueError as error:
            raise ValueError(f"not a CEL expression: {_first_error(str(error))}") from None
        words = [name for name in self._program.functions() if _WORD.fullmatch(name) and name not in _NATIVE]
        if unknown := [name for name in words if name not in STDLIB_FUNCTIONS]:
            raise ValueError(f"not a CEL expression: there is no function `{unknown[0]}`")
        self._text = text
        self._functions = tuple((name, STDLIB_FUNCTIONS[name]) for name in words)
        self.variables = tuple(name for name in self._program.variables() if name in empty)
        self._check_names(empty)

    def only(self, variable: str, member: str) -> bool:
        """Return whether `variable.member` is all that it looks at of a variable; in doubt, as inside a text, it is
        not."""
        return not re.search(rf"\b{variable}\b(?!\s*\.\s*{member}\b)", self._text)

    def context(self, values: Iterable[tuple[str, object]], context: "cel.Context | None" = None) -> "cel.Context":
        """Return a context, the given one if there is, with these values and the functions that it calls.

        Raises:
            ValueError: a text is not valid Unicode.
        """
        import cel

        if context is None:
            context = cel.Context()
        for name, value in values:
            context.add_variable(name, value)
        for name, function in self._functions:
            context.add_function(name, function)
        return context

    def holds(self, context: "cel.Context") -> bool:
        """Return whether it is true; anything but true is false."""
        try:
            return self._program.execute(context) is True
        except Exception:  # the library maps CEL's errors to a dozen types, TypeError and ZeroDivisionError among them
            return False

    def _check_names(self, empty: Mapping[str, object]) -> None:
        """Refuse names that would make the expression fail whatever it is asked about."""
        bare = _QUOTED.sub("''", self._text)
        for variable, value in empty.items():
            members = tuple(value) if isinstance(value, Mapping) else ()
            for name in re.findall(rf"(?<![\w.]){variable}\s*\.\s*([A-Za-z_]\w*)", bare) if members else ():
                if name not in members:
                    raise ValueError(f"`{variable}` has no `{name}`; it has {', '.join(members)}")
        context = self.context((name, empty[name]) for name in self.variables)
        try:
            result = self._program.execute(context)
        except RuntimeError as error:
            if match := re.match(r"Undefined variable or function: '([^']*)'", str(error)):
                raise ValueError(f"there is no `{match[1]}`; an expression knows {', '.join(empty)}") from None
        except Exception:
            return  # fails where nothing is said, as `request.headers["x"]` does
        else:
            if not isinstance(result, bool):
                raise ValueError("a condition is true or false, and this is neither")


def _first_error(message: str) -> str:
    """Return what the parser complains of first, without the text it quotes."""
    match = re.search(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)", message)
    if match is None:
        return "it does not parse"
    what = re.sub(r" expecting \{.*", "", match[3])
    return f"{what} (character {match[2]})"
