"""Is this a Host header? RFC 9110, 7.2: `uri-host [":" port]`, and nothing that could be read as more than that."""

import re

_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]{0,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def is_valid_host(value: bytes) -> bool:
    """Whether the value names a host, perhaps with a port. An empty one is legal."""
    return _HOST.fullmatch(value.strip(b" \t")) is not None
