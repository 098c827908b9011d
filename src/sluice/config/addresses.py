"""Addresses as operators write them: a provider's base URL, `host:port` of a listener or a host override.

PURE. A URL may carry a password, so no message repeats one.
"""

import re
from urllib.parse import urlsplit

from sluice.config.plan import Endpoint, Tls

_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")


def base_url(text: str) -> tuple[Endpoint, str]:
    """Return where a base URL leads, and its path without a final slash.

    Raises:
        ValueError: not http or https, no host, or with credentials, query or fragment; the message does not repeat
        the URL.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ValueError("not a URL such as `https://api.example.com/v1`") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a base URL begins with `http://` or `https://` and a host")
    if "@" in parts.netloc:
        raise ValueError("a base URL holds no credentials; they go into the key")
    if "?" in text or "#" in text:
        raise ValueError("a base URL has no query and no fragment")
    if not _PATH.fullmatch(parts.path) or not _HOST_PORT.fullmatch(parts.netloc.removesuffix(":")):
        raise ValueError("a base URL holds only characters that a host and a path may have")
    secure = parts.scheme == "https"
    if port == 0:
        raise ValueError("a port is a number from 1 to 65535")
    endpoint = Endpoint(host=parts.hostname, port=port or (443 if secure else 80), tls=Tls() if secure else None)
    return endpoint, parts.path.rstrip("/")


def host_port(text: str, default_port: int) -> tuple[str, int]:
    """Return host and port of `host`, `host:port` or `[address]:port`.

    Raises:
        ValueError: something else, or a port that is none.
    """
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        raise ValueError("expected `host:port`")
    port = int(match[2]) if match[2] else default_port
    if not 1 <= port <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return match[1].strip("[]"), port
