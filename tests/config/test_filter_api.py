"""Schemas of filters: what a mirror's share is, and what is known but not served."""

import msgspec
import pytest

from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.filter_api import Fraction, MirrorFilter, MirrorReference
from sluice.config.source import Source, read
from sluice.config.unserved import refuse_unserved
from sluice.errors import ConfigError

from .shaping_texts import FiltersPart

BACKEND = MirrorReference(name="m", port=80)


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


def test_what_is_not_served_says_so() -> None:
    faults = Faults()
    (document,) = read(Source("f", "filters: [{type: ExternalAuth, externalAuth: {name: a}}]"), faults)
    part = decode(document, FiltersPart, faults)
    assert part is not None
    refuse_unserved(document, part, faults)
    with pytest.raises(ConfigError, match="not implemented by this version"):
        faults.check()
