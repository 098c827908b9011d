"""The texts of a request, whatever its dialect."""

from collections.abc import Callable, Mapping

import msgspec

from sluice.dialects.anthropic_messages import texts as anthropic_messages
from sluice.dialects.gemini import texts as gemini
from sluice.dialects.openai_chat import texts as openai_chat
from sluice.dialects.openai_responses import texts as openai_responses
from sluice.dialects.text_walk import USER, Walk
from sluice.errors import BadRequest

OPERATION = "operation"
"""Not a dialect: any other operation whose body is JSON."""


def _everything(walk: Walk) -> None:
    """Of a body of which nobody here knows what it means: all of it but the model's name."""
    for name in walk.fields:
        if name != "model":
            walk.json(USER, *walk.top(name))


COLLECT: Mapping[str, Callable[[Walk], None]] = {
    "dialect.openai_chat": openai_chat.collect,
    "dialect.openai_responses": openai_responses.collect,
    "dialect.anthropic_messages": anthropic_messages.collect,
    "dialect.gemini": gemini.collect,
    OPERATION: _everything,
}
"""Every dialect that clients speak, and what is none."""


def texts_of(dialect: str, fields: Mapping[str, msgspec.Raw]) -> Walk:
    """Find the texts of a request; `dialect` is the id of the client's, `fields` are the members of its body.

    Cost: O(n) in the bytes of the body. A megabyte of one text takes some milliseconds, one of many small values two
    hundred: then call it in a thread.

    Raises:
        BadRequest: a member stands twice in one object, the body is nested too deeply, or a file that claims to be text
            cannot be read.
    """
    walk = Walk(fields)
    try:
        COLLECT[dialect](walk)
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    return walk
