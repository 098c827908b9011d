"""Conditions written in CEL: over a request (`when` of virtual models, the precondition of a retry) and over a response
(which attempts failed, the condition of a retry).

One over a request sees `request.method`, `.path`, `.host` and `.headers`, and `llmRequest`, the body; one over a
response sees `response.code` and `.headers`. Headers have names in lower case.
Guarantee: an expression that fails (a header that is not there, a wrong type) does not hold, and nothing is raised.
Obeys: the Common Expression Language, as expression.py says.

Cost, measured on one core: 2 microseconds for an expression; before the first of a request 35 for its head, and some
200 more if an expression looks into a body of 50 messages. Over a response 4, or 30 if it looks at 15 headers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sluice.policies.expression import MAX_CHARS, Expression

if TYPE_CHECKING:
    import cel

__all__ = ["MAX_CHARS", "Asked", "Condition", "ResponseCondition"]


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

    def context(self, expression: Expression) -> "cel.Context":
        """Return a context with everything that an expression names.

        Raises:
            ValueError: the body is not JSON, or a text is not valid Unicode.
            RecursionError: the body is nested too deeply.
        """
        values: list[tuple[str, object]] = []
        for name in expression.variables:
            if name not in self._known:
                self._known.add(name)
                values.append((name, self._head if name == "request" else self._body()))
        self._context = expression.context(values, self._context)
        return self._context


class Condition:
    """One expression over a request, compiled.

    Raises:
        ValueError: it is not CEL, or names something that no request has; the message says what.
    """

    __slots__ = ("_expression",)

    def __init__(self, text: str) -> None:
        head = {"method": "POST", "path": "/", "host": "", "headers": {}}
        self._expression = Expression(text, empty={"request": head, "llmRequest": {}})

    def holds(self, asked: Asked) -> bool:
        """Return whether the expression is true of a request; anything but true is false."""
        try:
            context = asked.context(self._expression)
        except Exception:  # ValueError or RecursionError of the body; the library's own for what it cannot convert
            return False
        return self._expression.holds(context)


class ResponseCondition:
    """One expression over the head of a response, compiled.

    Raises:
        ValueError: it is not CEL, or names something that no response has; the message says what.
    """

    __slots__ = ("_expression", "_only_code")

    def __init__(self, text: str) -> None:
        self._expression = Expression(text, empty={"response": {"code": 200, "headers": {}}})
        self._only_code = self._expression.only("response", "code")

    def holds(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Return whether the expression is true of a response; anything but true is false.

        `headers`: of a name that stands there twice the first counts, as in a request.
        """
        named = () if self._only_code else reversed(headers)
        texts = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in named}
        return self._expression.holds(self._expression.context([("response", {"code": status, "headers": texts})]))
