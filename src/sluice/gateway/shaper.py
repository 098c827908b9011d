"""Shaping compiled: one `Shaper` for each place of a plan that shapes, made once. It holds nothing of any exchange."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sluice.policies.condition import Condition
from sluice.policies.direct_response import Answerer
from sluice.policies.fault_injection import Delayer
from sluice.policies.header_change import Change, as_bytes
from sluice.policies.scene import Scene
from sluice.policies.shaping import NO_SHAPING, Shaping
from sluice.policies.transformation import NO_TRANSFORM, Transformation, Transformer
from sluice.wire.http1 import Header


class OwnReply(msgspec.Struct, frozen=True, gc=False):
    """An answer that the gateway gives without asking anybody."""

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""


class Choice(msgspec.Struct, frozen=True):
    """A transformation, compiled. None = it says nothing of that side, or always holds."""

    condition: Condition | None = None
    request: Transformer | None = None
    response: Transformer | None = None


class Step(msgspec.Struct, frozen=True):
    """What one place does to a request that is being written, and to its answer."""

    request: tuple[Change, ...] = ()
    response: Transformer | None = None
    answer: Change | None = None


class Shaper:
    """The shaping of a rule, a listener, a backendRef, a backend or a target.

    Raises:
        ValueError: an expression is wrong. `load` has said so before, with its place.
    """

    __slots__ = ("_answerers", "_choices", "delayer", "request_change", "response_change", "shaping")

    def __init__(self, shaping: Shaping) -> None:
        self.shaping = shaping
        self.request_change = None if shaping.request_headers is None else as_bytes(shaping.request_headers)
        self.response_change = None if shaping.response_headers is None else as_bytes(shaping.response_headers)
        self.delayer = Delayer(shaping.delays)
        self._choices = tuple(_choice(transformation) for transformation in shaping.transformations)
        self._answerers = tuple(Answerer(response) for response in shaping.direct)

    def choice(self, scene: Scene) -> Choice:
        """Return the transformation that this request gets."""
        return next((each for each in self._choices if not each.condition or each.condition.holds(scene)), _NONE)

    def answer(self, scene: Scene) -> OwnReply | None:
        """Return the direct response that this request gets."""
        for answerer in self._answerers:
            if (found := answerer.answer(scene)) is not None:
                status, headers, body = found
                return OwnReply(status, tuple(headers), body)
        return None


NO_SHAPER: Final = Shaper(NO_SHAPING)
_NONE: Final = Choice()


def _choice(transformation: Transformation) -> Choice:
    request, response = transformation.request, transformation.response
    return Choice(
        Condition(transformation.condition) if transformation.condition else None,
        Transformer(request, answers=False) if request != NO_TRANSFORM else None,
        Transformer(response, answers=True) if response != NO_TRANSFORM else None,
    )


def with_host(rendered: bytes, host: str) -> bytes:
    """Return rendered header fields, a Host among them, with another one."""
    lines = rendered.split(b"\r\n")
    return b"\r\n".join([b"host: " + host.encode("latin-1") if line.startswith(b"host: ") else line for line in lines])


def names(rendered: bytes) -> frozenset[bytes]:
    """Return the names of rendered header fields."""
    return frozenset(line.partition(b":")[0] for line in rendered.split(b"\r\n"))


def texts(headers: Sequence[Header]) -> dict[str, str]:
    """Return headers as expressions see them: of a name that stands there twice the first counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers)}
