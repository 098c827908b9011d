"""What a graph's state begins with, of what its run was asked."""

from typing import Any

from sluice.runs.messages import DataPart
from sluice.runs.records import Run


def graph_input(run: Run, fields: frozenset[str] | None) -> dict[str, Any]:
    """Return the messages, and the members of the data that came with them, as far as the state has such fields; None =
    it takes any."""
    given = {
        name: value
        for message in run.input
        for part in message.parts
        if isinstance(part, DataPart) and isinstance(part.data, dict)
        for name, value in part.data.items()
        if fields is None or name in fields
    }
    return {"messages": list(run.input), **given} if fields is None or "messages" in fields else given
