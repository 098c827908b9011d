"""What one side of a Gemini history says before the other does: parts in, in the order of `contents`, one message out.

A streaming client sends each chunk of an answer back as a part of its own, so there may be thousands. Cost: O(n) in
their number and in their bytes, whatever they are: what is already there is not looked at again for each part.
"""

from collections.abc import Sequence

from sluice.chat.content import Message, Part, Role, Text, ToolUse
from sluice.chat.seal import Reasoning


class Turn:
    """A message that grows. Texts that follow each other are one text, and so are thoughts that are not sealed yet."""

    __slots__ = ("_clean", "_done", "_pieces", "_restored", "_step", "role")

    def __init__(self, role: Role) -> None:
        self.role = role
        self._done: list[Part] = []
        """Up to the last call, that one included."""
        self._restored: list[Sequence[Reasoning]] = []
        """What came back to the beginning of the step after it; what came last stands first."""
        self._step: list[Part] = []
        """What else there is of that step."""
        self._clean = 0
        """How many of these hold no reasoning that was only shown."""
        self._pieces: list[str] = []
        """The text of the last part, if it came in pieces: it is joined when it is whole."""

    def say(self, text: str) -> None:
        """Add to the text, or begin one."""
        if self.role == "assistant" and isinstance(self._last, Text):
            self._grow(self._last.text, text)
        else:
            self.add(Text(text=text))

    def think(self, text: str) -> None:
        """Add to the thought, or begin one."""
        last = self._last
        if isinstance(last, Reasoning) and last.seal is None:
            self._grow(last.text, text)
        else:
            self.add(Reasoning(text))

    def add(self, *parts: Part) -> None:
        """Add parts as they are."""
        self._settle()
        for part in parts:
            self._step.append(part)
            if isinstance(part, ToolUse):
                self._close_step()

    def seal(self, *proofs: Reasoning) -> None:
        """Seal the thought that was shown last with the first of these; if none was, they are parts of their own."""
        self._settle()
        last = self._last
        if isinstance(last, Reasoning) and last.seal is None:
            self._step[-1] = Reasoning(last.text, proofs[0].seal)
        else:
            self._step += proofs

    def restore(self, proofs: Sequence[Reasoning]) -> None:
        """Put reasoning back to where its step began. What was shown of it, unsealed, is the same and leaves.

        A seal of a call stays right before the call.
        """
        self._settle()
        calls: list[Reasoning] = []
        earlier: list[Reasoning] = []
        for proof in proofs:
            (calls if proof.seal is not None and proof.seal.kind == "call" else earlier).append(proof)
        if earlier:
            shown = self._step[self._clean :]
            self._step[self._clean :] = [p for p in shown if not (isinstance(p, Reasoning) and p.seal is None)]
            self._clean = len(self._step)
            self._restored.append(earlier)
        if len(calls) == 1 and not calls[0].text:
            self.seal(calls[0])
        else:
            self._step += calls

    def message(self) -> Message | None:
        """Return what was said, None if nothing was."""
        self._settle()
        self._close_step()
        return Message(role=self.role, parts=tuple(self._done)) if self._done else None

    @property
    def _last(self) -> Part | None:
        """The part that may grow, its text perhaps without its last pieces."""
        return self._step[-1] if self._step else None

    def _grow(self, begun: str, text: str) -> None:
        self._pieces = self._pieces or [begun]
        self._pieces.append(text)

    def _settle(self) -> None:
        if self._pieces:
            text = "".join(self._pieces)
            self._step[-1] = Text(text=text) if isinstance(self._step[-1], Text) else Reasoning(text)
            self._pieces = []

    def _close_step(self) -> None:
        for proofs in reversed(self._restored):
            self._done += proofs
        self._done += self._step
        self._restored, self._step, self._clean = [], [], 0
