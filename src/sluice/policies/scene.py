"""The scene: what expressions of an operator may look at in one exchange, and how it becomes CEL's.

Guarantee: nothing is read, decoded or converted that no expression names; what is converted, once. A variable of which
nothing is known, and a member that cannot be had (a body that is no JSON), is not there: `has()` says so, `default()`
helps, and what looks at it fails. What could not be read, or may be read in two ways, is known to be so
(`sure_context`).
Obeys: compat-agentgateway 4.4; agentgateway, schema/cel.md (read 2026-11-21).

Cost, measured on one core: 3 microseconds for a scene, 5 for the first expression over a path and 1 for the next; 70
where one looks at 16 headers; 25 for one plain member of a body, 450 for its 50 messages.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from sluice.policies.expression import Expression

if TYPE_CHECKING:
    import cel

Fact = object | Callable[[], object]
"""A value of CEL's types, an object of facts, or how to get one. What is got is got once; it may raise LookupError if
there is none, ValueError or RecursionError if it cannot be read, and is then not there."""
_MOST_INT = (1 << 63) - 1
_MOST_FLOAT = 1 << 1023

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
        **dict.fromkeys(("startTime", "endTime", "bodyPrefix"), ""),
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
    "response": {"code": 200, "headers": {}, "body": "", "bodyPrefix": ""},
    "proxy": {
        "bind": "",
        **{name: {} for name in ("gateway", "listener", "route")},
        **dict.fromkeys(("requestProcessingDuration", "upstreamDuration", "responseProcessingDuration"), "0s"),
    },
    "exchange": {
        **dict.fromkeys(("id", "traceId", "operation", "endpoint", "principal"), ""),
        **dict.fromkeys(("outcome", "reason", "error", "errorCode", "finishReason", "blockedBy"), ""),
        **dict.fromkeys(("durationSeconds", "addedSeconds", "stalledSeconds"), 0.0),
        **dict.fromkeys(("attempts", "chunks", "tokens", "stalls", "malformed"), 0),
        **dict.fromkeys(("bytesFromProvider", "bytesToClient"), 0),
        "tried": [],
        "labels": {},
    },
}
"""Every variable with a value that says nothing. One with members has no others.

`request.headers` and `.query`: names to the first value. Names of headers are in lower case here; an expression may
write them as it likes, for its text is changed when it is compiled. `request.body`: text. `jwt`: all
claims of a verified token. `apiKey`: `key_id`, `name` and the members of its metadata. `extauthz`: what an external
authorization said. `metadata`: what transformations noted. `llmRequest`: the body, decoded. `proxy`: the place in the
plan and what took how long, as agentgateway names it. `exchange`: what else the record says.
"""
ANSWERED = tuple(name for name in VARIABLES if name not in ("proxy", "exchange"))
"""The variables that an expression knows before the exchange is over."""
ASKED = tuple(name for name in ANSWERED if name != "response")
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

    def aside(self) -> "Scene":
        """Return another one that knows the same; what either learns from now on, the other does not."""
        return Scene(self._facts)

    def learn(self, variable: str, value: Fact) -> None:
        """Say what a variable is from now on."""
        assert variable in VARIABLES
        self._facts[variable] = value
        self._given.pop(variable, None)

    def add(self, variable: str, members: Mapping[str, Fact]) -> None:
        """Say more about a variable that is an object of facts; what was known of its other members stays."""
        known = self._facts.get(variable)
        if callable(known):
            self.learn(variable, lambda: _beside(known(), members))
        else:
            self.learn(variable, _beside(known, members))

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
        fact = self._facts[name] = _got(self._facts.get(name, _ABSENT))
        if isinstance(fact, Mapping):
            fact = self._facts[name] = {m: _got(f) if wanted is None or m in wanted else f for m, f in fact.items()}
        if not _add(context, name, _shown(fact, wanted)):
            self._facts[name] = _UNREADABLE

    def sure_context(self, expression: Expression) -> "cel.Context | None":
        """Return a context without what the client sent and nobody can read, or may be read in two ways: what looks at
        that fails, `has` and `default` too. None if the expression names nothing of the kind. Call `context` first."""
        named = [(name, self._facts[name], expression.members[name]) for name in expression.variables]
        if not any(_doubtful(fact, wanted) for _, fact, wanted in named):
            return None
        context = expression.context((), strict=True)
        for name, fact, wanted in named:
            if not isinstance(fact, _Unreadable):
                _add(context, name, _shown(fact, wanted, sure=True))
        return context


class Doubtful:
    """A fact that others may read in another way. Expressions are shown `value`; `sure` is the part of it that
    everybody reads alike."""

    __slots__ = ("sure", "value")

    def __init__(self, value: object, sure: object) -> None:
        self.value, self.sure = value, sure


class _Absent:
    """In place of what there is not."""


class _Unreadable:
    """In place of what is there and could not be read."""


_ABSENT, _UNREADABLE = _Absent(), _Unreadable()


def _beside(known: object, members: Mapping[str, Fact]) -> Mapping[str, Fact]:
    return {**known, **members} if isinstance(known, Mapping) else members


def _doubtful(fact: object, wanted: frozenset[str] | None) -> bool:
    members = fact.items() if isinstance(fact, Mapping) else [("", fact)]
    looked_at = [f for m, f in members if wanted is None or m in wanted or not isinstance(fact, Mapping)]
    return any(isinstance(each, _Unreadable | Doubtful) for each in looked_at)


def _shown(fact: object, wanted: frozenset[str] | None, *, sure: bool = False) -> object:
    """Return what a context gets of a fact; what is not there or cannot be read has no members."""
    if isinstance(fact, Mapping):
        found = fact.items() if wanted is None else [(m, fact[m]) for m in wanted if m in fact]
        return {m: _plain(f, sure=sure) for m, f in found if not isinstance(f, _Absent | _Unreadable)}
    return {} if isinstance(fact, _Absent | _Unreadable) else _plain(fact, sure=sure)


def _plain(fact: object, *, sure: bool) -> object:
    if not isinstance(fact, Doubtful):
        return fact
    return fact.sure if sure else fact.value


def _add(context: "cel.Context", name: str, value: object) -> bool:
    """Give a context a variable; return False if it is of no type of CEL's, and then has no members."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        context.add_variable(name, value)
        return True
    with contextlib.suppress(ValueError, TypeError, OverflowError, RecursionError):
        context.add_variable(name, _fitting(value))
        return True
    context.add_variable(name, {})
    return False


def _fitting(value: object) -> object:
    """Return a value of JSON with what CEL has no room for as what comes next to it: a number beyond its integers, half
    of a surrogate pair. So no client makes a body unreadable by a member that nobody asked for."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -_MOST_INT <= value <= _MOST_INT:
        return float(value) if abs(value) < _MOST_FLOAT else float("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {_fitting(name): _fitting(member) for name, member in value.items()}
    return [_fitting(item) for item in value] if isinstance(value, list | tuple) else value


def _got(fact: Fact) -> object:
    if not callable(fact):
        return fact
    try:
        return fact()
    except LookupError:
        return _ABSENT
    except (ValueError, RecursionError):
        return _UNREADABLE
