"""Conditions over a request, written in CEL: `when` of virtual models.

An expression sees `request.method`, `.path`, `.host` and `.headers` (names in lower case), and `llmRequest`, the body.
Guarantee: an expression that fails (a header that is not there, a wrong type) does not hold, and nothing is raised.
Obeys: the Common Expression Language, cel-spec v0.24, as `common-expression-language` implements it.

Cost, measured on one core: 2 microseconds for an expression; before the first of a request 35 for its head, and some
200 more if an expression looks into a body of 50 messages.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cel

MAX_CHARS = 16384
"""Longest expression (compat 2.2). The library's parser recurses no deeper than it should up to here."""

VARIABLES = ("request", "llmRequest")
_MEMBERS = ("method", "path", "host", "headers")
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
_MEMBER = re.compile(r"\brequest\s*\.\s*([A-Za-z_]\w*)")
_WORD = re.compile(r"[A-Za-z]\w*(\.\w+)*")


class Asked:
    """What conditions may ask about one request. Converted for them once, and only as far as they look.

    `headers` has names in lower case. `body` returns the decoded JSON of the body; it is called once at most, and
    may raise ValueError (no JSON) or RecursionError.
    """

    __slots__ = ("_body", "_context", "_head", "_known")

    def __init__(
        self, *, method: str, path: str, host: str, headers: Mapping[str, str], body: Callable[[], object]
    ) -> None:
        self._head = {"method": method, "path": path, "host": host, "headers": dict(headers)}
        self._body = body
        self._context: cel.Context | None = None
        self._known: set[str] = set()

    def context(self, condition: "Condition") -> "cel.Context":
        """Return a context with everything that a condition names.

        Raises:
            ValueError: the body is not JSON, or a text is not valid Unicode.
            RecursionError: the body is nested too deeply.
        """
        import cel

        if self._context is None:
            self._context = cel.Context()
        for name in condition.variables:
            if name not in self._known:
                self._known.add(name)
                self._context.add_variable(name, self._head if name == "request" else self._body())
        for name, function in condition.functions:
            self._context.add_function(name, function)
        return self._context


class Condition:
    """One expression, compiled.

    Raises:
        ValueError: it is not CEL, or names something that no request has; the message says what.
    """

    __slots__ = ("_program", "functions", "text", "variables")

    def __init__(self, text: str) -> None:
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
        self.text = text
        self.functions = tuple((name, STDLIB_FUNCTIONS[name]) for name in words)
        self.variables = tuple(name for name in self._program.variables() if name in VARIABLES)
        self._check_names()

    def holds(self, asked: Asked) -> bool:
        """Return whether the expression is true of a request; anything but true is false."""
        try:
            return self._program.execute(asked.context(self)) is True
        except Exception:  # the library maps CEL's errors to a dozen types, TypeError and ZeroDivisionError among them
            return False

    def _check_names(self) -> None:
        """Refuse names that would make the expression fail on every request."""
        for name in _MEMBER.findall(_QUOTED.sub("''", self.text)):
            if name not in _MEMBERS:
                raise ValueError(f"`request` has no `{name}`; it has {', '.join(_MEMBERS)}")
        empty = Asked(method="POST", path="/", host="", headers={}, body=dict)
        try:
            result = self._program.execute(empty.context(self))
        except RuntimeError as error:
            if match := re.match(r"Undefined variable or function: '([^']*)'", str(error)):
                raise ValueError(f"there is no `{match[1]}`; an expression knows {', '.join(VARIABLES)}") from None
        except Exception:
            return  # fails on an empty request, as `request.headers["x"]` does
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
