"""Headers that a cloud asks for: AWS Signature Version 4, and access tokens that a Google service account buys.

The port `gateway.ports.Signer`. The arithmetic is botocore's and google-auth's; both are imported at the first request
that needs them, in a thread, so that a process that needs neither starts without them.
Obeys: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; RFC 7523 and
developers.google.com/identity/protocols/oauth2/service-account (read 2026-11-21).
"""

import asyncio
import contextlib
import datetime
import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec

from sluice.errors import Unreachable
from sluice.providers.credential import AwsKeys, CloudAuth, GoogleAccount
from sluice.wire.http1 import Header

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
RENEW_BEFORE_S = 300.0
"""A token is renewed this long before it expires: it has to outlive the request that it opens."""
RETRY_AFTER_S = 30.0
"""While the old token still holds, how long after a failed renewal the next is tried."""
LIFETIME_S = 3600.0
"""Of a token whose seller does not say."""
CONNECT_S = 5.0
READ_S = 15.0
INLINE_BYTES = 256 << 10
"""A longer body is hashed in a thread: it would hold up every stream of the process for about a millisecond."""

_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_OAUTH_CODE = re.compile(r"[a-z_]{1,40}")

WallClock = Callable[[], float]
"""Seconds since 1970."""


class Token(msgspec.Struct, frozen=True):
    """An access token, and the wall-clock seconds from which on it is renewed and is worthless."""

    value: str
    renew_at: float
    expires_at: float

    def __repr__(self) -> str:
        return "Token(***)"


class CloudSigner:
    """Signs requests for clouds. See `gateway.ports.Signer`.

    Guarantee: however many requests wait for an account's token, it is bought once; they share its failure too. One
    event loop only.
    """

    def __init__(self, now: WallClock = time.time) -> None:
        self._now = now
        self._tokens: dict[GoogleAccount, Token] = {}
        self._buying: dict[GoogleAccount, asyncio.Future[Token | Unreachable]] = {}
        self._signed = False
        """botocore is imported."""

    async def sign(
        self,
        auth: CloudAuth,
        *,
        method: str,
        url_host: str,
        path_and_query: str,
        headers: Sequence[Header],
        body: bytes,
    ) -> list[Header]:
        """Return the headers to add. `url_host` is what the Host header will say, `path_and_query` what the request
        line will. Send nothing else than what was given: the signature covers it for five minutes.

        Raises:
            Unreachable: no access token could be had; the message holds no secret.
        """
        if isinstance(auth, AwsKeys):
            request = (auth, method, url_host, path_and_query, headers, body, self._now())
            if self._signed and len(body) <= INLINE_BYTES:
                return signature(*request)
            signed = await asyncio.to_thread(signature, *request)
            self._signed = True
            return signed
        if isinstance(auth, GoogleAccount):
            return [(b"authorization", f"Bearer {await self._token(auth)}".encode("latin-1"))]
        assert_never(auth)

    async def _token(self, account: GoogleAccount) -> str:
        token = self._tokens.get(account)
        if token is not None and self._now() < token.renew_at:
            return token.value
        buying = self._buying.get(account)
        if buying is None:
            buying = self._start_buying(account)
        bought = await asyncio.shield(buying)  # who waits may be cancelled; the purchase goes on for the others
        if isinstance(bought, Token):
            return bought.value
        if token is not None and self._now() < token.expires_at:
            return token.value
        raise Unreachable(str(bought)) from None  # one of its own for each who waits: a traceback is not shared

    def _start_buying(self, account: GoogleAccount) -> asyncio.Future[Token | Unreachable]:
        loop = asyncio.get_running_loop()
        buying: asyncio.Future[Token | Unreachable] = loop.create_future()

        def run() -> None:
            bought = _buy_safely(account, self._now)
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(self._bought, account, bought)

        self._buying[account] = buying
        # A daemon of its own: a token endpoint that hangs must not hold up the end of the process.
        threading.Thread(target=run, name="access-token", daemon=True).start()
        return buying

    def _bought(self, account: GoogleAccount, bought: Token | Unreachable) -> None:
        self._buying.pop(account).set_result(bought)
        now = self._now()
        self._tokens = {owner: token for owner, token in self._tokens.items() if now < token.expires_at}
        old = self._tokens.get(account)
        if isinstance(bought, Token):
            self._tokens[account] = bought
        elif old is not None:
            self._tokens[account] = msgspec.structs.replace(old, renew_at=now + RETRY_AFTER_S)


