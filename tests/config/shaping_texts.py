"""Settings of shaping as a file has them, read and compiled; what is wrong comes out as `path: message`."""

from collections.abc import Callable
from typing import TypeVar

from sluice.config.core_api import Schema
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.filter_api import Filters
from sluice.config.filter_policy import backend_filtered, filtered
from sluice.config.layers import Said
from sluice.config.shaping_api import (
    AbortSettings,
    CorsSettings,
    CsrfSettings,
    DelaySettings,
    DirectResponseSettings,
    HeaderModifiers,
    HostRewriteSettings,
    TransformationSettings,
)
from sluice.config.shaping_policy import shaping
from sluice.config.source import Document, Source, read
from sluice.errors import ConfigError
from sluice.policies.shaping import Shaping

T = TypeVar("T")


class TrafficPart(Schema):
    """The members of `traffic` that shape."""

    cors: CorsSettings | None = None
    csrf: CsrfSettings | None = None
    header_modifiers: HeaderModifiers | None = None
    host_rewrite: HostRewriteSettings | None = None
    direct_response: DirectResponseSettings | None = None
    delay: DelaySettings | None = None
    abort: AbortSettings | None = None
    transformation: TransformationSettings | None = None


class FiltersPart(Schema):
    """A list of filters, wherever it stands."""

    filters: Filters


def compiled(text: str, schema: type[T], compile_: Callable[[T, Document, Faults], Shaping]) -> Shaping:
    """Read one document and compile it.

    Raises:
        ConfigError: something is wrong.
    """
    faults = Faults()
    (document,) = read(Source("f.yaml", text), faults)
    value = decode(document, schema, faults)
    faults.check()
    assert value is not None
    result = compile_(value, document, faults)
    faults.check()
    return result


def traffic(*texts: str) -> Shaping:
    """What several layers, the weakest first, come to."""
    faults, layers = Faults(), []
    for text in texts:
        (document,) = read(Source("f.yaml", text), faults)
        value = decode(document, TrafficPart, faults)
        faults.check()
        assert value is not None
        layers.append(Said(value, document, (), "default"))
    result = shaping(layers, faults)
    faults.check()
    return result


def filters(text: str, *, prefixes: bool = True, forwards: bool = True) -> Shaping:
    """What the filters of a rule come to."""

    def compile_(part: FiltersPart, document: Document, faults: Faults) -> Shaping:
        place = Said(part, document, ("filters",), "default").place
        return filtered(part.filters, place, faults, prefixes=prefixes, forwards=forwards)

    return compiled(text, FiltersPart, compile_)


def backend_filters(text: str) -> Shaping:
    """What the filters of a backendRef come to."""

    def compile_(part: FiltersPart, document: Document, faults: Faults) -> Shaping:
        return backend_filtered(part.filters, Said(part, document, ("filters",), "default").place, faults)

    return compiled(text, FiltersPart, compile_)


def refusals(call: Callable[..., object], *texts: str, **options: object) -> list[str]:
    """The lines that refuse it, without the file and the line in it."""
    try:
        call(*texts, **options)
    except ConfigError as error:
        return [line.split(": ", 1)[1] for line in str(error).split("\n")]
    raise AssertionError("it was taken")
