"""Headers that are set, added, removed and computed: from the files to the structs of the Plan.

PURE. Guarantee: a header that nobody may touch, a value that cannot be sent and an expression that can never be
evaluated are faults at their places.
"""

from functools import partial
from typing import Final

from sluice.config.conditions import check_condition
from sluice.config.expressions import Placing, Row, check_value, rows
from sluice.config.faults import Faults, Place
from sluice.config.shaping_api import HeaderModifier, TransformationPair, TransformationSettings, TransformSettings
from sluice.policies.guards import HeaderChange
from sluice.policies.header_change import Side, check_name
from sluice.policies.header_change import check_value as check_text
from sluice.policies.transformation import NO_TRANSFORM, PSEUDO, Transform, Transformation

_BACKEND: Final = "a backend's own transformation changes headers only"


def header_change(settings: HeaderModifier | None, side: Side, place: Placing, faults: Faults) -> HeaderChange | None:
    """Return what a header modifier does; `place` leads to it."""
    if settings is None:
        return None

    def checked(member: str, found: list[Row]) -> tuple[tuple[str, str], ...]:
        for row in found:
            _check_name(row.name, side, place(member, *row.at_name), faults)
            try:
                check_text(row.value)
            except ValueError as error:
                faults.add(place(member, *row.at_value), str(error))
        return tuple((row.name.lower(), row.value) for row in found)

    return HeaderChange(
        set=checked("set", rows(settings.set)),
        add=checked("add", rows(settings.add)),
        remove=_removed(settings.remove, side, place, faults),
    )


def transformations(
    settings: TransformationSettings | None, place: Placing, faults: Faults, *, backend: bool = False
) -> tuple[Transformation, ...]:
    """Return the transformations, the first whose condition holds is made. `backend`: they are a backend's own, which
    can change headers only: its body is another one already, and its address is known."""
    if settings is None:
        return ()
    if not settings.conditional:
        return (_pair(settings, "", place, faults, backend),)
    found = []
    for i, entry in enumerate(settings.conditional):
        check_condition(entry.condition or "", place("conditional", i, "condition"), faults)
        inner = partial(place, "conditional", i, "policy")
        found.append(_pair(entry.policy, entry.condition or "", inner, faults, backend))
    return tuple(found)


def _pair(pair: TransformationPair, condition: str, place: Placing, faults: Faults, backend: bool) -> Transformation:
    request = _transform(pair.request, "request", partial(place, "request"), faults)
    response = _transform(pair.response, "response", partial(place, "response"), faults)
    if response.body:
        what = "the body of an answer cannot be replaced: a stream of it would have to be held"
        faults.add(place("response", "body"), what, "a guard can mask text in it")
    if backend and request.body:
        faults.add(
            place("request", "body"), _BACKEND, "`traffic.transformation` and `ai.transformations` change bodies"
        )
    if backend and any(name in PSEUDO for name, _ in request.set):
        faults.add(place("request", "set"), _BACKEND, "`traffic.transformation` and `urlRewrite` change addresses")
    return Transformation(request=request, response=response, condition=condition)


def _transform(settings: TransformSettings | None, side: Side, place: Placing, faults: Faults) -> Transform:
    if settings is None:
        return NO_TRANSFORM

    def checked(member: str, found: list[Row]) -> tuple[tuple[str, str], ...]:
        names = [row.name.lower() for row in found]
        for row in found:
            if not (member == "set" and side == "request" and row.name in PSEUDO):
                _check_name(row.name, side, place(member, *row.at_name), faults)
            if names.count(row.name.lower()) > 1 and member == "set":
                faults.add(place(member, *row.at_name), f"the header `{row.name}` is set twice")
            check_value(row.value, place(member, *row.at_value), faults, answers=side == "response")
        return tuple((row.name.lower(), row.value) for row in found)

    for name, text in settings.metadata.items():
        check_value(text, place("metadata", name), faults, answers=side == "response")
    if settings.body is not None:
        check_value(settings.body, place("body"), faults)
    return Transform(
        set=checked("set", rows(settings.set)),
        add=checked("add", rows(settings.add)),
        remove=_removed(settings.remove, side, place, faults),
        body=settings.body or "",
        metadata=tuple(settings.metadata.items()),
    )


def _removed(names: tuple[str, ...], side: Side, place: Placing, faults: Faults) -> tuple[str, ...]:
    for i, name in enumerate(names):
        _check_name(name, side, place("remove", i), faults)
    return tuple(name.lower() for name in names)


def _check_name(name: str, side: Side, place: Place, faults: Faults) -> None:
    try:
        check_name(name, side)
    except ValueError as error:
        faults.add(place, str(error))
