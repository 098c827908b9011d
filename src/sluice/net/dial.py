"""The way to a provider: its name looked up, its addresses tried in turn, TLS. One clock for all of it. Where a name
may not lead (`net/reach.py`) nothing is sent.

A failure is either the provider's (Unreachable) or ours: without a descriptor, a buffer or a port of our own nobody
can be reached, and no target is to blame.

Whatever is awaited here, cancelling it closes the socket at once. uvloop would look the name up itself, but then
forgets the question when it is cancelled and logs the answer as an exception that nobody retrieved.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable

from sluice.config.plan import Endpoint
from sluice.errors import Overloaded, TimedOut, Unreachable
from sluice.net.descriptors import has_descriptors
from sluice.net.provider_tls import ProviderTls
from sluice.net.reach import Reachable, is_public, reachable
from sluice.net.upstream import UpstreamConnection

Make = Callable[[], UpstreamConnection]

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What this machine is out of, whoever is to be connected: descriptors, buffers, memory."""
_OURS = _EXHAUSTED | {errno.EADDRNOTAVAIL}
"""The same, and no local port for that address, or no way to its kind of address."""


async def dial(
    endpoint: Endpoint,
    make: Make,
    context: Callable[[], ssl.SSLContext] | None,
    *,
    within_s: float,
    allowed: Reachable = is_public,
) -> UpstreamConnection:
    """Return a connection that `make` made, open, with TLS if there is a context for it.

    Each address of a name gets an equal share of the time that is left, so that one that swallows everything does not
    stand before one that answers. `within_s`: 0 = no limit. `allowed`: the addresses that a name may lead to.

    Raises:
        TimedOut: `connect`.
        Unreachable: no such name, one that leads where no name may lead, refused, no valid certificate, closed in the
            middle of the handshake ...
        Overloaded: this machine has nothing left to connect with.
    """
    try:
        async with asyncio.timeout(within_s or None):
            chosen = context() if context is not None else None
            return await _any_address(endpoint, make, chosen, within_s, allowed)
    except TimeoutError:
        raise TimedOut("connect") from None
    except (OSError, ValueError) as error:  # ssl's and the resolver's are OSErrors; a name that is none is a ValueError
        if _ours(error):
            raise Overloaded(f"This server cannot open another connection: {_why(error)}.") from None
        raise Unreachable(f"the provider at {endpoint.label} cannot be reached: {_why(error)}") from None


async def _any_address(
    endpoint: Endpoint, make: Make, context: ssl.SSLContext | None, within_s: float, allowed: Reachable
) -> UpstreamConnection:
    loop = asyncio.get_running_loop()
    due = loop.time() + within_s
    try:
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError:
        if has_descriptors():
            raise
        # A resolver that can open none of its files says that there is no such name, or that something is busy.
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE)) from None
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not addresses:
        raise OSError("its name has no address")
    addresses = reachable(endpoint.host, addresses, allowed)
    refused: OSError | None = None
    while addresses:
        share_s = (due - loop.time()) / len(addresses) if within_s and len(addresses) > 1 else None
        try:
            async with asyncio.timeout(share_s):
                return await _address(endpoint, addresses.pop(0), make, context)
        except ssl.SSLError:
            raise  # somebody is there
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise
            refused = error if refused is None or not _ours(error) else refused
    assert refused is not None
    try:
        raise refused
    finally:
        refused = None  # else its traceback and this frame hold each other


async def _address(endpoint: Endpoint, address: str, make: Make, context: ssl.SSLContext | None) -> UpstreamConnection:
    tls = endpoint.tls
    name = (tls.server_name or endpoint.host) if tls is not None else None
    connection = make()
    secured = ProviderTls(connection, context, name) if context is not None else None
    try:
        await asyncio.get_running_loop().create_connection(lambda: secured or connection, address, endpoint.port)
        if secured is not None:
            await secured.ready
    except BaseException:
        connection.cut()  # after a handshake, uvloop alone would wait half a minute for the provider's goodbye
        if secured is not None:
            secured.cut()
        raise
    finally:
        secured = None  # else its `ready`, the error's traceback and this frame hold each other
    return connection


def _ours(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _OURS


def _why(error: Exception) -> str:
    """The operating system's words, without the addresses that a resolver tried."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'unknown reason'})"
    if isinstance(error, ConnectionResetError) and not error.strerror:
        return "it closed the connection during the TLS handshake"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
