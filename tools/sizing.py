"""What one core carries, from the last run of the bench: the block `sizing` of docs/operate/sizing.md."""

from collections.abc import Callable, Iterator

import msgspec

from bench.report import LATEST
from bench.verdict import Result

BUSY = 0.6
"""How much of a core is planned with. Above some 0.7 what waits in front of the event loop shows in the latencies."""
CHUNKS_PER_S = 50
"""A quick model's tokens a second, one in each chunk."""


def sizing_table() -> str:
    """Return what a core carries, road by road.

    Raises:
        OSError: there is no run of the bench.
        msgspec.DecodeError: the file is not a result.
    """
    result = msgspec.json.decode(LATEST.read_bytes(), type=Result)
    lines = [
        f"Of one core, {BUSY:.0%} busy; from the run of {result.machine.date} on {result.machine.cpu}.",
        "",
        f"| what | CPU us | a second | streams of {CHUNKS_PER_S} chunks a second |",
        "| --- | --- | --- | --- |",
        *_rows(result),
        "",
        "| memory | |",
        "| --- | --- |",
        *_memory(result),
    ]
    return "\n".join(lines)


def _rows(result: Result) -> Iterator[str]:
    prose = {row.name: row for row in result.prose}
    roads = [
        ("a chunk, passed on as it is", result.figures(result.target).cpu_us),
        ("a chunk, translated", result.translation().cpu_us),
        ("a chunk, guarded: all built-ins and ten patterns", prose[f"{result.target}, guarded"].cpu_us),
        ("a chunk, everything on", prose[f"{result.target}, everything on"].cpu_us),
    ]
    for what, cpu_us in roads:
        each = BUSY * 1e6 / cpu_us
        yield f"| {what} | {cpu_us:.1f} | {_round(each)} chunks | {_round(each / CHUNKS_PER_S)} |"
    plain = [
        ("a request that does not stream", result.figures(result.target, plain=True).cpu_us),
        ("the same, everything on", result.plain_prose[-1].cpu_us),
    ]
    for what, cpu_us in plain:
        yield f"| {what} | {cpu_us:.0f} | {_round(BUSY * 1e6 / cpu_us)} requests | |"


def _memory(result: Result) -> Iterator[str]:
    mirrored, translated = result.held(result.target), result.held(result.target, translated=True)
    yield f"| a process at rest | {mirrored.idle_mib:.0f} MiB |"
    yield f"| an open stream | {mirrored.kib_per_stream:.0f} KiB; translated {translated.kib_per_stream:.0f} KiB |"


def _round(number: float) -> str:
    """Two digits that count: what is measured is not known better."""
    digits = len(str(int(number))) - 2
    return f"{int(round(number, -digits)):,}"


GENERATORS: dict[str, Callable[[], str]] = {"sizing": sizing_table}
