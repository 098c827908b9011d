"""How an exchange ended: exactly one of twelve ways (stream-life section 1)."""

from typing import Literal

import msgspec

from sluice.errors import SluiceError

OutcomeKind = Literal[
    "completed",
    "upstream_error",
    "upstream_truncated",
    "timeout",
    "client_gone",
    "slow_reader",
    "blocked",
    "limited",
    "shed",
    "drained",
    "rejected",
    "internal",
]


class Outcome(msgspec.Struct, frozen=True):
    """The end of an exchange, decided once. `error` says why for every kind but `completed` and those where nobody is
    left to be told: `client_gone`, `slow_reader`."""

    kind: OutcomeKind
    error: SluiceError | None = None


COMPLETED = Outcome("completed")
CLIENT_GONE = Outcome("client_gone")
SLOW_READER = Outcome("slow_reader")
