"""TLS contexts: for providers (the system's authorities or the operator's own) and for listeners."""

import os
import ssl
import tempfile
from pathlib import Path

from sluice.config.plan import ListenerTls, Tls
from sluice.errors import ConfigError


def client_context(tls: Tls) -> ssl.SSLContext:
    """A context for connections to a provider. TLS 1.2 at least; names are verified unless the operator said not to.

    Raises:
        Unreachable or ssl.SSLError: the authorities cannot be read.
    """
    context = ssl.create_default_context(cadata=tls.ca_pem or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def server_context(tls: ListenerTls, context: ssl.SSLContext | None = None) -> ssl.SSLContext:
    """A context for a listener, or the given one with another certificate. The key touches the disk only as a file
    of ours alone, for as long as OpenSSL reads it.

    Raises:
        ConfigError: certificate and key cannot be used.
    """
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
    handle, path = tempfile.mkstemp(prefix="sluice-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{tls.certificate_pem}\n{tls.key_pem.reveal()}\n")
        context.load_cert_chain(path)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or "not a certificate chain and its key in PEM"
        raise ConfigError(f"the listener's certificate cannot be used: {reason}") from None
    finally:
        Path(path).unlink()
    return context
