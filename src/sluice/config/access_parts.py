"""Parts of policies of identity that manifests and the short form share: where a credential stands, texts that are
given inline. What is wrong is a fault at its place, and no message repeats a value.

PURE.
"""

from collections.abc import Iterable

from sluice.config.conditions import Placing
from sluice.config.faults import Faults, Path
from sluice.config.location_api import ClientLocation
from sluice.config.service_url import service_at
from sluice.policies import basic_auth, jwks
from sluice.policies.hidden import Hidden
from sluice.policies.location import ANYWHERE, Location
from sluice.policies.scene import ASKED
from sluice.policies.server import Source
from sluice.policies.value import Value


def place_of(spec: ClientLocation | None, usual: Location, place: Placing, path: Path, faults: Faults) -> Location:
    """Return where a credential is read; `usual` if nothing is said."""
    if spec is None:
        return usual
    if spec.header is not None:
        name = spec.header.name.lower()
        prefix = spec.header.prefix
        if prefix is None:
            prefix = usual.prefix if name == usual.name else ""
        return Location(name=name, prefix=prefix)
    if spec.query_parameter is not None:
        return Location(kind="query", name=spec.query_parameter.name)
    if spec.cookie is not None:
        return Location(kind="cookie", name=spec.cookie.name)
    assert spec.expression is not None
    try:
        Value(spec.expression, sees=ASKED)
    except ValueError as error:
        faults.add(place(*path, "expression"), str(error))
    return Location(kind="expression", name=spec.expression)


def keys_at(spec: ClientLocation | None, place: Placing, path: Path, faults: Faults) -> tuple[Location, ...]:
    """Return where API keys are read: where clients of the published APIs keep theirs if nothing is said."""
    return ANYWHERE if spec is None else (place_of(spec, ANYWHERE[0], place, path, faults),)


def inline_keys(text: str, place: Placing, path: Path, faults: Faults) -> Source:
    """Return a key set that stands in the file."""
    try:
        if not jwks.read(text):
            raise ValueError("there is no key in it that proves tokens (RSA of 2048 bits or more, EC, Ed25519, Ed448)")
    except ValueError as error:
        faults.add(place(*path), str(error))
    return Source(inline=Hidden(text.encode()))


def remote_keys(url: str, cache_s: float, place: Placing, path: Path, faults: Faults) -> Source:
    """Return a key set behind a URL."""
    try:
        server, target = service_at(url)
    except ValueError as error:
        faults.add(place(*path), str(error))
        return Source(missing=str(error))
    return Source(server=server, target=target, cache_s=cache_s)


def passwords(lines: Iterable[str], place: Placing, path: Path, faults: Faults) -> Source:
    """Return the lines of a password file, as a text."""
    text = "\n".join(lines)
    try:
        basic_auth.read(text)
    except ValueError as error:
        faults.add(place(*path), str(error))
    return Source(inline=Hidden(text.encode()))
