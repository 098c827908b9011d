"""The keys of stream-life 9 as environment variables, for a process that was given no file.

PURE. One rule, no table: `LLM_` and the key's path in capitals, so that `stream.keepAlive.interval` is
`LLM_STREAM_KEEP_ALIVE_INTERVAL`. An empty value says nothing. A wrong one is a fault at the variable, and is not
repeated.
"""

import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Union, get_args, get_origin

import msgspec

from sluice.config.conditions import check_retry
from sluice.config.decode import closest, construct, in_plain_words
from sluice.config.faults import Faults, Place
from sluice.config.struct_fields import fields_of
from sluice.config.traffic_api import TrafficSettings

PREFIX = "LLM"

Steps = tuple[str, ...]

_AT = re.compile(r" - at `\$(.*)`$")


def settings_in(env: Mapping[str, str], faults: Faults, notes: list[str]) -> TrafficSettings:
    """Return what the environment says about traffic; variables that look as if they meant to are noted."""
    known = {_name(steps): (steps, kind) for steps, kind in _leaves(TrafficSettings)}
    said: dict[Steps, object] = {}
    for name, (steps, kind) in known.items():
        text = env.get(name, "").strip()
        if text:
            said[steps] = text.replace(",", " ").split() if _is_list(kind) else text
    found = {steps: value for steps, value in said.items() if _converted({steps: value}, faults) is not None}
    sections = tuple(_name((field.encode_name, "")) for field in fields_of(TrafficSettings))
    for name in sorted(env):
        if name not in known and name.startswith(sections) and env[name].strip():
            hint = closest(name, known)
            notes.append(f"{name} is set and has no effect{f': {hint}' if hint else '.'}")
    settings = _converted(found, faults) or TrafficSettings()
    check_retry(settings.retry, _place, ("retry",), faults)
    return settings


def _leaves(schema: type[msgspec.Struct], steps: Steps = ()) -> Iterator[tuple[Steps, object]]:
    """Yield the way to every setting, and its type."""
    for field in fields_of(schema):
        kind, way = _core(field.type), (*steps, field.encode_name)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from _leaves(kind, way)
        else:
            yield way, kind


def _core(kind: object) -> object:
    if get_origin(kind) is Annotated:
        return _core(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return _core(next(item for item in get_args(kind) if item is not type(None)))
    return kind


def _is_list(kind: object) -> bool:
    return get_origin(kind) is tuple


def _converted(values: Mapping[Steps, object], faults: Faults) -> TrafficSettings | None:
    """Return the settings, or None after adding what is wrong with them."""
    plain: dict[str, object] = {}
    for steps, value in values.items():
        here = plain
        for step in steps[:-1]:
            inner = here.setdefault(step, {})
            assert isinstance(inner, dict)
            here = inner
        here[steps[-1]] = value
    try:
        return msgspec.convert(plain, TrafficSettings, dec_hook=construct, strict=False)
    except msgspec.ValidationError as error:
        match = _AT.search(str(error))
        steps = tuple(re.findall(r"[A-Za-z]+", match[1])) if match else ()
        faults.add(_place(*steps), _words(str(error)[: match.start()] if match else str(error), steps))
    return None


def _words(message: str, steps: Steps) -> str:
    kind = next((kind for way, kind in _leaves(TrafficSettings) if way == steps), None)
    if get_origin(kind) is Literal:
        return f"expected one of: {', '.join(get_args(kind))}"  # the decoder's words repeat the value
    return in_plain_words(message)


def _place(*steps: str | int) -> Place:
    return Place("environment", path=_name(tuple(str(step) for step in steps)))


def _name(steps: Steps) -> str:
    """Return `LLM_RETRY_ATTEMPTS` for `("retry", "attempts")`."""
    return "_".join((PREFIX, *(re.sub(r"(?=[A-Z])", "_", step).upper() for step in steps)))
