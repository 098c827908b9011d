"""How updates of graph nodes become the next state: each field by its reducer, or replaced."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from sluice.errors import ConfigError
from sluice.runs.messages import Message

Reducer = Callable[[Any, Any], Any]


class Schema:
    """A state's fields: its type's, with `Annotated[kind, reducer]` where updates are joined, not replaced.

    `state` may be a TypedDict, a dataclass, a msgspec struct, or None: any fields, `messages` appended.
    """

    def __init__(self, state: type[Any] | None) -> None:
        """
        Raises:
            ConfigError: no such type.
        """
        self.type = state
        self.reducers: dict[str, Reducer] = {}
        hints = {"messages": Annotated[list[Any], _append]} if state is None else _hints(state)
        self.fields: frozenset[str] | None = None if state is None else frozenset(hints)
        self.defaults: dict[str, Any] = {}
        self._kinds = {name: get_args(hint)[0] if _extras(hint) else hint for name, hint in hints.items()}
        for name, hint in hints.items():
            reducer = next((extra for extra in _extras(hint) if callable(extra)), None)
            if reducer is not None:
                self.reducers[name] = reducer
                empty = _empty(hint)
                if empty is not None:
                    self.defaults[name] = empty

    def begin(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a state in which nothing was said but these."""
        return {**{name: kind() for name, kind in self.defaults.items()}, **values}

    @property
    def keeps_messages(self) -> bool:
        """Whether the state has the conversation in it."""
        return self.fields is None or "messages" in self.fields

    def restore(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values that were kept as JSON as nodes know them: what the state's type says, and messages.

        Raises:
            msgspec.ValidationError: they were kept by another version of the graph.
        """
        out = dict(values)
        for name, kind in self._kinds.items():
            if name in out:
                out[name] = msgspec.convert(out[name], kind, strict=False)
        if isinstance(out.get("messages"), list):
            out["messages"] = [_message(each) for each in out["messages"]]
        return out

    def apply(self, values: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values after an update.

        Raises:
            ConfigError: a field that the state has not.
        """
        out = dict(values)
        for name, value in update.items():
            if self.fields is not None and name not in self.fields:
                known = ", ".join(sorted(self.fields))
                raise ConfigError(f"a node updated {name!r}; the state has {known}")
            reducer = self.reducers.get(name)
            out[name] = value if reducer is None or name not in out else reducer(out[name], value)
        return out

    def view(self, values: Mapping[str, Any]) -> Any:
        """Return what a node gets: an instance of the state's class, or the values as a mapping of its own."""
        kind = self.type
        if kind is None or not (dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)):
            return dict(values)
        return kind(**{name: value for name, value in values.items() if self.fields and name in self.fields})


def _hints(state: type[Any]) -> dict[str, Any]:
    if not (dataclasses.is_dataclass(state) or issubclass(state, msgspec.Struct | dict)):
        raise ConfigError(f"{state.__name__} is no state", hint="a TypedDict, a dataclass or a msgspec struct")
    return get_type_hints(state, include_extras=True)


def _extras(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _empty(hint: Any) -> Callable[[], Any] | None:
    """What a field that is joined begins with: empty of its kind; None if that cannot be told."""
    kind = get_args(hint)[0]
    kind = get_origin(kind) or kind
    return kind if kind in (list, dict, set, tuple, str, int, float) else None


def _message(value: Any) -> Any:
    """A message that was kept as JSON; anything else as it is."""
    looks_like_one = isinstance(value, dict) and "role" in value and "parts" in value
    return msgspec.convert(value, Message) if looks_like_one else value


def _append(had: Any, more: Any) -> list[Any]:
    return [*had, *(more if isinstance(more, list | tuple) else [more])]
