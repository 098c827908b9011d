"""Parts of a CEL expression that are evaluated here and not by the library: what `default` tries one after the other,
and what `exists` and `all` ask of each element.

Guarantee: what the library says of an expression that does not fail stays as it is. Obeys: cel-spec v0.24, "Macros"
(`exists` joins with `||`, `all` with `&&`: an element that decides absorbs the failure of another).
"""

import contextlib
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from sluice.policies.cel_functions import Function, quiet

if TYPE_CHECKING:
    import cel

MACROS: Mapping[str, bool] = {"exists": True, "all": False}
"""Each macro that absorbs, and what of one element decides it."""


MAX_ASKED = 1000
"""Elements of which one evaluation asks for itself: 40 microseconds each, and a client chooses how many there are."""


class Undecided(LookupError):
    """An expression fails that may hold: a client has sent more elements than anybody looks at."""


class Patience:
    """Of one expression: how many elements it may still ask about in this evaluation."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_ASKED


class Program(msgspec.Struct, frozen=True):
    """An expression, compiled. `absorbing`: the same with its macros as parts, if it has any."""

    plain: "cel.Program"
    absorbing: "cel.Program | None" = None

    def run(self, context: "cel.Context") -> object:
        """Evaluate.

        Raises:
            LookupError: it fails.
        """
        try:
            return _run(self.plain, context)
        except LookupError:
            if self.absorbing is None:
                raise
        return _run(self.absorbing, context)


class Part(msgspec.Struct, frozen=True):
    """A call of `default` and its arguments, or a macro and its predicate; and the names that it is handed from macros
    around it. Called by `name` in the text."""

    kind: str
    name: str
    programs: tuple[Program, ...]
    bound: tuple[str, ...]

    @property
    def seen(self) -> str:
        """What a macro's result is passed through: by this name in the text."""
        return f"{self.name}_seen"

    def functions(self, context: "cel.Context", patience: Patience, *, strict: bool) -> Mapping[str, Function]:
        """Return what stands behind its names. `strict`: `default` gives no way out of a failure."""
        if self.kind in MACROS:
            predicate = _Predicate(self, context, patience)
            return {self.name: quiet(predicate.asked), self.seen: quiet(predicate.seen)}
        return {self.name: quiet(partial(_first, self, context, strict))}

    def handed(self, context: "cel.Context", values: tuple[object, ...]) -> None:
        """Give a context the names that the part is handed."""
        for name, value in zip(self.bound, values, strict=True):
            context.add_variable(name, value)


class _Predicate:
    """One macro's, in one context: it never fails, and remembers whether it would have."""

    def __init__(self, part: Part, context: "cel.Context", patience: Patience) -> None:
        self._part, self._context, self._patience = part, context, patience
        self._decides = MACROS[part.kind]
        self._failed = False

    def asked(self, *values: object) -> bool:
        """Return what it says of an element; of one where it fails, what does not decide."""
        self._patience.left -= 1
        with contextlib.suppress(LookupError):
            if self._patience.left < 0:
                raise Undecided
            self._part.handed(self._context, values)
            result = self._part.programs[0].run(self._context)
            if isinstance(result, bool):
                return result
        self._failed = True
        return not self._decides

    def seen(self, result: object) -> object:
        """Return what the macro came to.

        Raises:
            LookupError: no element decided, and the predicate failed of one.
        """
        failed, self._failed = self._failed, False
        if failed and result is not self._decides:
            raise LookupError("the predicate fails of an element")
        return result


def _first(part: Part, context: "cel.Context", strict: bool, *values: object) -> object:
    """Return the first argument of a call of `default` that neither fails nor is null, else what the last one is."""
    part.handed(context, values)
    for program in part.programs[:-1]:
        with contextlib.nullcontext() if strict else contextlib.suppress(LookupError):  # what the others are for
            result = program.run(context)
            if result is not None:
                return result
    return part.programs[-1].run(context)


def _run(program: "cel.Program", context: "cel.Context") -> object:
    """
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
