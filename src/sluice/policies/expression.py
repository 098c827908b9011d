"""One CEL expression, compiled and checked: what every condition and every computed value is made of.

Guarantee: what can never be evaluated is refused when it is written. Later an expression fails (a header that is not
there, a wrong type) or gives a value, and says nothing in any log. The library is imported with the first expression.
`default(a, b)` is `a`, or `b` where `a` fails or is null: arguments of functions are evaluated before a call, so these
calls are taken out of the text and evaluated here.
Obeys: the Common Expression Language, cel-spec v0.24, as `common-expression-language` implements it.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

import msgspec

from sluice.policies import cel_text
from sluice.policies.cel_functions import OWN, Function, quiet

if TYPE_CHECKING:
    import cel

MAX_CHARS = 16384
"""Longest expression (compat 2.2). The library's parser recurses no deeper than it should up to here."""
MAX_DEFAULTS = 64
"""Calls of `default` in one expression; each is an expression of its own."""

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
_WORD = re.compile(r"[A-Za-z]\w*(\.\w+)*")
_OWN_NAME = "sluice_default_"
"""Begins the names of the functions that stand for calls of `default`."""


class _Part(msgspec.Struct, frozen=True):
    """A call of `default`: its arguments, compiled, and the names that it is handed from macros around it."""

    name: str
    programs: tuple["cel.Program", ...]
    bound: tuple[str, ...]


class Expression:
    """Compiled; it knows which variables it names, and nothing of their values."""

    __slots__ = ("_functions", "_known", "_parts", "_program", "_text", "members", "variables")

    def __init__(self, text: str, *, empty: Mapping[str, object], truth: bool = True) -> None:
        """`empty`: each variable that there is, with a value that says nothing. One that is an object with members has
        no others. `truth`: it has to be true or false.

        Raises:
            ValueError: it is not CEL, or names something that does not exist; the message says what.
        """
        if len(text) > MAX_CHARS:
            raise ValueError(f"an expression has {MAX_CHARS} characters at most")
        if cel_text.count(text) > MAX_DEFAULTS:
            raise ValueError(f"an expression calls `default` {MAX_DEFAULTS} times at most")
        self._text = text
        self._known = tuple(empty)
        self._functions: dict[str, Function] = {}
        self._parts: list[_Part] = []
        self._program = self._compiled(text, frozenset())
        named = {name for program in self._programs() for name in program.variables()}
        self.variables = tuple(name for name in empty if name in named)
        self.members = {name: cel_text.members(text, name) for name in self.variables}
        """Variable -> its members that it may look at; None = perhaps all."""
        self._check(empty, truth=truth)

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
        for name, function in self._functions.items():
            context.add_function(name, function)
        for part in self._parts:
            context.add_function(part.name, quiet(partial(_first, part, context)))
        return context

    def holds(self, context: "cel.Context") -> bool:
        """Return whether it is true; anything but true is false."""
        try:
            return _run(self._program, context) is True
        except LookupError:
            return False

    def value(self, context: "cel.Context") -> object:
        """Return what it comes to, in Python's types.

        Raises:
            LookupError: it fails.
        """
        return _run(self._program, context)

    def _programs(self) -> Iterable["cel.Program"]:
        yield self._program
        for part in self._parts:
            yield from part.programs

    def _compiled(self, text: str, around: frozenset[str]) -> "cel.Program":
        """Compile a text whose macros around it bind these names; its calls of `default` become parts."""
        # Imported here: the library brings its command line along, 150 ms that only plans with expressions pay.
        import cel

        around |= cel_text.bound(text)
        pieces, at = [], 0
        for lazy in cel_text.lazies(text):
            pieces += [text[at : lazy.start], self._part(lazy, around)]
            at = lazy.end
        try:
            program = cel.compile("".join([*pieces, text[at:]]))
        except ValueError as error:
            raise ValueError(f"not a CEL expression: {_first_error(str(error))}") from None
        for name in program.functions():
            if _WORD.fullmatch(name) and name not in _NATIVE and not name.startswith(_OWN_NAME):
                self._functions |= _named(name, text)
        return program

    def _part(self, lazy: cel_text.Lazy, around: frozenset[str]) -> str:
        """Compile the arguments of a call of `default`, and return the call that stands for it."""
        programs = tuple(self._compiled(argument, around) for argument in lazy.arguments)
        inside = frozenset[str]().union(*(cel_text.bound(argument) for argument in lazy.arguments))
        named = {name for program in programs for name in program.variables()}
        handed = tuple(sorted(named & (around - inside) - set(self._known)))
        part = _Part(f"{_OWN_NAME}{len(self._parts)}", programs, handed)
        self._parts.append(part)
        return f"{part.name}({', '.join(handed)})"

    def _check(self, empty: Mapping[str, object], *, truth: bool) -> None:
        """Refuse names that would make the expression fail whatever it is asked about."""
        code = cel_text.bare(self._text)
        if self._parts and (shadowed := sorted(cel_text.bound(self._text) & set(empty))):
            raise ValueError(f"`{shadowed[0]}` is a variable: call what a macro binds by another name")
        for variable, value in empty.items():
            members = tuple(value) if isinstance(value, Mapping) else ()
            for name in re.findall(rf"(?<![\w.]){variable}\s*\.\s*([A-Za-z_]\w*)", code) if members else ():
                if name not in members:
                    raise ValueError(f"`{variable}` has no `{name}`; it has {', '.join(members)}")
        context = self.context((name, empty[name]) for name in self.variables)
        for program in self._programs():
            try:
                result = program.execute(context)
            except RuntimeError as error:
                match = re.match(r"Undefined variable or function: '([^']*)'", str(error))
                if match and match[1] not in cel_text.bound(self._text):
                    raise ValueError(f"there is no `{match[1]}`; an expression knows {', '.join(empty)}") from None
            except Exception:  # noqa: S112 - fails where nothing is said, as `request.headers["x"]` does
                continue
            else:
                if truth and program is self._program and not isinstance(result, bool):
                    raise ValueError("a condition is true or false, and this is neither")


