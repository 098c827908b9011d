"""Keys that were made by `sluice keys create`, as the gateway knows them: by the digest of what a client presents.

All of them are in memory, and read anew when the store says that they have changed: asking for one costs a look into a
table, and no request waits for a store. While the store is gone, keys stay what they were.
"""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import cast

from sluice.gateway.money_ports import KeyStore, LedgerGone, VirtualKey
from sluice.policies.api_key import ApiKey
from sluice.policies.budget import Budget, Period
from sluice.policies.hidden import Hidden
from sluice.policies.principal import Principal

LOOK_S = 0.5
"""How often it is asked whether the keys have changed: one that is revoked is refused within a second and a half."""


class KeyDirectory:
    """One per process. `load` first; `keep` runs as long as that."""

    def __init__(self, store: KeyStore, failed: Callable[[str], None] = lambda why: None) -> None:
        """`failed` hears, once each time, that the store is gone."""
        self._store, self._failed = store, failed
        self._version: int | None = None
        self._gone = False
        self._by_digest: Mapping[bytes, ApiKey] = {}
        self._budgets: Mapping[str, tuple[Budget, ...]] = {}

    async def load(self) -> None:
        """
        Raises:
            LedgerGone: the keys cannot be read.
        """
        version = await self._store.keys_version()
        if version != self._version:
            keys = [key for key in await self._store.keys() if key.revoked_at is None]
            self._by_digest = {key.digest: _api_key(key) for key in keys}
            self._budgets = {key.id: (_budget(key),) for key in keys if key.budget_unit}
            self._version = version

    async def keep(self) -> None:
        """Look for changes, again and again."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.load()
                self._gone = False
            except LedgerGone as error:
                if not self._gone:
                    self._gone = True
                    self._failed(f"virtual keys cannot be read, and stay what they were: {error}")

    def __len__(self) -> int:
        return len(self._by_digest)

    def find(self, digest: bytes) -> ApiKey | None:
        """Return the key with this SHA-256; None = there is none, or it is revoked."""
        return self._by_digest.get(digest)

    def budgets(self, principal: Principal) -> tuple[Budget, ...]:
        """Return the budget of a key itself, wherever it is used."""
        return self._budgets.get(principal.id, ()) if principal.kind == "api_key" else ()


def _api_key(key: VirtualKey) -> ApiKey:
    metadata: dict[str, object] = {**key.metadata, "name": key.name}
    if key.team:
        metadata["team"] = key.team
    return ApiKey(id=key.id, digest=Hidden(key.digest), metadata=metadata, allowed_models=key.allowed_models)


def _budget(key: VirtualKey) -> Budget:
    words = f"{key.id}\0{key.budget_unit}\0{key.budget_period}"
    return Budget(
        id=sha256(words.encode()).hexdigest()[:16],
        name=f"key {key.name or key.id}",
        amount=key.budget_amount,
        unit="tokens" if key.budget_unit == "tokens" else "usd",
        period=cast(Period, key.budget_period),
    )
