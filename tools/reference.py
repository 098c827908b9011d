"""The reference tables of docs/, told from the code: errors, metrics, rooms, files.

Each function returns the Markdown of one generated block; tools/docs.py puts it there and checks that it is current.
What the code does not say stands here, and a missing sentence is an error.
"""

import ast
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

from sluice import errors
from sluice.telemetry import names
from sluice.telemetry.metric import ROUTE_LABELS, Metric
from tools import house
from tools.markdown import code, first_sentence, table

SOURCES = Path(__file__).resolve().parent.parent / "src" / "sluice"

# -- errors -----------------------------------------------------------------------------------------------------------

_AS_SENT: tuple[type[errors.SluiceError], ...] = (errors.Refused, errors.InBandFailure)
"""Their status, code and type are the provider's own where it gave one."""


def error_table() -> str:
    """Return every error of the tree: what a client sees, and whose fault it is."""
    return table(
        ("error", "status", "`code`", "`type`", "retryable", "fault", "log `reason`", "what happened"),
        [_error_row(kind) for kind in _leaves(errors.SluiceError)],
    )


def _leaves(root: type[errors.SluiceError]) -> Iterator[type[errors.SluiceError]]:
    """The classes that are raised, in the order of the tree; the inner ones only give defaults."""
    inner: tuple[type[errors.SluiceError], ...] = (errors.SluiceError, errors.ClientError, errors.UpstreamError)
    if root not in inner:
        yield root
    for kind in root.__subclasses__():
        yield from _leaves(kind)


def _error_row(kind: type[errors.SluiceError]) -> Sequence[str]:
    as_sent = kind in _AS_SENT
    retryable = "408, 429, 5xx" if kind is errors.Refused else "yes" if kind.retryable else "no"
    own_code = "`timeout_…`, see below" if kind is errors.TimedOut else f"`{kind.code}`"
    return (
        f"`{kind.__name__}`",
        "as sent" if kind is errors.Refused else f"{kind.status}" + _other_status(kind),
        "the provider's, or " + own_code if as_sent else own_code,
        "the provider's, or `api_error`" if as_sent else f"`{kind.type}`",
        retryable,
        kind.fault,
        "the policy's" if "reason" in _given(kind) else f"`{kind.reason}`",
        _meaning(kind),
    )


def _other_status(kind: type[errors.SluiceError]) -> str:
    return " or mapped" if kind in _AS_SENT else ", or as configured" if "status" in _given(kind) else ""


def _given(kind: type[errors.SluiceError]) -> frozenset[str]:
    """What whoever raises it says: the class has no say in it."""
    return frozenset(inspect.signature(kind).parameters)


def _meaning(kind: type[errors.SluiceError]) -> str:
    own = kind.__dict__.get("__doc__")
    return first_sentence(own) if own else _ERRORS_WITHOUT_WORDS[kind.__name__]


_ERRORS_WITHOUT_WORDS = {
    "RouteNotFound": "No route matches the request's host, path, method, headers and query.",
    "ModelNotFound": "No model of the configuration has this name.",
    "MethodNotAllowed": "A chat address was asked with something else than POST.",
    "RequestTimeout": "The client did not send its request in time.",
    "BodyTooLarge": "The request's body exceeds its limit.",
    "UnsupportedMedia": "Reserved: this version reads a body whatever its content type says.",
    "HeadTooLarge": "The request's head exceeds its limit.",
}
"""Of those whose name says it all in the code."""


def clock_table() -> str:
    """Return the codes and messages of the five clocks."""
    rows = []
    for phase in ("connect", "headers", "first_token", "idle", "total"):
        error = errors.TimedOut(phase)
        rows.append((f"`{error.code}`", str(error)))
    return table(("`code`", "message"), rows)


# -- metrics ----------------------------------------------------------------------------------------------------------


def metric_table() -> str:
    """Return every metric, in the order of the exposition, then the labels and buckets that they share."""
    rows = [
        (f"`{metric.name}`", metric.kind, metric.unit, _labels(metric), _buckets(metric), metric.help)
        for metric in names.METRICS
    ]
    return table(("name after the prefix", "kind", "unit", "labels", "buckets", "meaning"), rows)


_GROUPS = {
    "GEN_AI": names.GEN_AI_LABELS,
    "HTTP": names.HTTP_LABELS,
    "OUTCOME": names.OUTCOME_LABELS,
    "ROUTE": ROUTE_LABELS,
    "LISTENER": names.LISTENER_LABELS,
}
"""Sets of labels that several metrics have, the widest first."""


def label_table() -> str:
    """Return the sets of labels."""
    return table(("set", "labels"), [(name, code(labels)) for name, labels in _GROUPS.items()])


def _labels(metric: Metric) -> str:
    for name, group in _GROUPS.items():
        if metric.labels[: len(group)] == group:
            return " + ".join([name, *(f"`{label}`" for label in metric.labels[len(group) :])])
    return code(metric.labels)


def _buckets(metric: Metric) -> str:
    bounds = [f"{bound:.12g}" for bound in metric.buckets]
    return f"{len(bounds)}, {bounds[0]} to {bounds[-1]}" if bounds else ""


# -- the house --------------------------------------------------------------------------------------------------------


def law_table() -> str:
    """Return which room may import which, lowest first."""
    rows = []
    for room, below in house.ROOMS.items():
        if (SOURCES / room).is_dir() or (SOURCES / f"{room}.py").is_file():
            kind = "pure" if room in house.PURE else "async, opens nothing" if room == "gateway" else "outside"
            there = [name for name in below if (SOURCES / name).is_dir() or (SOURCES / f"{name}.py").is_file()]
            rows.append((f"`{room}`", kind, code(there)))
    return table(("room", "kind", "may import, besides itself, `errors` and `registry`"), rows)


def file_list() -> str:
    """Return every file of the package with the first sentence of its head, by room."""
    parts = []
    for folder in sorted([SOURCES, *(path for path in SOURCES.rglob("*") if (path / "__init__.py").is_file())]):
        files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
        name = folder.relative_to(SOURCES.parent).as_posix()
        rows = [(f"`{path.name}`", _head(path)) for path in files]
        parts.append(f"**`{name}/`** {_head(folder / '__init__.py')}\n\n{table(('file', 'what it is'), rows)}")
    return "\n\n".join(parts)


def _head(path: Path) -> str:
    return first_sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
