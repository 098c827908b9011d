"""The request that asks a service about texts: what it sees of the exchange besides them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from sluice.config.judging import Forwarded, RemoteJudge
from sluice.config.pattern import compile_pattern, matches
from sluice.gateway.outbound import Draft, joined
from sluice.gateway.plain_http import host_header
from sluice.policies.scene import ASKED, Scene
from sluice.policies.value import Value
from sluice.providers.text_judge import Question
from sluice.wire import http1
from sluice.wire.http1 import HOP_BY_HOP, Header

PATH = ":path"
"""The name under which an operator sets the whole path."""
OURS = HOP_BY_HOP | {b"host", b"content-length", b"content-type", b"accept-encoding", b"expect"}
"""Headers that say something about this very request: the client's are never forwarded."""

_PATH = re.compile(r"/[!-~]{0,8191}")
_UNFIT = re.compile(r"[\r\n\0]")


def draft(
    guard: RemoteJudge, question: Question, headers: Sequence[Header], scene: Scene | None, traceparent: bytes = b""
) -> Draft:
    """Return the request. `headers` are the client's. It says nothing of the client unless the operator wants it to.
    `traceparent`: of the span that waits for it; empty = nobody traces."""
    service = guard.service
    host = host_header(service.endpoint)
    said = [(b"host", host.encode("latin-1")), (b"content-type", b"application/json"), *question.headers]
    said += _forwarded(guard.forwards, headers)
    if traceparent:
        said = [*(field for field in said if field[0] != b"traceparent"), (b"traceparent", traceparent)]
    path = f"{service.base_path}{question.path}"
    for name, text in computed(guard.headers, scene):
        if name == PATH:
            path = text if _PATH.fullmatch(text) else path
        else:
            said = [field for field in said if field[0] != name.encode()]
            said.append((name.encode(), text.encode("utf-8", "replace")))
    if service.credential is not None and service.placement.kind == "query":
        path = joined(path, service.placement.parameter(service.credential))
    elif service.credential is not None:
        said.append(service.placement.render(service.credential))
    return Draft("POST", path, host, http1.fields(said), question.body)


def computed(headers: Iterable[tuple[str, str]], scene: Scene | None) -> Iterator[tuple[str, str]]:
    """Yield what an operator's expressions come to; those that fail, or come to what no header can hold, are left
    out."""
    for name, expression in headers:
        try:
            value = None if scene is None else _value(expression).value(scene)
        except LookupError:
            continue
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, str | int | float) and not _UNFIT.search(str(value)):
            yield name, str(value)


def _forwarded(wanted: Iterable[Forwarded], headers: Iterable[Header]) -> list[Header]:
    rows = [(row.name.encode(), row) for row in wanted]
    return [
        (name, value)
        for name, value in headers
        if name not in OURS and any(name == asked and _fits(row, value.decode("latin-1")) for asked, row in rows)
    ]


def _fits(row: Forwarded, value: str) -> bool:
    return matches(_pattern(row.value), value) if row.regex else value == row.value


_pattern = lru_cache(maxsize=512)(compile_pattern)


@lru_cache(maxsize=512)
def _value(expression: str) -> Value:
    return Value(expression, sees=ASKED)
