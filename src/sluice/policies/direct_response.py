"""An answer that the gateway gives by itself: a health page, a refusal, a fault on purpose.

Guarantee: no backend is asked. A header whose expression fails is left out, a body whose expression fails is empty.
Obeys: compat-agentgateway 2.5, labs A019.
"""

import msgspec

from sluice.policies.condition import Condition
from sluice.policies.headers import Header
from sluice.policies.rejection import CONTENT_TYPE, content_type
from sluice.policies.scene import ASKED, Scene
from sluice.policies.transformation import as_body, as_header
from sluice.policies.value import Value


class DirectResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route. `condition`: of several the first whose condition holds answers; an empty one always holds."""

    status: int
    body: str = ""
    body_expression: str = ""
    """CEL, in place of `body`: a string and bytes as they are, anything else as JSON."""
    headers: tuple[tuple[str, str], ...] = ()
    """Name in lower case, CEL."""
    condition: str = ""


class Answerer:
    """A direct response, compiled.

    Raises:
        ValueError: an expression is wrong. `load` has said so before, with its place.
    """

    __slots__ = ("_condition", "_expression", "_headers", "_response")

    def __init__(self, response: DirectResponse) -> None:
        self._response = response
        self._condition = Condition(response.condition) if response.condition else None
        self._expression = Value(response.body_expression, sees=ASKED) if response.body_expression else None
        self._headers = tuple((name.encode("latin-1"), Value(text, sees=ASKED)) for name, text in response.headers)

    def answer(self, scene: Scene) -> tuple[int, list[Header], bytes] | None:
        """Return status, headers and body; None = its condition does not hold.

        A body has the type of JSON if it is JSON, and is plain text otherwise, unless a header says what it is.
        """
        if self._condition is not None and not self._condition.holds(scene):
            return None
        body = self._response.body.encode() if self._expression is None else as_body(_value(self._expression, scene))
        found = [(name, as_header(_value(value, scene))) for name, value in self._headers]
        headers = [(name, value) for name, value in found if value is not None]
        if body and not any(name == CONTENT_TYPE for name, _ in headers):
            headers.append((CONTENT_TYPE, content_type(body.decode("utf-8", "replace"))))
        return self._response.status, headers, body


def _value(value: Value, scene: Scene) -> object:
    try:
        return value.value(scene)
    except LookupError:
        return None
