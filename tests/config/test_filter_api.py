"""Schemas of filters: what a mirror's share is, and what is known but not served."""

import msgspec
import pytest

from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.filter_api import FilterReference, Fraction, MirrorFilter
from sluice.config.source import Source, read
from sluice.config.unserved import refuse_unserved
from sluice.errors import ConfigError

from .shaping_texts import FiltersPart

BACKEND = FilterReference(name="m", port=80)


@pytest.mark.parametrize(
    ("mirror", "share"),
    [
        (MirrorFilter(backend_ref=BACKEND), 1.0),
        (MirrorFilter(backend_ref=BACKEND, percent=25), 0.25),
        (MirrorFilter(backend_ref=BACKEND, percent=0), 0.0),
        (MirrorFilter(backend_ref=BACKEND, fraction=Fraction(numerator=1, denominator=1000)), 0.001),
        (MirrorFilter(backend_ref=BACKEND, fraction=Fraction(numerator=7)), 0.07),
    ],
)
def test_a_mirror_gets_its_share(mirror: MirrorFilter, share: float) -> None:
    assert mirror.share == share


def test_a_share_is_never_more_than_all() -> None:
    with pytest.raises(msgspec.ValidationError, match="not larger"):
        msgspec.convert({"numerator": 2, "denominator": 1}, Fraction)
    with pytest.raises(msgspec.ValidationError, match="<= 100"):
        msgspec.convert({"backendRef": {"name": "m", "port": 1}, "percent": 101}, MirrorFilter)


@pytest.mark.parametrize(
    ("member", "what"),
    [
        ("{protocol: GRPC, backendRef: {name: a, port: 1}}", "`protocol: HTTP` asks the service over HTTP"),
        ("{protocol: GRPC, backendRef: {name: a, port: 1}, grpc: {}}", "`grpc` is not implemented by this version"),
        ("{protocol: HTTP, backendRef: {name: a}}", "a Service needs a `port`"),
        ("{protocol: HTTP, backendRef: {kind: Secret, name: a, port: 1}}", "leads to a Service, or to an"),
        ("{protocol: HTTP, backendRef: {name: a, port: 1}, http: {path: auth}}", "http.path"),
        ("{backendRef: {name: a, port: 1}}", "the field `protocol` is missing"),
    ],
)
def test_what_is_wrong_with_an_external_authorization(member: str, what: str) -> None:
    faults = Faults()
    (document,) = read(Source("f", f"filters: [{{type: ExternalAuth, externalAuth: {member}}}]"), faults)
    part = decode(document, FiltersPart, faults)
    if part is not None:
        refuse_unserved(document, part, faults)
    with pytest.raises(ConfigError) as refused:
        faults.check()
    assert what in str(refused.value)
