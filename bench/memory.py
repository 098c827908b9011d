"""Measures what open streams cost in memory: a gateway's RSS before, during and after thousands of slow ones.

The client is one epoll loop in this process. The upstream sends a delta a second on each stream, so that the gateway
holds many streams with little to do: what is measured is what a stream keeps, not what a chunk needs in passing.
"""

import selectors
import socket
import time
from pathlib import Path

import msgspec

from bench import asked, rig
from bench.asked import Lane
from bench.proc import open_files, rss_mib

STREAMS = 2_000
INTERVAL_US = 1_000_000
CHUNKS = 600
"""Ten minutes of deltas: no stream ends while it is measured."""
WARM_UP = 64
"""Streams opened and closed before the first reading, so that code loaded on first use is not counted as a stream's."""
DIAL_AT_ONCE = 100
PATIENCE_S = 60.0


class Memory(msgspec.Struct, frozen=True):
    """Resident memory of the gateway and its children."""

    name: str
    streams: int
    idle_mib: float
    """Ready, before any request."""
    warm_mib: float
    """After the warm-up, with no stream open."""
    open_mib: float
    """With all streams open, each of which has had at least three deltas."""
    after_mib: float
    """After all were closed by the client."""
    files_left: int
    """Open files more than before the streams, after all were closed."""

    @property
    def kib_per_stream(self) -> float:
        """What one open stream adds."""
        return round((self.open_mib - self.warm_mib) * 1024 / self.streams, 1)


class Crowd:
    """Many streams held open by one epoll loop. Not for reuse after `close`."""

    def __init__(self, lane: Lane) -> None:
        """Prepare for streams of this lane."""
        target, body = lane.target, asked.body(lane.form, lane.model)
        head = [f"POST {target.path} HTTP/1.1", f"Host: 127.0.0.1:{target.port}", "Content-Type: application/json"]
        head += [f"Content-Length: {len(body)}", *target.headers]
        self._port = target.port
        self._request = "\r\n".join([*head, "", ""]).encode() + body
        self._selector = selectors.EpollSelector()
        self._deltas: dict[socket.socket, int] = {}

    def open(self, count: int) -> None:
        """Open `count` more streams, some at a time, and wait until each has had its first delta."""
        for first in range(0, count, DIAL_AT_ONCE):
            for _ in range(min(DIAL_AT_ONCE, count - first)):
                connection = socket.create_connection(("127.0.0.1", self._port), 10)
                connection.sendall(self._request)
                connection.setblocking(False)
                self._selector.register(connection, selectors.EVENT_READ, connection)
                self._deltas[connection] = 0
            self.read_until(1)

    def read_until(self, deltas: int) -> None:
        """Read until every stream has had `deltas` of them.

        Raises:
            rig.RigError: a stream ended, answered with an error, or PATIENCE_S passed.
        """
        deadline = time.monotonic() + PATIENCE_S
        while min(self._deltas.values()) < deltas:
            if time.monotonic() > deadline:
                raise rig.RigError(
                    f"only some of {len(self._deltas)} streams had {deltas} deltas in {PATIENCE_S:.0f} s"
                )
            for key, _ in self._selector.select(1):
                self._read(key.data)

    def _read(self, connection: socket.socket) -> None:
        chunk = connection.recv(65536)
        if not chunk or (chunk.startswith(b"HTTP/1.1") and not chunk.startswith(b"HTTP/1.1 200")):
            raise rig.RigError(f"a stream ended early: {chunk[:200]!r}")
        self._deltas[connection] += chunk.count(b";T=")

    def close(self) -> None:
        """Close all streams at once, as clients that lose interest do."""
        self._selector.close()
        for connection in self._deltas:
            connection.close()


def measure(lane: Lane, dialect: rig.Dialect, folder: Path, streams: int = STREAMS) -> Memory:
    """Measure one target; `dialect` is what the upstream speaks, `folder` holds it, as rig.build made it.

    Raises:
        rig.RigError: a process did not start, or a stream failed.
    """
    if rig.raise_file_limit() < 2 * streams + 500:
        raise rig.RigError(f"{streams} streams need {2 * streams + 500} open files; raise the hard limit (ulimit -Hn)")
    with rig.upstream(folder, CHUNKS, INTERVAL_US, dialect), rig.running(lane.target, folder) as pid:
        idle = rss_mib(pid)
        _hold(lane, WARM_UP, pid)
        files, warm = open_files(pid), rss_mib(pid)
        opened = _hold(lane, streams, pid)
        return Memory(
            name=lane.name,
            streams=streams,
            idle_mib=round(idle, 1),
            warm_mib=round(warm, 1),
            open_mib=round(opened, 1),
            after_mib=round(rss_mib(pid), 1),
            files_left=open_files(pid) - files,
        )


def _hold(lane: Lane, streams: int, pid: int) -> float:
    """Open streams, return the RSS while they are open, and close them again."""
    before = open_files(pid)
    crowd = Crowd(lane)
    try:
        crowd.open(streams)
        crowd.read_until(3)
        resident = rss_mib(pid)
    finally:
        crowd.close()
    _settle(pid, before)
    return resident


def _settle(pid: int, files: int) -> None:
    """Wait until the target has closed what the streams had open, ten seconds at most: the rest is reported."""
    deadline = time.monotonic() + 10
    while open_files(pid) > files and time.monotonic() < deadline:
        time.sleep(0.05)
