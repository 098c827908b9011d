"""The answer that says a rejection by a guard."""

from sluice.dialects.dialect import Dialect
from sluice.errors import GuardRejected
from sluice.policies.rejection import CONTENT_TYPE, content_type
from sluice.wire.http1 import Header


def reply_of(error: GuardRejected, dialect: Dialect, *, text: bool = False) -> tuple[int, list[Header], bytes]:
    """Return status, headers and body. The body is what the operator wrote, verbatim, else the error in the client's
    dialect, or as a bare sentence (`text`: the route's `errorFormat`). The gateway's own headers are the caller's to
    add."""
    if error.body is not None:
        body, kind = error.body.encode("utf-8", "replace"), content_type(error.body)
    elif text:
        body, kind = str(error).encode("utf-8", "replace"), content_type(str(error))
    else:
        body, kind = dialect.write_error(error), b"application/json"
    described = any(name == CONTENT_TYPE for name, _ in error.headers)
    return error.status, [*(() if described else ((CONTENT_TYPE, kind),)), *error.headers], body
