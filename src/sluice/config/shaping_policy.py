"""What is said about shaping, layer upon layer, to the structs that the Plan holds.

PURE. Guarantee: each member is decided on its own, by the strongest layer that says something about it; what a rule's
own filters say (filter_policy.py) stands above all policies.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import Final, Protocol, TypeVar

from sluice.config.conditions import check_condition
from sluice.config.expressions import Placing, check_value, rows
from sluice.config.faults import Faults
from sluice.config.layers import Said
from sluice.config.shaping_api import (
    AbortSettings,
    CorsSettings,
    CsrfSettings,
    DelayEntry,
    DelaySettings,
    DirectAnswer,
    DirectResponseSettings,
    HeaderModifier,
    HeaderModifiers,
    HostRewriteSettings,
    PromptCachingSettings,
    TransformationSettings,
)
from sluice.config.transform_policy import header_change, transformations
from sluice.config.units import duration
from sluice.policies.cors import Cors
from sluice.policies.csrf import Csrf
from sluice.policies.direct_response import DirectResponse
from sluice.policies.fault_injection import MAX_DELAY_S, Abort, Delay
from sluice.policies.header_change import check_name
from sluice.policies.prompt_caching import PromptCaching
from sluice.policies.rewrite import HostMode
from sluice.policies.shaping import NO_SHAPING, Shaping, merged

_DURATION: Final = re.compile(r"(?:[0-9]+(?:h|ms|m|s))+")
_MODES: Final[dict[str, HostMode]] = {"Auto": "auto", "None": "none"}


class ShapingSettings(Protocol):
    """The members of `traffic` of a policy that shape, whatever else stands beside them."""

    @property
    def cors(self) -> CorsSettings | None: ...
    @property
    def csrf(self) -> CsrfSettings | None: ...
    @property
    def header_modifiers(self) -> HeaderModifiers | None: ...
    @property
    def host_rewrite(self) -> HostRewriteSettings | None: ...
    @property
    def direct_response(self) -> DirectResponseSettings | None: ...
    @property
    def delay(self) -> DelaySettings | None: ...
    @property
    def abort(self) -> AbortSettings | None: ...
    @property
    def transformation(self) -> TransformationSettings | None: ...


S = TypeVar("S", bound=ShapingSettings)


def shaping(layers: Iterable[Said[S]], faults: Faults, own: Shaping = NO_SHAPING) -> Shaping:
    """Return what all layers, the weakest first, come to. `own`: what the rule's own filters say, the strongest."""
    return merged(*(_layer(said.settings, said.place, faults) for said in layers), own)


def backend_shaping(
    place: Placing,
    faults: Faults,
    *,
    transformation: TransformationSettings | None = None,
    request_headers: HeaderModifier | None = None,
    response_headers: HeaderModifier | None = None,
) -> Shaping:
    """Return the shaping of a backend or a target: `policies.transformation`; `requestHeaders` and `responseHeaders` of
    a model of the short form. `place` leads to the mapping that they stand in."""
    request, response = partial(place, "requestHeaders"), partial(place, "responseHeaders")
    return Shaping(
        transformations=transformations(transformation, partial(place, "transformation"), faults, backend=True),
        request_headers=header_change(request_headers, "request", request, faults),
        response_headers=header_change(response_headers, "response", response, faults),
    )


def cors(settings: CorsSettings | None) -> Cors | None:
    """Return the policy of cross-origin requests."""
    if settings is None:
        return None
    return Cors(
        allow_origins=settings.allow_origins,
        allow_methods=settings.allow_methods,
        allow_headers=settings.allow_headers,
        expose_headers=settings.expose_headers,
        allow_credentials=settings.allow_credentials,
        max_age_s=settings.max_age_s,
    )


def prompt_caching(settings: PromptCachingSettings | None) -> PromptCaching | None:
    """Return the policy of cache marks."""
    if settings is None:
        return None
    return PromptCaching(
        system=settings.cache_system,
        messages=settings.cache_messages,
        tools=settings.cache_tools,
        min_tokens=settings.min_tokens,
        message_offset=settings.cache_message_offset,
    )


