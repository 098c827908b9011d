"""The rig: an upstream, nginx and a gateway as processes on 127.0.0.1, pinned to cores, read through /proc.

The gateway under test (with its children) has CPU 0 to itself; the upstream and the load client share CPU 1.
Everything started here is ended here, by its own process group. Linux only.
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
UPSTREAM_PORT, NGINX_PORT, SINK_PORT = 19101, 19201, 19140
GATEWAY_CPU, LOAD_CPU = "0", "1"
READY_WITHIN_S = 60.0
HEALTH = b"GET /healthz/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""With it a program is compiled at each start, which no user's is."""
NGINX_CONF = """worker_processes 1; daemon off; error_log {folder}/nginx.err; pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{ access_log off; upstream u {{ server 127.0.0.1:{upstream}; keepalive 4096; }}
 server {{ listen 127.0.0.1:{port} backlog=4096; keepalive_requests 100000000;
  location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
   proxy_buffering off; }} }} }}
"""


Dialect = Literal["openai", "anthropic", "prose"]
"""What the upstream speaks: chat completions or Messages; `prose` is chat completions whose text guards must read."""


class RigError(Exception):
    """The rig cannot stand: a port is taken, a program is missing, or a process ended too soon."""


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same gateway asked in another way. What is empty is as the target has it."""

    command: tuple[str, ...] = ()
    model: str = ""
    headers: tuple[str, ...] = ()


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured. In `command` and `env`, {upstream} and {port} become ports and {folder} one that is emptied
    after the run; runs in the repository's folder."""

    name: str
    command: tuple[str, ...]
    """Empty = nothing to start: the load goes straight to `port`."""
    port: int
    path: str = "/v1/chat/completions"
    headers: tuple[str, ...] = ()
    env: dict[str, str] = {}
    model: str = "gpt-4o-mini"
    """Model whose provider is the upstream in its first form, chat completions."""
    translated_model: str = ""
    """Model whose provider is the upstream when it speaks Messages; empty = the target does not translate."""
    guarded: Variant | None = None
    """With all built-in guards and ten patterns on the answer; None = the target has none."""
    everything: Variant | None = None
    """With guards, identity, limits, budgets and a ledger."""
    traced: Variant | None = None
    """With traces of each tenth request, for a collector at SINK_PORT."""
    ready_port: int = 0
    """Answers GET /healthz/ready with 200 when the target can serve; 0 = ready when `port` accepts."""

    def fill(self, text: str, folder: Path) -> str:
        """Return `text` with the ports and the folder put in."""
        ports = text.replace("{upstream}", str(UPSTREAM_PORT)).replace("{port}", str(self.port))
        return ports.replace("{folder}", str(folder))

    def varied(self, name: str, variant: Variant) -> "Target":
        """Return this target as the variant has it."""
        return msgspec.structs.replace(
            self,
            name=name,
            command=variant.command or self.command,
            model=variant.model or self.model,
            headers=variant.headers or self.headers,
        )


DIRECT = Target(name="direct", command=(), port=UPSTREAM_PORT)
"""No gateway at all: what the upstream and the load client cost by themselves."""
PATHS: dict[Dialect, str] = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "prose": "/v1/chat/completions",
}
"""Where the upstream's stream is asked for by who does not translate."""


def read_target(path: Path) -> Target:
    """Read a target from a JSON file.

    Raises:
        msgspec.ValidationError: a field is unknown or has the wrong type.
    """
    return msgspec.json.decode(path.read_bytes(), type=Target)


def yardsticks(folder: Path, dialect: Dialect) -> list[Target]:
    """Return what a gateway is measured beside: nothing, and nginx, whose configuration is written into `folder`. Both
    hand on the upstream's own stream."""
    return [msgspec.structs.replace(each, path=PATHS[dialect]) for each in (DIRECT, nginx_target(folder))]


def nginx_target(folder: Path) -> Target:
    """Write nginx's configuration into `folder` and return the yardstick: a plain unbuffered reverse proxy."""
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, upstream=UPSTREAM_PORT, port=NGINX_PORT))
    return Target(name="nginx", command=("nginx", "-c", str(conf)), port=NGINX_PORT)


def build(folder: Path) -> None:
    """Compile upstream.c and loadgen.c into `folder`."""
    for name in ("upstream", "loadgen"):
        subprocess.run(["cc", "-O2", "-w", "-o", folder / name, HERE / f"{name}.c"], check=True)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one, for this process and those it starts; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextmanager
def upstream(folder: Path, chunks: int, interval_us: int, dialect: Dialect = "openai") -> Iterator[None]:
    """Run the upstream: `chunks` numbered, time-stamped deltas per stream, one each `interval_us`."""
    command = (str(folder / "upstream"), str(UPSTREAM_PORT), str(chunks), str(interval_us), dialect)
    with _process(command, LOAD_CPU, UPSTREAM_PORT, folder / "upstream.log", {}) as process:
        wait_ready(process, UPSTREAM_PORT)
        yield


@contextmanager
def sink(folder: Path) -> Iterator[None]:
    """Run a collector of traces that looks at none."""
    command = (sys.executable, "-m", "bench.sink", str(SINK_PORT))
    with _process(command, LOAD_CPU, SINK_PORT, folder / "sink.log", {}) as process:
        wait_ready(process, SINK_PORT)
        yield


@contextmanager
def running(target: Target, folder: Path) -> Iterator[int]:
    """Run a target and yield its process id once it is ready, 0 if there is nothing to start."""
    if not target.command:
        yield 0
        return
    with started(target, folder) as process:
        wait_ready(process, target.port, target.ready_port)
        yield process.pid


@contextmanager
def started(target: Target, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a target and yield at once, before it is ready."""
    command = tuple(target.fill(word, folder) for word in target.command)
    env = {key: target.fill(value, folder) for key, value in target.env.items()}
    with _process(command, GATEWAY_CPU, target.port, folder / f"{target.name}.log", env) as process:
        yield process


@contextmanager
def _process(
    command: tuple[str, ...], cpu: str, port: int, log: Path, env: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    if _accepts(port):
        raise RigError(f"port {port} is taken; is another measurement running?")
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", cpu, *command],
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if key != _NO_BYTECODE} | env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def wait_ready(process: "subprocess.Popen[bytes]", port: int, ready_port: int = 0, pause_s: float = 0.001) -> None:
    """Wait until `port` accepts and `ready_port`, if any, says ready.

    Raises:
        RigError: the process ended first, or READY_WITHIN_S passed.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    while not (_says_ready(ready_port) if ready_port else _accepts(port)):
        if process.poll() is not None:
            raise RigError(f"{process.args!r} ended with {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise RigError(f"{process.args!r} was not ready within {READY_WITHIN_S:.0f} s")
        time.sleep(pause_s)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def _says_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(HEALTH)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
