"""The projections by name: what `?protocol=` takes. A new protocol is one file here and one row."""

from collections.abc import Callable, Mapping

from sluice.errors import BadRequest
from sluice.runs.projection import Projection
from sluice.runs.projections.native import Native

PROJECTIONS: Mapping[str, Callable[[], Projection]] = {
    Native.name: Native,
}


def projection(name: str) -> Projection:
    """Return a new projection.

    Raises:
        BadRequest: there is no such protocol.
    """
    made = PROJECTIONS.get(name)
    if made is None:
        raise BadRequest(f"{name!r} is no protocol; there are {', '.join(PROJECTIONS)}", param="protocol")
    return made()