def _layer(said: ShapingSettings, place: Placing, faults: Faults) -> Shaping:
    modifiers = said.header_modifiers
    request = modifiers.request if modifiers is not None else None
    response = modifiers.response if modifiers is not None else None
    asked, answered = partial(place, "headerModifiers", "request"), partial(place, "headerModifiers", "response")
    return Shaping(
        cors=cors(said.cors),
        csrf=None if said.csrf is None else Csrf(additional_origins=said.csrf.additional_origins),
        transformations=transformations(said.transformation, partial(place, "transformation"), faults),
        request_headers=header_change(request, "request", asked, faults),
        response_headers=header_change(response, "response", answered, faults),
        host=None if said.host_rewrite is None else _MODES[said.host_rewrite.mode],
        delays=_delays(said.delay, partial(place, "delay"), faults),
        abort=_abort(said.abort),
        direct=_direct(said.direct_response, partial(place, "directResponse"), faults),
    )


def _abort(settings: AbortSettings | None) -> Abort | None:
    if settings is None:
        return None
    default = Abort(status=settings.status, percent=settings.percent)
    return (
        default
        if settings.message is None
        else Abort(status=settings.status, percent=settings.percent, message=settings.message)
    )


def _delays(settings: DelaySettings | None, place: Placing, faults: Faults) -> tuple[Delay, ...]:
    if settings is None:
        return ()
    if not settings.conditional:
        return (_delay(settings, "", place, faults),)
    found = []
    for i, entry in enumerate(settings.conditional):
        inner = partial(place, "conditional", i)
        check_condition(entry.condition or "", inner("condition"), faults)
        where = inner if entry.policy is None else partial(inner, "policy")
        found.append(_delay(entry.policy or entry, entry.condition or "", where, faults))
    return tuple(found)


def _delay(entry: DelayEntry, condition: str, place: Placing, faults: Faults) -> Delay:
    text, percent = entry.duration or "", 100.0 if entry.percent is None else entry.percent
    if not _DURATION.fullmatch(text):
        check_value(text, place("duration"), faults)
        return Delay(expression=text, percent=percent, condition=condition)
    seconds = 0.0
    try:
        seconds = float(duration(text))
        if seconds > MAX_DELAY_S:
            faults.add(place("duration"), f"a delay of more than {MAX_DELAY_S:.0f} seconds is no delay")
    except ValueError as error:
        faults.add(place("duration"), str(error))
    return Delay(duration_s=seconds, percent=percent, condition=condition)


def _direct(settings: DirectResponseSettings | None, place: Placing, faults: Faults) -> tuple[DirectResponse, ...]:
    if settings is None:
        return ()
    if not settings.conditional:
        return (_answer(settings, "", place, faults),)
    found = []
    for i, entry in enumerate(settings.conditional):
        inner = partial(place, "conditional", i)
        check_condition(entry.condition or "", inner("condition"), faults)
        where = inner if entry.policy is None else partial(inner, "policy")
        found.append(_answer(entry.policy or entry, entry.condition or "", where, faults))
    return tuple(found)


def _answer(entry: DirectAnswer, condition: str, place: Placing, faults: Faults) -> DirectResponse:
    assert entry.status is not None  # the schema says so
    if entry.body_expression is not None:
        check_value(entry.body_expression, place("bodyExpression"), faults)
    headers = rows(entry.headers)
    for row in headers:
        try:
            check_name(row.name, "response")
        except ValueError as error:
            faults.add(place("headers", *row.at_name), str(error))
        check_value(row.value, place("headers", *row.at_value), faults)
    return DirectResponse(
        status=entry.status,
        body=entry.body or "",
        body_expression=entry.body_expression or "",
        headers=tuple((row.name.lower(), row.value) for row in headers),
        condition=condition,
    )
