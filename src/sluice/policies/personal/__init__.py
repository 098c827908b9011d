"""Built-in guards: values of persons, found by how they are written and checked by what makes them valid.

    numbers               search.py tries all shapes at each place where one may begin; a check refuses most
    addresses of mail     email.py looks at what stands on both sides of an @
    both at once          together.py passes over what has no sign of either

PURE. What each finds and passes over is listed in tests/policies/personal/, by example.
Obeys: stream-life 6 and 10.3, compat-agentgateway 1.6 (without its false alarms: ZIP+4, numbers with a wrong check
digit, a sentence's full stop).
"""

from typing import Final

from sluice.policies.guards import Builtin
from sluice.policies.personal import card, numbering, numbers, phone
from sluice.policies.personal.email import EmailSearch
from sluice.policies.personal.search import SHORTEST, NumberSearch, has_no_number
from sluice.policies.personal.shape import Shape
from sluice.policies.personal.together import PersonalSearch

__all__ = ["MASKS", "SHORTEST", "EmailSearch", "NumberSearch", "PersonalSearch", "Shape", "has_no_number", "shapes_of"]

MASKS: Final[dict[Builtin, str]] = {
    "credit_card": "<CREDIT_CARD>",
    "ca_sin": "<CA_SIN>",
    "ssn": "<SSN>",
    "email": "<EMAIL_ADDRESS>",
    "phone_number": "<PHONE_NUMBER>",
}
"""What stands for a value. The surest kind first: its word counts where two kinds find the same digits."""

_NUMBERS: Final[dict[Builtin, tuple[Shape, ...]]] = {
    "credit_card": card.SHAPES,
    "ca_sin": numbers.CA_SIN,
    "ssn": numbers.SSN,
    "phone_number": phone.SHAPES,
}


def shapes_of(kind: Builtin) -> tuple[Shape, ...]:
    """Return the ways to write numbers of a kind, none for one that has no numbers. What they need is imported."""
    if kind == "phone_number":
        numbering.load()
    return _NUMBERS.get(kind, ())
