"""`contents` to messages: roles, parts, and which result belongs to which call.

A streaming client of Gemini's keeps each chunk as a content of its own: contents of one role that follow each other
are one message, and a model's texts that do are one text. Reasoning that came as a token is put back before what it
led to.
"""

import re
from collections import deque

from sluice.chat import seal
from sluice.chat.content import Message, Role, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, SealKind
from sluice.dialects.gemini import media, results
from sluice.dialects.gemini.facts import FIELDS
from sluice.dialects.gemini.members import Members, unsupported
from sluice.dialects.gemini.schema import MODULE_ID
from sluice.dialects.gemini.turns import Turn
from sluice.errors import BadRequest

_ROLES: dict[str, Role] = {"": "user", "user": "user", "function": "user", "tool": "user", "model": "assistant"}
_ROW = "contents[].parts[]."
_KINDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse")


def read(body: Members, words: dict[str, str]) -> list[Message]:
    """Return the messages of a request's `contents`. `words` learns the place of the first media of each kind.

    Raises:
        BadRequest: a role or a part is unknown, or a result answers no call.
    """
    reader = _History(words)
    for content in body.objects("contents"):
        content.only("role", "parts")
        word = content.text("role") or ""
        role = _ROLES.get(word)
        if role is None:
            raise BadRequest(f"Invalid value for '{content.at('role')}': '{word}'.", param=content.at("role"))
        for part in content.objects("parts"):
            reader.add(role, part)
    return reader.messages()


class _History:
    """Parts in, messages out."""

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words
        self._turns: list[Turn] = []
        self._calls = 0
        self._open: dict[int, tuple[str, str]] = {}
        """Calls without a result yet, as (id, name), by their number."""
        self._by_id: dict[str, deque[int]] = {}
        self._by_name: dict[str, deque[int]] = {}
        """Their numbers, the first first; some may have their result by now."""

    def add(self, role: Role, part: Members) -> None:
        kinds = [kind for kind in _KINDS if kind in part]
        self._judge(part, kinds)
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(Turn(role))
        turn = self._turns[-1]
        if role == "user" and "functionResponse" in kinds:
            turn.add(self._result(part))
        elif role == "assistant" and "functionCall" in kinds:
            self._call(part, turn)
        elif kinds in (["text"], []):
            _say(part, turn)
        elif role == "user" and kinds in (["inlineData"], ["fileData"]):
            turn.add(media.read(part, self._words))
        elif kinds[0] not in ("inlineData", "fileData"):
            raise BadRequest(f"'{part.at(kinds[0])}' cannot be a part of this role.", param=part.at(kinds[0]))
        else:
            raise BadRequest(f"'{part.place}' is media of the model, which no other API takes.", param=part.place)

    def _judge(self, part: Members, kinds: list[str]) -> None:
        known = [name for name in part if "." not in name and f"{_ROW}{name}" in FIELDS]
        for name in part:
            if name not in known:
                raise unsupported(part.at(name))
        if len(kinds) > 1 or not known:
            raise BadRequest(f"'{part.place}' has to hold one of {', '.join(_KINDS)}.", param=part.place)

    def _call(self, part: Members, turn: Turn) -> None:
        call = part.object("functionCall") or part
        call.only("id", "name", "args")
        name, args = call.text("name"), call.raw("args")
        if not name:
            raise BadRequest(f"Missing required parameter: '{call.at('name')}'.", param=call.at("name"))
        call_id, carried = seal.split_id(call.text("id") or "")
        sealed = part.text("thoughtSignature")
        turn.restore([*carried, *(_proofs(sealed, "call") if sealed else ())])
        call_id = call_id or _made_up(self._calls, name)
        self._open[self._calls] = call_id, name
        self._by_id.setdefault(call_id, deque()).append(self._calls)
        self._by_name.setdefault(name, deque()).append(self._calls)
        self._calls += 1
        arguments = "{}" if args is None else results.json_text(args, call.at("args"), compact=True)
        turn.add(ToolUse(id=call_id, name=name, arguments=arguments))

    def _result(self, part: Members) -> ToolResult:
        response = part.object("functionResponse") or part
        response.only("id", "name", "response", "parts")
        call_id, _ = seal.split_id(response.text("id") or "")
        name = response.text("name") or ""
        found = self._answered(self._by_id.get(call_id)) or self._answered(self._by_name.get(name))
        if found is None and not call_id:
            raise BadRequest(f"'{response.place}' answers no function call.", param=response.place)
        if found is not None:
            call_id, name = found
        return results.read(response, call_id, name, self._words)

    def _answered(self, numbers: deque[int] | None) -> tuple[str, str] | None:
        """Take the first of some calls that is open still."""
        while numbers:
            if (found := self._open.pop(numbers.popleft(), None)) is not None:
                return found
        return None

    def messages(self) -> list[Message]:
        found = (turn.message() for turn in self._turns)
        return [message for message in found if message is not None]


def _made_up(index: int, name: str) -> str:
    """The id of a call that has none: the same each time this history comes, and fit for every provider."""
    return f"call_{index}_{re.sub('[^A-Za-z0-9_-]', '_', name)[:24]}"


def _proofs(signature: str, kind: SealKind) -> tuple[Reasoning, ...]:
    """Return the reasoning of a token of ours, or Gemini's own seal."""
    return seal.unpack(signature) or (Reasoning("", seal.unwrap(signature, MODULE_ID, kind)),)


def _say(part: Members, turn: Turn) -> None:
    """Text or a thought, and its signature."""
    text, thought = part.text("text") or "", part.flag("thought") or False
    sealed = part.text("thoughtSignature")
    if text and thought:
        turn.think(text)
    elif text:
        turn.say(text)
    if not sealed:
        return
    proofs = _proofs(sealed, "reasoning" if thought else "text")
    if proofs[0].seal is not None and proofs[0].seal.origin != MODULE_ID:
        turn.restore(proofs)
    elif thought:
        turn.seal(*proofs)
    else:
        turn.add(*proofs)
