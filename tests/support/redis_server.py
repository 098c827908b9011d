"""A real Redis of this machine, for tests: one process, nothing kept."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from sluice.config.store_url import RedisUrl
from tests.support.sockets import free_ports

START_S = 10.0


def redis_binary() -> str:
    """Return the path of redis-server. Where there is none it is installed if that may be done; if not, the test is
    skipped, and fails in CI: what it proves is then not proven."""
    found = shutil.which("redis-server")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-q", "redis-server"], env=env, capture_output=True, check=False)
        found = shutil.which("redis-server")
    if found is None:
        why = "NOT PROVEN: there is no redis-server on this machine (Debian: apt-get install redis-server)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


class RedisServer:
    """Starts with `with`, or `start`; `stop` and `start` again lose everything it held."""

    def __init__(self, folder: Path, *, password: str = "") -> None:
        self._folder, self._password = folder, password
        self._process: subprocess.Popen[bytes] | None = None
        (self.port,) = free_ports(1)

    @property
    def url(self) -> RedisUrl:
        return RedisUrl(host="127.0.0.1", port=self.port)

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        words += ["--dir", str(self._folder), *(["--requirepass", self._password] if self._password else [])]
        self._process = subprocess.Popen(
            [redis_binary(), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                    sock.sendall(b"PING\r\n")
                    if sock.recv(100):
                        return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("redis-server does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It takes connections and bytes, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def cli(self, *words: str) -> str:
        """Run one command, and return what redis-cli prints."""
        auth = ["-a", self._password, "--no-auth-warning"] if self._password else []
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *auth, *words], capture_output=True, check=True, text=True
        )
        return done.stdout.strip()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
