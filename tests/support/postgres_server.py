"""A real PostgreSQL of this machine, for tests: one process, nothing kept."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from sluice.config.ledger_url import PostgresUrl, ledger_url
from tests.support.sockets import free_ports

START_S = 30.0
USER = "postgres"


def postgres_binaries() -> Path:
    """Return the folder of initdb and postgres. Where there is none it is installed if that may be done; if not, the
    test is skipped, and fails in CI: what it proves is then not proven."""
    found = _find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-q", "postgresql"], env=env, capture_output=True, check=False)
        found = _find()
    if found is None:
        why = "NOT PROVEN: there is no PostgreSQL on this machine (Debian: apt-get install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


def _find() -> Path | None:
    beside = shutil.which("initdb")
    folders = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *([Path(beside).parent] if beside else []),
    ]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class PostgresServer:
    """Starts with `with`."""

    def __init__(self) -> None:
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        (self.port,) = free_ports(1)

    def database(self) -> PostgresUrl:
        """Make an empty one."""
        name = f"sluice_{next(self._names)}"
        self._sql(f"CREATE DATABASE {name}")
        found = ledger_url(f"postgresql://{USER}@127.0.0.1:{self.port}/{name}")
        assert isinstance(found, PostgresUrl)
        return found

    def cut(self) -> None:
        """End all connections but this one's."""
        self._sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    def _sql(self, statement: str) -> None:
        words = [self._bin / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-qc", statement, "postgres"]
        subprocess.run(words, check=True, capture_output=True)

    def __enter__(self) -> Self:
        self._bin = postgres_binaries()
        # It refuses to run as root, and its folder has to be its own.
        own = USER if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="sluice-postgres-"))
        if own:
            owner = pwd.getpwnam(USER)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        data = str(self._folder / "data")
        init = [self._bin / "initdb", "-D", data, "-A", "trust", "-U", USER, "--no-sync"]
        subprocess.run(init, check=True, capture_output=True, cwd=self._folder, user=own)
        words = ["-D", data, "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder), "-F"]
        self._process = subprocess.Popen(
            [self._bin / "postgres", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            user=own,
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                self._sql("SELECT 1")
            except subprocess.CalledProcessError:
                time.sleep(0.05)
            else:
                return self
        raise AssertionError("postgres does not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
