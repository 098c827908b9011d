"""Conditions written in CEL: over a scene (`when` of virtual models, the precondition of a retry, authorization) and
over a response (which attempts failed, the condition of a retry).

One over a scene knows what scene.py lists; one over a response sees `response.code` and `.headers`, whose names are in
lower case.
Guarantee: an expression that fails (a header that is not there, a wrong type) does not hold, and nothing is raised.
Obeys: the Common Expression Language, as expression.py says.

Cost, measured on one core: over a response 4 microseconds, or 30 if it looks at 15 headers; over a scene see there.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from sluice.policies.expression import MAX_CHARS, Expression
from sluice.policies.lazy_parts import Undecided
from sluice.policies.scene import ASKED, Scene, known

__all__ = ["MAX_CHARS", "Condition", "ResponseCondition", "response_condition"]


class Condition:
    """One expression over a scene, compiled. `sees`: the variables that it knows.

    Raises:
        ValueError: it is not CEL, or names something that it does not know; the message says what.
    """

    __slots__ = ("_expression",)

    def __init__(self, text: str, *, sees: Iterable[str] = ASKED) -> None:
        self._expression = Expression(text, empty=known(sees))

    def holds(self, scene: Scene) -> bool:
        """Return whether the expression is true of a scene; anything but true is false."""
        return self._expression.holds(scene.context(self._expression))

    def judged(self, scene: Scene) -> bool | None:
        """Return the same; None where it hangs on what the client sent and nobody can read, or may be read in two
        ways, or is too much."""
        try:
            held = self._expression.value(scene.context(self._expression)) is True
        except Undecided:
            return None
        except LookupError:
            held = False
        sure = scene.sure_context(self._expression)
        if sure is None:
            return held
        try:
            return held if (self._expression.value(sure) is True) is held else None
        except LookupError:
            return None


class ResponseCondition:
    """One expression over the head of a response, compiled.

    Raises:
        ValueError: it is not CEL, or names something that no response has; the message says what.
    """

    __slots__ = ("_expression", "_only_code")

    def __init__(self, text: str) -> None:
        self._expression = Expression(text, empty={"response": {"code": 200, "headers": {}}})
        self._only_code = self._expression.members.get("response", {"code"}) == {"code"}

    def holds(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Return whether the expression is true of a response; anything but true is false.

        `headers`: of a name that stands there twice the first counts, as in a request.
        """
        named = () if self._only_code else reversed(headers)
        texts = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in named}
        return self._expression.holds(self._expression.context([("response", {"code": status, "headers": texts})]))


response_condition = lru_cache(maxsize=256)(ResponseCondition)
"""Compiled once for all requests: the expressions of a configuration are few, and all of them compile."""
