"""What one layer of policies says, and where it stands, so that a fault found later still names file and line.

PURE. Layers come weakest first: Gateway, listener, HTTPRoute, rule.
"""

from typing import Generic, TypeVar

import msgspec

from sluice.config.faults import Path, Place
from sluice.config.source import Document

T = TypeVar("T")
U = TypeVar("U")


class Said(msgspec.Struct, Generic[T], frozen=True):
    """Settings of one object."""

    settings: T
    document: Document
    path: Path
    """Leads to the settings inside the document."""
    namespace: str
    """Of the object: what its references mean."""

    def place(self, *steps: str | int) -> Place:
        """Where a member of the settings stands."""
        return self.document.place(*self.path, *steps)

    def part(self, settings: U, *steps: str | int) -> "Said[U]":
        """What a member of the settings says, and where that stands."""
        return Said(settings, self.document, (*self.path, *steps), self.namespace)