def signature(
    keys: AwsKeys,
    method: str,
    url_host: str,
    path_and_query: str,
    headers: Sequence[Header],
    body: bytes,
    now: float,
) -> list[Header]:
    """Return the headers of AWS Signature Version 4, made at wall-clock second `now`.

    Covered are the host, the content type and everything that begins with `x-amz-`: what others may change or add on
    the way (tracing, connection) is not. The path is encoded once more, as every service but S3 wants it.
    """
    from botocore.auth import SigV4Auth  # type: ignore[import-untyped]  # ships no types
    from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # ships no types
    from botocore.credentials import Credentials  # type: ignore[import-untyped]  # ships no types

    at = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime(_TIMESTAMP)
    added = {"x-amz-date": at}
    if keys.session_token is not None:
        added["x-amz-security-token"] = keys.session_token.reveal()
    covered = {name: value for name, value in _covered(headers) if name not in added} | added
    covered["host"] = url_host
    request = AWSRequest(method=method, url=f"https://{url_host}{path_and_query}", data=body, headers=covered)
    request.context["timestamp"] = at
    credentials = Credentials(keys.access_key_id, keys.secret_access_key.reveal())
    signer = SigV4Auth(credentials, keys.service, keys.region)
    # What `add_auth` does, but for its clock, which cannot be handed in.
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signed = signer.signed_headers(signer.headers_to_sign(request))
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, "
        f"Signature={signer.signature(to_sign, request)}"
    )
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in added.items()]


def _covered(headers: Sequence[Header]) -> list[tuple[str, str]]:
    named = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
    return [(name, value) for name, value in named if name == "content-type" or name.startswith("x-amz-")]


def _buy_safely(account: GoogleAccount, now: WallClock) -> Token | Unreachable:
    try:
        return buy(account, now)
    except Exception as error:  # whatever the library makes of what the endpoint sent: the secret stays here
        return Unreachable(f"no access token could be had for the service account ({type(error).__name__})")


def buy(account: GoogleAccount, now: WallClock) -> Token | Unreachable:
    """Buy an access token. Blocks, for CONNECT_S + READ_S at most thrice. What the seller sends may be anything, and so
    may be what this raises then."""
    import urllib3
    from google.auth import exceptions
    from google.auth.transport.urllib3 import Request
    from google.oauth2 import service_account

    try:
        info = json.loads(account.info.reveal())
        credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]  # ships half its types
            info, scopes=[SCOPE]
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, exceptions.GoogleAuthError):
        return Unreachable("the key file of the service account cannot be read")
    timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    try:
        # No redirect is followed: the key file says where the proof of identity goes, and nobody else.
        with urllib3.PoolManager(timeout=timeout, retries=False) as http:
            credentials.refresh(Request(http))  # type: ignore[no-untyped-call]  # ships half its types
    except exceptions.RefreshError as error:
        code = _oauth_code(error)
        return Unreachable(f"the service account was refused an access token{f' ({code})' if code else ''}")
    except exceptions.TransportError:
        return Unreachable("the service account's token endpoint could not be reached")
    expiry = credentials.expiry
    expires_at = now() + LIFETIME_S if expiry is None else expiry.replace(tzinfo=datetime.UTC).timestamp()
    return Token(str(credentials.token), expires_at - RENEW_BEFORE_S, expires_at)


def _oauth_code(error: Exception) -> str:
    """The seller's word for why, `invalid_grant`: its sentences may quote what it was sent."""
    answer = error.args[1] if len(error.args) > 1 else None
    code = answer.get("error") if isinstance(answer, dict) else None
    return code if isinstance(code, str) and _OAUTH_CODE.fullmatch(code) else ""
