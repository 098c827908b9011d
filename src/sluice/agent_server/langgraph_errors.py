"""Errors as LangGraph's clients read them: `{"detail"}`, and 422 for a body of the wrong shape.

It is the native problem document (RFC 9457), whose member for the sentence has the same name.
"""

import msgspec
from starlette.responses import Response

from sluice.agent_server.server import as_json, problem
from sluice.errors import BadRequest, SluiceError

UNPROCESSABLE = 422


def detail(error: SluiceError) -> Response:
    """Return an error in their shape."""
    response = problem(error)
    if not isinstance(error, BadRequest):
        return response
    body = {**msgspec.json.decode(bytes(response.body)), "status": UNPROCESSABLE}
    return as_json(body, UNPROCESSABLE, media_type="application/problem+json")
