"""Questions to people: asked once, answered once, and remembered along the chain of runs that one handler needs.

The handler that asked runs again from its start when the answer is there (agents.md E.14). So a question has an
identifier that the same handler gives it every time: its place in the graph and its number there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sluice.agents.asked import Answer
from sluice.agents.writer import Writer
from sluice.errors import BadRequest, Conflict
from sluice.runs.events import InterruptRequested, InterruptResolved
from sluice.runs.records import Run


class Interrupted(BaseException):
    """The run ends here and waits for an answer. No `Exception`: a handler's own net must not catch it."""


class InterruptCancelled(Exception):
    """Who was asked will not answer. A handler that does not mind ends as cancelled."""


class Interrupts:
    """The questions of one run."""

    def __init__(self, run: Run, writer: Writer) -> None:
        self._root = run.root or run.id
        self._answers = run.answers
        self._left = set(run.answered)
        """Answers of this run that the handler has not come to yet; until it has, the writer is mute."""
        self._writer = writer
        self._counts: dict[tuple[str, ...], int] = {}

    def next_id(self, path: tuple[str, ...] = ()) -> str:
        """Return the identifier of the next question asked from this place."""
        count = self._counts[path] = self._counts.get(path, 0) + 1
        return "-".join(("int", self._root, *path, str(count)))

    def answer_to(self, id: str) -> Answer | None:  # noqa: A002  # the question's own
        """Return the answer to a question, if it is there."""
        found = self._answers.get(id)
        return None if found is None else Answer(status=found["status"], value=found.get("value"))

    def ask(
        self,
        id: str,  # noqa: A002 - the field's name
        question: Any,
        *,
        schema: Any = None,
        expires_at: int | None = None,
        reason: Literal["input", "approval", "tool"] = "input",
        tool_id: str = "",
        path: tuple[str, ...] = (),
    ) -> Any:
        """Return the answer; or write the question and end the run.

        Raises:
            Interrupted: there is no answer yet. It must reach the run.
            InterruptCancelled: the answer is that there will be none.
        """
        answer = self.answer_to(id)
        if answer is None:
            self._writer.unmute()
            fields = {"question": question, "reason": reason, "schema": schema, "expires_at": expires_at}
            self._writer.put(InterruptRequested, id=id, tool_id=tool_id, path=path, **fields)
            raise Interrupted(id)
        self.passed(id)
        if answer.status == "cancelled":
            raise InterruptCancelled(f"the question {id!r} was not answered")
        return answer.value

    def passed(self, id: str) -> None:  # noqa: A002 - the field's name
        """The handler has come to an answered question: behind the last that this run answers it speaks again."""
        self._left.discard(id)
        if not self._left:
            self._writer.unmute()


def begin(run: Run, writer: Writer, *, again: bool = False) -> None:
    """Write which questions this run answers, unless the log says so already, and be mute until its handler has come to
    them."""
    for id in () if again else run.answered:  # noqa: A001 - the field's name
        answer = run.answers[id]
        writer.put(InterruptResolved, id=id, status=answer["status"], value=answer.get("value"))
    if run.answered:
        writer.mute()


def answers_to(
    open_questions: Sequence[InterruptRequested], answers: Mapping[str, Answer], now: int
) -> dict[str, Answer]:
    """Return the answers by the identifiers of the questions; `*` answers the first that has none of its own.

    Raises:
        BadRequest: an answer to no open question.
        Conflict: the time to answer has passed.
    """
    known = {question.id: question for question in open_questions}
    matched: dict[str, Answer] = {}
    for id, answer in answers.items():  # noqa: A001 - the field's name
        free = [name for name in known if name not in matched and name not in answers]
        place = (free[0] if free else "") if id == "*" else id
        if place not in known:
            raise BadRequest(
                f"there is no open question {id!r}; there are {', '.join(known) or 'none'}", param="answers"
            )
        expires_at = known[place].expires_at
        if expires_at is not None and expires_at <= now:
            raise Conflict(f"the time to answer {place!r} has passed")
        matched[place] = answer
    return matched
