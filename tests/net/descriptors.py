"""What this process has open."""

import contextlib
import os


def open_sockets() -> int:
    """How many descriptors of this process are sockets."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing's own descriptor
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return found
