"""Conversations that the client keeps too: what it sent, put beside what the thread has.

`useChat` and AG-UI send the whole conversation with each request. The thread's own copy of a message wins, known by its
id; what stands behind the last message that both have is new. A client that left something out behind that place has
gone back, to edit or to regenerate: the thread goes back with it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sluice.agents.service import Service
from sluice.runs.messages import Message
from sluice.runs.records import LIVE, Run


class Sent(msgspec.Struct, frozen=True):
    """One message of the client, and what it is in ours."""

    id: str
    messages: tuple[Message, ...]


class Placed(msgspec.Struct, frozen=True):
    """What a run is asked with."""

    input: tuple[Message, ...]
    replaces: bool
    """Whether `input` is the whole conversation."""
    stored: tuple[Message, ...]
    """The thread's messages, as they were."""


async def place(
    service: Service,
    owner: str,
    thread_id: str,
    sent: Sequence[Sent],
    *,
    new_from: int,
    names: Sequence[tuple[str, str]] = (),
) -> Placed:
    """Return what of the client's conversation is new. `new_from`: the place from which it is in any case; `names`:
    where their ids differ, a message of the client and one of the run that it stands for, the newest first."""
    stored = tuple(await service.store.list_messages(owner, thread_id))
    if not stored:
        return Placed(_flat(sent), False, stored)
    places = {message.id: place for place, message in enumerate(stored)}
    for name, ours in reversed(names):
        if ours in places:
            places[name] = places[ours]
    keep, fresh = _divide(stored, places, sent, new_from)
    new = _flat(fresh)
    replaces = keep < len(stored) or await live_run(service, owner, thread_id) is not None
    if not replaces:
        return Placed(new, False, stored)
    again = {message.id for message in new}
    return Placed((*(message for message in stored[:keep] if message.id not in again), *new), True, stored)


def _divide(
    stored: Sequence[Message], places: Mapping[str, int], sent: Sequence[Sent], new_from: int
) -> tuple[int, Sequence[Sent]]:
    """Return how many of the thread's messages stay, and what comes behind them."""
    for place in range(new_from - 1, -1, -1):
        known = places.get(sent[place].id)
        if known is not None:
            keep = known + 1
            while keep < len(stored) and stored[keep].role == "tool":
                keep += 1
            return keep, sent[place + 1 :]
    fresh = sent[new_from:]
    return (places.get(fresh[0].id, len(stored)) if fresh else len(stored)), fresh


def _flat(sent: Sequence[Sent]) -> tuple[Message, ...]:
    return tuple(message for one in sent for message in one.messages)


async def live_run(service: Service, owner: str, thread_id: str) -> Run | None:
    """Return the run that is under way in a thread, else one that waits for its turn, else None."""
    for status in sorted(LIVE, reverse=True):
        found = await service.store.list_runs(owner, thread_id, status=status, limit=1)
        if found:
            return found[0]
    return None


async def last_run(service: Service, owner: str, thread_id: str) -> Run | None:
    """Return the newest run of a thread."""
    found = await service.store.list_runs(owner, thread_id, limit=1)
    return found[0] if found else None