def _first(part: _Part, context: "cel.Context", *values: object) -> object:
    """Return the first argument of a call of `default` that neither fails nor is null, else what the last one is."""
    for name, value in zip(part.bound, values, strict=True):
        context.add_variable(name, value)
    for program in part.programs[:-1]:
        with contextlib.suppress(LookupError):  # that is what the others are for
            result = _run(program, context)
            if result is not None:
                return result
    return _run(part.programs[-1], context)


def _run(program: "cel.Program", context: "cel.Context") -> object:
    """Evaluate.

    Raises:
        LookupError: it fails.
    """
    try:
        return program.execute(context)
    except Exception as error:  # CEL's errors are a dozen types, TypeError and ZeroDivisionError among them
        raise LookupError(f"the expression fails ({type(error).__name__})") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the library's own end, as of a time beyond all calendars
            raise
        raise LookupError("the expression fails (beyond the library's bounds)") from None


def _named(name: str, text: str) -> dict[str, Function]:
    """Return the functions of this name in a text; the parser keeps only `encode` of `base64.encode`.

    Raises:
        ValueError: there is none.
    """
    code, library = cel_text.bare(text), _library()
    dotted = [full for full in library if full.endswith(f".{name}") and full in code]
    found = {full: library[full] for full in (name, *dotted) if full in library}
    if not found:
        raise ValueError(f"not a CEL expression: there is no function `{name}`")
    return found


@cache
def _library() -> Mapping[str, Function]:
    """The functions that are not native: the library's own in Python, and ours before them."""
    from cel.stdlib import STDLIB_FUNCTIONS

    return {name: quiet(function) for name, function in {**STDLIB_FUNCTIONS, **OWN}.items()}


def _first_error(message: str) -> str:
    """Return what the parser complains of first, without the text it quotes."""
    match = re.search(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)", message)
    if match is None:
        return "it does not parse"
    what = re.sub(r" expecting \{.*", "", match[3])
    return f"{what} (character {match[2]})"
