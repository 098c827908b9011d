"""Adjacent deltas of one block as one: what a viewer gets that has fallen behind."""

from collections.abc import Sequence

import msgspec

from sluice.runs.events import Event, ReasoningDelta, TextDelta, ToolInputDelta


def merged(events: Sequence[Event]) -> list[Event]:
    """Return the events with neighbouring deltas of the same block joined. The number of a joined one is its last."""
    out: list[Event] = []
    run: list[Event] = []
    for event in events:
        if run and type(event) is type(run[0]) and event.id == run[0].id:  # type: ignore[union-attr]  # its kind was asked for
            run.append(event)
            continue
        if run:
            out.append(_joined(run))
            run = []
        if isinstance(event, TextDelta | ReasoningDelta | ToolInputDelta):
            run = [event]
        else:
            out.append(event)
    if run:
        out.append(_joined(run))
    return out


def _joined(run: list[Event]) -> Event:
    if len(run) == 1:
        return run[0]
    text = "".join(event.text for event in run)  # type: ignore[union-attr]  # its kind was asked for
    return msgspec.structs.replace(run[-1], text=text)
