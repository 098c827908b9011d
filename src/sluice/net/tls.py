"""TLS contexts: for providers (the system's authorities or the operator's own) and for listeners."""

import errno
import os
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from sluice.config.plan import Listener, ListenerTls, Tls
from sluice.config.routing import bare_host, host_matches
from sluice.errors import ConfigError


def client_context(tls: Tls) -> ssl.SSLContext:
    """A context for connections to a provider. TLS 1.2 at least; names are verified unless the operator said not to.

    Raises:
        OSError: the authorities cannot be read; ssl.SSLError, if they are the operator's.
    """
    socket.socket().close()  # without a descriptor OpenSSL would find no authority and say nothing
    context = ssl.create_default_context(cadata=tls.ca_pem or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def server_context(tls: ListenerTls) -> ssl.SSLContext:
    """A context with a listener's certificate. The key touches the disk only as a file of ours alone, for as long as
    OpenSSL reads it.

    Raises:
        ConfigError: certificate and key cannot be used.
    """
    context = _bare_context()
    try:
        handle, path = _private_file()
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{tls.certificate_pem}\n{tls.key_pem.reveal()}\n")
            context.load_cert_chain(path, password="")  # without one OpenSSL asks on the terminal
        finally:
            Path(path).unlink()
    except ssl.SSLError as error:
        reason = error.reason or "not a certificate chain and its key in PEM, the key not encrypted"
        raise ConfigError(f"the listener's certificate cannot be used: {reason}") from None
    except OSError as error:
        raise ConfigError(f"the listener's certificate cannot be used: {error.strerror or error}") from None
    return context


def _private_file() -> tuple[int, str]:
    """Raises: OSError: as the system says it. `tempfile` says of any shortage that there is no folder."""
    socket.socket().close()  # there is a descriptor
    try:
        return tempfile.mkstemp(prefix="sluice-")
    except FileNotFoundError:
        raise OSError(errno.ENOSPC, "no folder for temporary files has room") from None


class Certificates:
    """What one port shows: the certificate of the listener whose hostname fits the name that a client asks for (SNI).

    Immutable. With `known`, what has not changed is taken over, and its key is not written anew.

    Raises:
        ConfigError: one of the certificates cannot be used.
    """

    __slots__ = ("_by_name", "_contexts", "_default", "_wildcards")

    def __init__(self, listeners: Iterable[Listener], known: "Certificates | None" = None) -> None:
        before = known._contexts if known is not None else {}
        self._contexts: dict[ListenerTls, ssl.SSLContext] = {}
        self._by_name: dict[str, ssl.SSLContext] = {}
        for listener in listeners:
            if (tls := listener.tls) is None:
                continue
            if tls not in self._contexts:
                self._contexts[tls] = before.get(tls) or server_context(tls)
            self._by_name.setdefault(listener.hostname, self._contexts[tls])
        wildcards = [name for name in self._by_name if name.startswith("*.")]
        self._wildcards = sorted(wildcards, key=len, reverse=True)
        self._default = self._by_name.get("") or next(iter(self._by_name.values()))

    def choose(self, name: str | None) -> ssl.SSLContext:
        """Return the context for a name: the listener that has it, else the longest wildcard, else the listener without
        a hostname, else the first. None = the client asked for no name."""
        host = bare_host(name or "")
        if not host:
            return self._default
        exact = self._by_name.get(host)
        if exact is not None:
            return exact
        pattern = next((pattern for pattern in self._wildcards if host_matches(pattern, host)), "")
        return self._by_name[pattern] if pattern else self._default


def front_context(choose: Callable[[str | None], ssl.SSLContext]) -> ssl.SSLContext:
    """A context without a certificate, for a handshake to begin with; `choose` says for each which one goes on."""

    def show(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = choose(name)

    context = _bare_context()
    context.sni_callback = show  # called for a client that asks for no name, too
    return context


def _bare_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
