"""One frame of `sluice top`, from one snapshot: totals and their last minute, streams, ends, targets.

Only text that is printable reaches the terminal: names of models and paths are what clients wrote.
"""

from collections.abc import Callable, Sequence
from unicodedata import combining

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sluice.admin.live import Point, View
from sluice.gateway.watching import Flight, TargetNow
from sluice.telemetry.recent import Ended, went_wrong

_BARS = "▁▂▃▄▅▆▇█"
SPARK = 60
"""Seconds of a sparkline, where there is room."""
_WORDS = 58
"""Columns beside two sparklines."""
OVER_S = 5
"""Seconds that a rate is the mean of."""
SILENT_S = 5.0
WIDE = 110
"""Columns from which on all of a table is shown."""
_HEAD_ROWS = 11
"""That are no row of a table."""
PHASES = {
    "queued": ("at the door", "yellow"),
    "preparing": ("in policies", ""),
    "asking": ("asking", ""),
    "first_token": ("no token yet", ""),
    "streaming": ("streaming", "cyan"),
    "held": ("held by a guard", "yellow"),
    "slow_client": ("slow client", "yellow"),
    "reading_on": ("read on, client left", "yellow"),
    "answering": ("answering", "cyan"),
    "finishing": ("finishing", "cyan"),
}


