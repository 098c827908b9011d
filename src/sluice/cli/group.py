"""What the command line says about workers, and how one is started: the same command again, with its seat."""

import sys
from collections.abc import Callable, Mapping, Sequence

from sluice.errors import ConfigError
from sluice.net.cores import cores
from sluice.net.worker import Seat
from sluice.telemetry.line import Format

MAX_WORKERS = 256


def workers(option: str | None, env: Mapping[str, str]) -> int:
    """Return how many processes serve.

    Raises:
        ConfigError: it is neither a number from 1 to MAX_WORKERS nor `auto`.
    """
    for place, text in (
        ("--workers", option),
        ("WORKERS", env.get("WORKERS")),
        ("WORKER_THREADS", env.get("WORKER_THREADS")),
    ):
        if not text:
            continue
        if text == "auto":
            return min(cores(), MAX_WORKERS)
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_WORKERS):
            raise ConfigError(f"{text!r} is no number of workers", path=place, hint=f"1 to {MAX_WORKERS}, or auto")
        return int(text)
    return 1


def command(log_format: Format) -> Callable[[Seat, int | None], Sequence[str]]:
    """Return the command of a worker. What was decided once for all stands at its end, where it wins; so `ps` shows
    which worker is which."""
    again = (sys.executable, *sys.orig_argv[1:], "--log-format", log_format)

    def of(seat: Seat, port: int | None) -> Sequence[str]:
        return (*again, *(("--port", str(port)) if port is not None else ()), "--worker", str(seat))

    return of


def stamped(write: Callable[[bytes], object], seat: Seat, log_format: Format) -> Callable[[bytes], object]:
    """Return a writer of lines that adds to each which worker wrote it, as its last field."""
    ending = f',"worker":{seat.number}}}\n'.encode() if log_format == "json" else f" worker={seat.number}\n".encode()
    cut = 2 if log_format == "json" else 1  # `}` and the newline

    def stamp(line: bytes) -> None:
        write(line[:-cut] + ending)

    return stamp
