"""What an SQL database must do to keep runs: ask, change in one transaction, write a group of events, tell others."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sluice.stores.runs_growth import Growth
from sluice.stores.runs_pen import Entry

Value = str | int | bytes
Row = Sequence[Any]
"""As the driver gives it."""
Step = tuple[str, Sequence[Value]]
Listener = Callable[[str, bytes], None]


class Engine(Protocol):
    """Statements have `?` for values. Every verb but `open` and `close` raises StoreFailed if it cannot be done; what
    it says of the database quotes no value and no password."""

    async def open(self, growth: Growth, listener: Listener) -> None:
        """Connect, make the tables, and from now on hand over what other workers tell, and how their logs grow.

        Raises:
            ConfigError: it cannot be used.
        """
        ...

    async def close(self) -> None: ...

    async def read(self, statement: str, *values: Value) -> list[Row]: ...

    async def write(self, *steps: Step, twice: bool = True) -> list[list[Row]]:
        """Carry out the steps in one transaction and return the rows of each. `twice`: doing it again changes nothing,
        so it may be tried again when the connection is lost on the way."""
        ...

    async def append(self, group: Sequence[Entry]) -> None:
        """Write events; those that are there already stay."""
        ...

    async def tell(self, at: int, topic: str, message: bytes) -> None:
        """Tell the listeners of all workers but this one."""
        ...
