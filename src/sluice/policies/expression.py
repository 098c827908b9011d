"""One CEL expression, compiled and checked: what every condition and every computed value is made of.

Guarantee: what can never be evaluated is refused when it is written. Later an expression fails (a header that is not
there, a wrong type) or gives a value, and says nothing in any log. The library is imported with the first expression.
`default(a, b)` is `a`, or `b` where `a` fails or is null: arguments of functions are evaluated before a call, so these
calls are taken out of the text and evaluated here (lazy_parts.py).
Obeys: the Common Expression Language, cel-spec v0.24, as `common-expression-language` implements it. Departure of the
library, mended here: `exists` and `all` absorb what fails of one element where another one decides, as `||` and `&&` do
("Macros"). An expression that fails is therefore evaluated once more with their predicates taken out of the text too;
whoever does not fail pays nothing for it.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from sluice.policies import cel_text
from sluice.policies.cel_functions import OWN, Function, quiet
from sluice.policies.lazy_parts import MACROS, MAX_ASKED, Part, Patience, Program, Undecided

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
_TYPES = frozenset(["bool", "bytes", "double", "int", "list", "map", "null_type", "optional", "string", "type", "uint"])
"""Names that stand for themselves, as in `type(a) == string`."""
_WORD = re.compile(r"[A-Za-z]\w*(\.\w+)*")
_OWN_NAME = "sluice_default_"
"""Begins the names of the functions that stand for calls of `default`."""


class Expression:
    """Compiled; it knows which variables it names, and nothing of their values."""

    __slots__ = ("_functions", "_known", "_made", "_parts", "_patience", "_program", "_text", "members", "variables")

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
        self._text = text = cel_text.lowered(text)
        self._known = tuple(empty)
        self._functions: dict[str, Function] = {}
        self._parts: list[Part] = []
        self._patience = Patience()
        self._made: dict[tuple[cel_text.Lazy, frozenset[str]], Part] = {}
        self._program = self._compiled(text, frozenset())
        named = {name for program in self._programs() for name in program.variables()}
        self.variables = tuple(name for name in empty if name in named)
        self.members = {name: cel_text.members(text, name) for name in self.variables}
        """Variable -> its members that it may look at; None = perhaps all."""
        self._check(empty, truth=truth)

    def context(
        self, values: Iterable[tuple[str, object]], context: "cel.Context | None" = None, *, strict: bool = False
    ) -> "cel.Context":
        """Return a context, the given one if there is, with these values and the functions that it calls. `strict`:
        `default` is no help.

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
            for name, function in part.functions(context, self._patience, strict=strict).items():
                context.add_function(name, function)
        return context

    def holds(self, context: "cel.Context") -> bool:
        """Return whether it is true; anything but true is false."""
        try:
            return self.value(context) is True
        except LookupError:
            return False

    def value(self, context: "cel.Context") -> object:
        """Return what it comes to, in Python's types.

        Raises:
            Undecided: it fails for want of patience.
            LookupError: it fails.
        """
        self._patience.left = MAX_ASKED
        try:
            return self._program.run(context)
        finally:
            if self._patience.left < 0:  # whatever it came to: `default` may have taken what failed
                raise Undecided

    def _programs(self) -> Iterable["cel.Program"]:
        yield self._program.plain
        for part in self._parts:
            yield from (program.plain for program in part.programs)

    def _compiled(self, text: str, around: frozenset[str]) -> Program:
        """Compile a text whose macros around it bind these names; its calls of `default` become parts."""
        around |= cel_text.bound(text)
        plain = self._program_of(text, cel_text.lazies(text), around)
        found = list(cel_text.lazies(text, macros=True))
        if not any(lazy.kind in MACROS for lazy in found) or around & set(self._known):
            return Program(plain)
        return Program(plain, self._program_of(text, found, around))

    def _program_of(self, text: str, lazies: Iterable[cel_text.Lazy], around: frozenset[str]) -> "cel.Program":
        # Imported here: the library brings its command line along, 150 ms that only plans with expressions pay.
        import cel

        pieces, at = [], 0
        for lazy in lazies:
            pieces += [text[at : lazy.start], self._call(lazy, around)]
            at = lazy.end
        try:
            program = cel.compile("".join([*pieces, text[at:]]))
        except ValueError as error:
            raise ValueError(f"not a CEL expression: {_first_error(str(error))}") from None
        for name in program.functions():
            if _WORD.fullmatch(name) and name not in _NATIVE and not name.startswith(_OWN_NAME):
                self._functions |= _named(name, text)
        return program

    def _call(self, lazy: cel_text.Lazy, around: frozenset[str]) -> str:
        """Return what stands in a text for a call of `default`, or for a macro."""
        part = self._made.get((lazy, around))
        if part is None:
            part = self._made[lazy, around] = self._part(lazy, around)
        call = f"{part.name}({', '.join(part.bound)})"
        return f".{lazy.kind}({lazy.arguments[0]}, {call}).{part.seen}()" if lazy.kind in MACROS else call

    def _part(self, lazy: cel_text.Lazy, around: frozenset[str]) -> Part:
        own, arguments = (lazy.arguments[:1], lazy.arguments[1:]) if lazy.kind in MACROS else ((), lazy.arguments)
        programs = tuple(self._compiled(argument, around) for argument in arguments)
        inside = frozenset[str]().union(*(cel_text.bound(argument) for argument in arguments))
        named = {name for program in programs for name in program.plain.variables()}
        handed = tuple(sorted(named & ((around - inside) | set(own)) - set(self._known)))
        part = Part(lazy.kind, f"{_OWN_NAME}{len(self._parts)}", programs, handed)
        self._parts.append(part)
        return part

    def _check(self, empty: Mapping[str, object], *, truth: bool) -> None:
        """Refuse names that would make the expression fail whatever it is asked about."""
        code, bound = cel_text.bare(self._text), cel_text.bound(self._text)
        shadowed = sorted(bound & set(empty))
        if shadowed and any(part.kind not in MACROS for part in self._parts):
            raise ValueError(f"`{shadowed[0]}` is a variable: call what a macro binds by another name")
        for variable, value in empty.items():
            members = tuple(value) if isinstance(value, Mapping) else ()
            for name in re.findall(rf"(?<![\w.]){variable}\s*\.\s*([A-Za-z_]\w*)", code) if members else ():
                if name not in members:
                    raise ValueError(f"`{variable}` has no `{name}`; it has {', '.join(members)}")
        named = {name for program in self._programs() for name in program.variables()}
        spaces = {name.partition(".")[0] for name in self._functions}
        if unknown := sorted(named - bound - spaces - _TYPES - set(empty)):
            raise ValueError(f"there is no `{unknown[0]}`; an expression knows {', '.join(empty)}")
        context = self.context((name, empty[name]) for name in self.variables)
        for program in self._programs():
            try:
                result = program.execute(context)
            except RuntimeError as error:
                match = re.match(r"Undefined variable or function: '([^']*)'", str(error))
                if match and match[1] not in bound:
                    missing = f"there is no `{match[1]}`; an expression knows {', '.join(empty)}"
                    given = f"`{match[1]}` does not take what it is given here"
                    raise ValueError(given if match[1] in _NATIVE else missing) from None
            except Exception:  # noqa: S112 - fails where nothing is said, as `request.headers["x"]` does
                continue
            else:
                if truth and program is self._program.plain and not isinstance(result, bool):
                    raise ValueError("a condition is true or false, and this is neither")


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