def frame(seen: View, width: int, *, rows: int, lost: str = "") -> RenderableType:
    """Return one frame. `rows`: of the screen, 0 = as many as there are; `lost`: why there is nothing newer."""
    targets = seen.targets if not rows else seen.targets[: max(2, rows // 5)]
    free = max(4, rows - _HEAD_ROWS - len(targets)) if rows else 0
    half = (free + 1) // 2 if rows else None
    parts: list[RenderableType] = [_title(seen, lost), _charts(seen.points, width), Text()]
    parts.append(_flights(seen, width, half))
    parts.append(Text())
    parts.append(_ends(seen.ended[: free // 2] if rows else seen.ended[:20], width))
    if targets:
        parts += [Text(), _targets(targets, width)]
    return Group(*parts)


def _title(seen: View, lost: str) -> Text:
    state = Text(f" {lost}", "bold red") if lost else Text(" live" if seen.ready else " not ready", "green")
    said = [seen.version, _workers(seen) if seen.workers else "", f"up {seconds(seen.uptime_s)}"]
    phases = ", ".join(f"{count} {PHASES.get(phase, (phase, ''))[0]}" for phase, count in seen.phases.items())
    return Text.assemble(
        ("Sluice", "bold"), state, (f"  {' · '.join(filter(None, said))}  ", "dim"), f"{seen.exchanges} in flight",
        (f": {phases}" if phases else "", "dim"),
    )  # fmt: skip


def _workers(seen: View) -> str:
    return f"{seen.workers - seen.silent} of {seen.workers} workers" if seen.silent else f"{seen.workers} workers"


def _charts(points: Sequence[Point], width: int) -> Table:
    table = Table.grid(padding=(0, 2))
    shown = max(8, min(SPARK, (width - _WORDS) // 2))
    newest = points[-OVER_S:]
    last = points[-1] if points else None

    def mean(of: Callable[[Point], float]) -> float:
        return sum(map(of, newest)) / len(newest) if newest else 0.0

    first = [point for point in points if point.ttft_p50_ms is not None]
    ttft = f"{_ms(first[-1].ttft_p50_ms)} · {_ms(first[-1].ttft_p95_ms)}" if first else "–"
    errors = mean(lambda point: point.errors)
    for left, right in (
        (
            ("requests/s", f"{mean(lambda point: point.requests):.1f}", [point.requests for point in points], ""),
            ("tokens/s", f"{mean(lambda point: point.tokens):.0f}", [point.tokens for point in points], ""),
        ),
        (
            ("first token", ttft, [point.ttft_p50_ms or 0.0 for point in points], ""),
            ("streams", str(last.streams if last else 0), [point.streams for point in points], ""),
        ),
        (
            ("errors/s", f"{errors:.1f}", [point.errors for point in points], "red" if errors else ""),
            ("loop behind", _ms(last.lag_ms if last else None), [point.lag_ms for point in points], ""),
        ),
    ):
        cells: list[Text] = []
        for name, value, values, style in (left, right):
            cells += [Text(name, "dim"), Text(value, f"bold {style}".strip(), justify="right", no_wrap=True)]
            cells.append(Text(spark(values[-shown:]), style or "cyan", no_wrap=True))
        table.add_row(*cells)
    return table


def _flights(seen: View, width: int, most: int | None) -> RenderableType:
    if not seen.flights:
        return Text("nothing is under way", "dim")
    wide = width >= WIDE
    more = (["route", "target"], ["tokens"]) if wide else ([], [])
    names = ["phase", "model", *more[0], "first", "tok/s", *more[1], "silent", "age"]
    table = _table(names, left=4 if wide else 2, first=20)
    rows = seen.flights
    if most is not None and len(rows) > most:  # those that are silent say the most
        rows = sorted(rows, key=lambda row: row.quiet_s, reverse=True)[:most]
        rows.sort(key=lambda row: row.age_s, reverse=True)
    for row in rows:
        table.add_row(*_flight(row, wide))
    return table


def _flight(row: Flight, wide: bool) -> list[Text]:
    phase, style = PHASES.get(row.phase, (row.phase, ""))
    silent = row.quiet_s >= SILENT_S
    place = [Text(plain(_where(row.route, row.path)), "dim"), Text(plain(row.target or "–"), "dim")] if wide else []
    return [
        Text(phase, style),
        Text(plain(row.model or "–")),
        *place,
        Text(seconds(row.ttft_s)),
        Text("–" if row.tokens_per_s is None else f"{row.tokens_per_s:.1f}"),
        *([Text(str(row.tokens) if row.streaming else "–")] if wide else []),
        Text(seconds(row.quiet_s), "yellow" if silent else "dim"),
        Text(seconds(row.age_s), "dim"),
    ]


def _ends(rows: Sequence[Ended], width: int) -> RenderableType:
    if not rows:
        return Text("nothing has ended yet", "dim")
    wide = width >= WIDE
    names = ["ended", "model", *(["route", "asked"] if wide else []), "status", "first", "tok/s", "took", "ago"]
    table = _table(names, left=4 if wide else 2)
    newest = rows[0].at
    for row in rows:
        wrong = went_wrong(row.outcome, row.status)
        said = f"{row.outcome}: {row.error}" if row.error else row.outcome
        if row.error and row.outcome in ("upstream_error", row.error):  # which would say it twice
            said = row.error
        place = [Text(plain(_where(row.route, row.path)), "dim"), Text(row.endpoint or "–", "dim")] if wide else []
        table.add_row(
            Text(plain(said.replace("_", " ")), "red" if wrong else ""),
            Text(plain(row.model or "–")),
            *place,
            Text(str(row.status or "–"), "red" if wrong else ""),
            Text(seconds(row.ttft_s)),
            Text("–" if row.tokens_per_s is None else f"{row.tokens_per_s:.1f}"),
            Text(seconds(row.duration_s)),
            Text(seconds(newest - row.at), "dim"),
        )
    return table


def _targets(rows: Sequence[TargetNow], width: int) -> Table:
    wide = width >= WIDE
    names = ["target", "state", *(["backend", "address"] if wide else []), "success", "head after", "under way"]
    table = _table(names, left=4 if wide else 2)
    for row in rows:
        state, style = "well", "green"
        if row.state == "resting":
            state, style = f"rests {seconds(row.rests_s)}", "red"
        elif row.state == "half-open" or row.failures:
            state, style = (f"{row.failures} failed" if row.state == "open" else "is tried again"), "yellow"
        place = [Text(row.backend, "dim"), Text(row.endpoint, "dim")] if wide else []
        worker = f" · worker {row.worker}" if row.worker else ""
        table.add_row(
            Text(row.name + worker),
            Text(state, style),
            *place,
            Text(f"{row.success:.0%}"),
            Text(seconds(row.latency_s)),
            Text(str(row.pending)),
        )
    return table


def _table(names: Sequence[str], *, left: int, first: int | None = None) -> Table:
    """`left`: how many columns are text, and share what is free; `first`: the width of one that takes none."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for at, name in enumerate(names):
        if at < left:
            width = None if at else first
            ratio = None if width else 1 if at else 2
            table.add_column(name, width=width, ratio=ratio, no_wrap=True, overflow="ellipsis")
        else:
            table.add_column(name, width=max(7, len(name)), justify="right", no_wrap=True)
    return table


def _where(route: str, path: str) -> str:
    return route if route != "unknown" else path


# -- words for numbers ------------------------------------------------------------------------------------------------


def spark(values: Sequence[float]) -> str:
    """Return a line of bars, one for each value, the highest the whole height."""
    top = max(values, default=0.0)
    return "".join(_BARS[min(7, int(value / top * 7.999))] if top else _BARS[0] for value in values)


def seconds(value: float | None) -> str:
    """Return a time as people say it; None = `–`."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"


def plain(text: str) -> str:
    """Return what of a text a terminal takes for text, one sign to a place: marks that pile up cover other rows."""
    return "".join(each if each.isprintable() and not combining(each) else "�" for each in text)


def _ms(value: float | None) -> str:
    return seconds(None if value is None else value / 1000)
