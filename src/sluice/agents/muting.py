"""What a resumed handler says for the second time: it is not written, but what stands open when it falls due to speak
again is opened anew, so that what follows has its place.

A step that was entered before the question is entered in the new log too; so is a tool call whose result is still to
come, with the message it belongs to.
"""

from typing import Any

from sluice.runs.order import RULES

Said = tuple[type, dict[str, Any]]
"""An event that was not written: its type and its fields."""


class Muted:
    """Takes events instead of the log. `reopening` gives those that open what is open."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], list[Said]] = {}

    def take(self, kind: type, fields: dict[str, Any]) -> None:
        """Take the next event that is not written."""
        rule = RULES.get(kind)
        if rule is None:
            return
        bracket = ("tool" if rule.kind == "input" else rule.kind, str(fields["id"]))
        if rule.does == "open":
            self._open[bracket] = [(kind, fields)]
        elif rule.kind == "input":
            if rule.does == "close" and bracket in self._open:
                self._open[bracket].append((kind, fields))
        elif rule.does == "close":
            self._close(bracket, kind, fields)

    def _close(self, bracket: tuple[str, str], kind: type, fields: dict[str, Any]) -> None:
        calls = [said for (name, _), said in self._open.items() if name == "tool"]
        if bracket[0] == "message" and any(said[0][1]["message_id"] == bracket[1] for said in calls):
            self._open[bracket].append((kind, fields))  # it is over, but a call in it waits for its result
            return
        closed = self._open.pop(bracket, None)
        if closed is not None and bracket[0] == "tool":
            self._forget(str(closed[0][1]["message_id"]))

    def _forget(self, message: str) -> None:
        """Forget a message that was kept only for its calls, if none is left."""
        said = self._open.get(("message", message), [])
        waits = any(key[0] == "tool" and value[0][1]["message_id"] == message for key, value in self._open.items())
        if len(said) > 1 and not waits:
            del self._open["message", message]

    def reopening(self) -> list[Said]:
        """Return what opens the steps and the calls that are open, in the order in which they were opened, and the
        messages of those calls; one that is over ends behind them."""
        calling = {said[0][1]["message_id"] for key, said in self._open.items() if key[0] == "tool"}
        opened = [
            said[0]
            for (kind, name), said in self._open.items()
            if kind in ("step", "tool") or (kind == "message" and name in calling)
        ]
        wholes = [said[1] for key, said in self._open.items() if key[0] == "tool" and len(said) > 1]
        over = [said[1] for key, said in self._open.items() if key[0] == "message" and len(said) > 1]
        return opened + wholes + over
