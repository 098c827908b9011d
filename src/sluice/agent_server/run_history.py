"""What was said in a run's thread before the run: what readers need whose protocol tells the whole conversation."""

from sluice.agents.service import Service
from sluice.runs.messages import Message
from sluice.runs.records import Run


async def history_of(service: Service, run: Run) -> tuple[Message, ...]:
    """Return the messages of a run's thread that were there before it. While it waits for its turn, that is still
    growing: ask when it has begun."""
    if not run.stored or not run.id:
        return ()
    messages = await service.store.list_messages(run.owner, run.thread_id)
    return tuple(until(messages, {message.id for message in (*run.input, *run.output)}))


def until(messages: list[Message], names: set[str]) -> list[Message]:
    """Return the messages before the first of these."""
    for place, message in enumerate(messages):
        if message.id in names:
            return messages[:place]
    return messages
