"""Tokens: verified with the keys of their issuers, and remembered while they hold."""

import hashlib
from collections.abc import Callable

import msgspec

from sluice.gateway.access_sources import Kept
from sluice.policies.jwks import KeySet
from sluice.policies.jwt import Issuer, Jwt, UnknownKey, Verified, claimed_issuer, verify
from sluice.policies.remembered import Remembered

MAX_REMEMBERED = 4096
"""Tokens of one policy."""
MAX_REMEMBERED_CHARS = 4096
"""Longer ones are verified each time: they would fill the memory."""

Sets = list[tuple[Issuer, KeySet]]


class KeysMissing(Exception):
    """The keys of an issuer cannot be had. The message says why, and nothing of their content."""


class _Proof(msgspec.Struct, frozen=True):
    verified: Verified
    keys: KeySet
    """That it was verified with: once they are replaced it is verified anew."""


class Tokens:
    """The tokens of one policy. Guarantee: a key that was taken out of its set proves nothing from then on."""

    def __init__(self, policy: Jwt, kept: Callable[[Issuer], Kept[KeySet]], wall: Callable[[], float]) -> None:
        self._issuers = [(issuer, kept(issuer)) for issuer in policy.issuers]
        self._kept = dict(self._issuers)
        self._wall = wall
        self._proofs: Remembered[_Proof] = Remembered(MAX_REMEMBERED)

    async def verify(self, token: str) -> Verified:
        """Return what a token proves.

        Raises:
            Refused: it proves nothing.
            KeysMissing: nobody can tell.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        proof = self._proofs.get(digest, self._wall())
        if proof is not None and await self._holds(proof):
            return proof.verified
        claimed = claimed_issuer(token)
        issuers = [row for row in self._issuers if row[0].issuer == claimed]
        sets, missing = await _sets(issuers or self._issuers)
        try:
            verified = verify(token, sets, self._wall())
        except UnknownKey:
            if not issuers:
                raise  # nobody's token: it does not decide when keys are fetched
            sets, missing = await _sets(issuers, renew=True)
            if missing and not sets:
                raise KeysMissing(missing) from None
            verified = verify(token, sets, self._wall())
        if len(token) <= MAX_REMEMBERED_CHARS:
            keys = next(keys for issuer, keys in sets if issuer == verified.issuer)
            self._proofs.keep(digest, _Proof(verified, keys), verified.until)
        return verified

    async def _holds(self, proof: _Proof) -> bool:
        try:
            return await self._kept[proof.verified.issuer].current() is proof.keys
        except LookupError:
            return False


async def _sets(issuers: list[tuple[Issuer, Kept[KeySet]]], *, renew: bool = False) -> tuple[Sets, str]:
    """Return the sets that can be had, and why one cannot."""
    sets: Sets = []
    missing = ""
    for issuer, kept in issuers:
        try:
            sets.append((issuer, await (kept.renewed() if renew else kept.current())))
        except LookupError as error:
            missing = f"the keys of the issuer {issuer.issuer} cannot be had: {error}"
    return sets, missing
