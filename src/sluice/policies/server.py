"""Where what a policy needs is: a service that it asks, a text that it reads (key sets, password files)."""

import msgspec

from sluice.policies.hidden import Hidden


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A host as the operator wrote it, and how it is spoken to."""

    host: str
    port: int
    secure: bool = False
    """Speak TLS; the rest is about that."""
    server_name: str = ""
    """Empty = the host."""
    ca_pem: str = ""
    """Trust these authorities and no others; empty = the system's."""
    verify: bool = True


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a text is: exactly one of `inline`, `path`, `server` and `missing`."""

    inline: Hidden | None = None
    """The text itself; hidden, since password files are among them."""
    path: str = ""
    """Of a file; one that changes is read anew."""
    server: Server | None = None
    missing: str = ""
    """Nowhere: why it cannot be had."""
    target: str = "/"
    """Path and query there."""
    cache_s: float = 300.0
    """How old what a server said may be before it is asked anew."""
