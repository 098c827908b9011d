"""The guards of one kind of answer, compiled; and what it is when one of them says no."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from sluice.chat.events import Event
from sluice.errors import PolicyUnavailable, SluiceError
from sluice.policies.guard_text import TextGuards
from sluice.policies.guards import Guard, Judge, Rejection, TextRules
from sluice.policies.rejection import error_of

REASON = "Guardrail"
_ENDLESS = 1 << 62


class Guarding(msgspec.Struct, frozen=True, kw_only=True):
    """What looks at an answer: first all text rules, on the text as the provider wrote it; then the judges, one after
    the other, on what the text rules let through."""

    texts: TextGuards | None = None
    judges: tuple[Judge, ...] = ()


def guarding(guards: Sequence[Guard], *, streams: bool) -> Guarding | None:
    """Return the guards of an answer to a client who asked for a stream or not, None if there are none. Compiled once
    for all answers.

    Raises:
        ValueError: a pattern cannot be used; the message names it.
    """
    return _compiled(tuple(guards), streams)


@lru_cache(maxsize=256)
def _compiled(guards: tuple[Guard, ...], streams: bool) -> Guarding | None:
    """The guards of a configuration are few, and remember their hashes: asked again, this takes a tenth of a
    microsecond. Of an answer that is sent as a whole nothing has to be given up because more of it may come."""
    told = [guard for guard in guards if not (streams and guard.open_layer)]
    rules = [guard for guard in told if isinstance(guard, TextRules)]
    if not told:
        return None
    texts = TextGuards(rules if streams else [_patient(rule) for rule in rules]) if rules else None
    return Guarding(texts=texts, judges=tuple(guard for guard in told if isinstance(guard, Judge)))


def _patient(rule: TextRules) -> TextRules:
    return msgspec.structs.replace(rule, max_hold_bytes=_ENDLESS, max_hold_s=0.0, mode="incremental")


class Blocked(Exception):
    """A guard ends the answer. `seen` is what may still be sent before the end."""

    def __init__(self, guard: str, error: SluiceError, seen: Sequence[Event] = ()) -> None:
        super().__init__(guard)
        self.guard = guard
        self.error = error
        self.seen = seen

    @property
    def legal(self) -> bool:
        """The answer ends as one that was filtered; else as one that failed, for nobody could look at it."""
        return not isinstance(self.error, PolicyUnavailable)


def rejected(guard: Guard, seen: Sequence[Event] = (), rejection: Rejection | None = None) -> Blocked:
    """A guard has found what it was looking for. `rejection`: what is told instead of what the guard says."""
    return Blocked(guard.name, error_of(rejection or guard.rejection, "response"), seen)


def unjudged(guard: Judge) -> Blocked:
    """A judge failed, and its guard fails closed."""
    return Blocked(guard.name, PolicyUnavailable("a guard of this answer could not be asked", reason=REASON))
