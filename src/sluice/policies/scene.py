"""The scene: what expressions of an operator may look at in one exchange, and how it becomes CEL's.

Guarantee: nothing is read, decoded or converted that no expression names; what is converted, once. A variable of which
nothing is known, and a member that cannot be had (a body that is no JSON), is not there: `has()` says so, `default()`
helps, and what looks at it fails.
Obeys: compat-agentgateway 4.4; agentgateway, schema/cel.md (read 2026-11-21).

Cost, measured on one core: 3 microseconds for a scene, 5 for the first expression over a path and 1 for the next; 70
where one looks at 16 headers; 25 for one plain member of a body, 450 for its 50 messages.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from sluice.policies.expression import Expression

if TYPE_CHECKING:
    import cel

Fact = object | Callable[[], object]
"""A value of CEL's types, an object of facts, or how to get one. What is got is got once; it may raise ValueError,
LookupError or RecursionError, and is then not there."""

_TEXTS = ("requestModel", "responseModel", "provider", "serviceTier")
_COUNTS = (
    *("inputTokens", "providerInputTokens", "cachedInputTokens", "cacheCreationInputTokens"),
    *("inputImageTokens", "inputTextTokens", "inputAudioTokens"),
    *("outputTokens", "outputImageTokens", "outputTextTokens", "outputAudioTokens"),
    *("reasoningTokens", "totalTokens", "providerTotalTokens", "countTokens"),
)

VARIABLES: Mapping[str, object] = {
    "request": {
        **dict.fromkeys(("method", "path", "pathAndQuery", "host", "uri", "scheme", "version"), ""),
        "headers": {},
        "query": {},
        "body": "",
    },
    "source": {"address": "", "port": 0},
    "jwt": {},
    "apiKey": {},
    "basicAuth": {"username": ""},
    "extauthz": {},
    "metadata": {},
    "backend": dict.fromkeys(("name", "type", "protocol"), ""),
    "llm": {
        "streaming": False,
        **dict.fromkeys(_TEXTS, ""),
        **dict.fromkeys(_COUNTS, 0),
        **dict.fromkeys(("timeToFirstToken", "timePerOutputToken"), 0.0),
        **{name: [] for name in ("prompt", "completion", "toolCalls")},
        **{name: {} for name in ("params", "cost", "costRates")},
    },
    "llmRequest": {},
    "response": {"code": 200, "headers": {}, "body": ""},
}
"""Every variable with a value that says nothing. One with members has no others.

`request.headers` and `.query`: names (of headers in lower case) to the first value. `request.body`: text. `jwt`: all
claims of a verified token. `apiKey`: `key_id` and the members of its metadata. `extauthz`: what an external
authorization said. `metadata`: what transformations noted. `llmRequest`: the body, decoded.
"""
ASKED = tuple(name for name in VARIABLES if name != "response")
"""The variables that an expression knows before there is an answer."""


def known(names: Iterable[str]) -> Mapping[str, object]:
    """Return some of VARIABLES."""
    return {name: VARIABLES[name] for name in names}


class Scene:
    """What is known of one exchange. One per exchange; not for two at once."""

    __slots__ = ("_context", "_facts", "_given")

    def __init__(self, facts: Mapping[str, Fact] | None = None) -> None:
        self._facts: dict[str, Fact] = dict(facts or {})
        self._context: cel.Context | None = None
        self._given: dict[str, frozenset[str] | None] = {}
        """Variable -> the members that the context has; None = all."""

    def learn(self, variable: str, value: Fact) -> None:
        """Say what a variable is from now on."""
        assert variable in VARIABLES
        self._facts[variable] = value
        self._given.pop(variable, None)

    def context(self, expression: Expression) -> "cel.Context":
        """Return a context with everything that an expression names."""
        self._context = expression.context((), self._context)
        for name in expression.variables:
            wanted = expression.members[name]
            if name in self._given:
                given = self._given[name]
                if given is None or (wanted is not None and wanted <= given):
                    continue
                wanted = None if wanted is None else wanted | given
            self._give(self._context, name, wanted)
            self._given[name] = wanted
        return self._context

    def _give(self, context: "cel.Context", name: str, wanted: frozenset[str] | None) -> None:
        value = self._facts[name] = _got(self._facts.get(name, _ABSENT))
        if isinstance(value, Mapping):
            value = {m: _got(fact) if wanted is None or m in wanted else fact for m, fact in value.items()}
            self._facts[name] = value
            found = value if wanted is None else {m: value[m] for m in wanted if m in value}
            value = {member: fact for member, fact in found.items() if fact is not _ABSENT}
        try:
            context.add_variable(name, {} if value is _ABSENT else value)
        except (ValueError, TypeError, OverflowError):  # a text that is no Unicode, a value of no type of CEL's
            context.add_variable(name, {})


class _Absent:
    """In place of what could not be had."""


_ABSENT = _Absent()


def _got(fact: Fact) -> object:
    if not callable(fact):
        return fact
    try:
        return fact()
    except (ValueError, LookupError, RecursionError):
        return _ABSENT
