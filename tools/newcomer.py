"""Follows README.md and docs/quick-start.md as a newcomer does, from a clean clone, with a stopwatch.

    python -m tools.newcomer [--from REPOSITORY]

What is pasted are the pages' own blocks; changed are the repository's address and the ports, to those that are free
here. Needs git, make, curl, jq, and for the query Debian's prometheus. Exit status 1: something did not work, or took
longer than promised. Not part of `make test`: a clone installs its own packages.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

FIRST_TOKEN_S = 60.0
FIRST_QUERY_S = 600.0
README, QUICK_START = "README.md", "docs/quick-start.md"
CLONE, RUN, ASK = "git clone", "make run", "curl"
PROMETHEUS, QUERY = "prometheus --config.file", "/api/v1/query"
_FENCE = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOKEN = re.compile(r'^data: .*"content":"[^"]', re.MULTILINE)
_ANSWER = re.compile(r"^\d+(\.\d+)?$", re.MULTILINE)


def block(page: str, words: str) -> str:
    """Return the first fenced block of a page's text that has these words.

    Raises:
        LookupError: there is none.
    """
    for _, text in _FENCE.findall(page):
        if words in text:
            return str(text)
    raise LookupError(f"the page has no block with {words!r}")


def moved(command: str, ports: Mapping[int, int]) -> str:
    """Return a command with ports that are free here."""
    for port, here in ports.items():
        command = command.replace(f"localhost:{port}", f"localhost:{here}")
    return command


def has_token(printed: str) -> bool:
    """Whether a stream's text is there: a delta that says something."""
    return bool(_TOKEN.search(printed))


def free_ports(*documented: int) -> dict[int, int]:
    """Return for each port of the pages one that nobody has."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in documented]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {port: each.getsockname()[1] for port, each in zip(documented, sockets, strict=True)}


@contextlib.contextmanager
def running(command: str, folder: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run what goes on until it is told to end, and all that it has started."""
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def until_printed(command: str, folder: Path, wanted: re.Pattern[str], deadline: float) -> None:
    """Paste a command, again and again while it fails, until it has printed what is wanted.

    Raises:
        TimeoutError: it had not by then.
    """
    while time.monotonic() < deadline:
        with subprocess.Popen(
            ["bash", "-c", command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as shell:
            assert shell.stdout is not None
            printed = ""
            for line in shell.stdout:  # as it comes: a stream's first token, not its last
                printed += line
                if wanted.search(printed):
                    shell.terminate()
                    return
        time.sleep(0.2)
    raise TimeoutError(f"it never printed what it should:\n{command}")


def follow(repository: str, folder: Path) -> tuple[float, float | None]:
    """Return the seconds to the first token and to the first query; None where there is no Prometheus."""
    ports = free_ports(8080, 15000, 15020, 15021, 9090)
    doors = {"ADMIN_ADDR": 15000, "STATS_ADDR": 15020, "READINESS_ADDR": 15021}
    env = {name: f"localhost:{ports[port]}" for name, port in doors.items()} | {"ARGS": f"--port {ports[8080]}"}
    begun = time.monotonic()
    page = (Path.cwd() / README).read_text(encoding="utf-8")
    clone = next(line for line in block(page, CLONE).split("\n") if line.startswith(CLONE))
    subprocess.run(["bash", "-c", clone.replace("REPOSITORY", repository)], cwd=folder, check=True)
    home = folder / "sluice"
    with running(RUN, home, env):
        until_printed(moved(block(page, ASK), ports), home, _TOKEN, begun + 2 * FIRST_TOKEN_S)
        token_s = time.monotonic() - begun
        print(f"the first streamed token: {token_s:.1f} s", flush=True)
        if shutil.which("prometheus") is None:
            return token_s, None
        guide = (home / QUICK_START).read_text(encoding="utf-8")
        (home / "prometheus.yaml").write_text(moved(block(guide, "# prometheus.yaml"), ports), encoding="utf-8")
        with running(moved(f"exec {block(guide, PROMETHEUS)}", ports), home, {}):
            until_printed(moved(block(guide, QUERY), ports), home, _ANSWER, begun + FIRST_QUERY_S)
    return token_s, time.monotonic() - begun


def main() -> int:
    """Follow the pages and say how long it took."""
    parser = argparse.ArgumentParser(description="Follow the quick start from a clean clone, with a stopwatch.")
    parser.add_argument("--from", dest="repository", default=str(Path.cwd()), metavar="REPOSITORY")
    repository = parser.parse_args().repository
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        try:
            token_s, query_s = follow(repository, Path(folder))
        except (TimeoutError, LookupError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
            return 1
    print("no prometheus here" if query_s is None else f"the first query of a dashboard: {query_s:.1f} s")
    return 0 if token_s < FIRST_TOKEN_S and (query_s or 0.0) < FIRST_QUERY_S else 1


if __name__ == "__main__":
    sys.exit(main())
