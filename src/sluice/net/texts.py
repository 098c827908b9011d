"""Texts that policies read from files and servers: key sets, password files.

The port `gateway.access_sources.Texts`. Servers are asked through the pool that providers are asked through; no
redirect is followed, since only the operator says who is believed.
"""

from functools import partial
from pathlib import Path

from sluice.errors import Unreachable
from sluice.gateway.access_http import ask, host_of, render
from sluice.gateway.ports import Upstream
from sluice.net.threads import apart
from sluice.policies.server import Source

WITHIN_S = 5.0
MAX_BYTES = 1 << 20


class TextReader:
    """Reads what a policy needs. See `gateway.access_sources.Texts`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def fetch(self, source: Source) -> bytes:
        """Return what is there now.

        Raises:
            UpstreamError: it cannot be read, or has more than 1 MiB.
        """
        if source.server is None:
            try:
                return await apart(partial(_file, source.path))
            except OSError as error:
                raise Unreachable(f"the file {source.path} cannot be read: {error.strerror}") from None
        headers = [(b"host", host_of(source.server)), (b"accept", b"*/*"), (b"accept-encoding", b"identity")]
        request = render("GET", source.target, headers)
        head, body = await ask(self._upstream, source.server, request, within_s=WITHIN_S, max_bytes=MAX_BYTES)
        if head.status != 200:
            raise Unreachable(f"{source.server.host} answered with status {head.status}")
        return body


def _file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except ValueError:
        raise Unreachable(f"the file {path} cannot be read: no path") from None
    if len(data) > MAX_BYTES:
        raise Unreachable(f"the file {path} has more than 1 MiB")
    return data
