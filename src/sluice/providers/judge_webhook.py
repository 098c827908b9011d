"""The guardrail webhook: a service of the operator's own that passes, masks or rejects.

POST `/request` with the messages of a request, POST `/response` with the choices of an answer; it answers with one
action: `{"action": {...}}` with a `body` of as many messages or choices as it was sent (mask), with a `body` that is a
text and a `status_code` (reject), or with no `body` (pass). Of a stream `/response` is asked about one window after the
other; `context` then says what stood right before each.
Obeys: the published guardrail webhook API v0.1.0 (labs 3.6), stream-life 10.6; read 2026-11-21.
"""

from collections.abc import Sequence

import msgspec

from sluice.providers.text_judge import FINE, Asked, BadAnswer, Finding, Flagged, Masked, Question, read_with

REJECTED = 403
"""The status of a rejection that gives none."""
_ABSENT = msgspec.Raw(b"")


class _Action(msgspec.Struct):
    body: msgspec.Raw = _ABSENT
    status_code: int = REJECTED
    reason: str | None = None


class _Answer(msgspec.Struct):
    action: _Action


class _Message(msgspec.Struct):
    content: str | None = None
    """Empty or none = it is deleted."""


class _Choice(msgspec.Struct):
    message: _Message


class _Texts(msgspec.Struct):
    messages: list[_Message] | None = None
    choices: list[_Choice] | None = None


_read_answer = msgspec.json.Decoder(_Answer).decode
_read_texts = msgspec.json.Decoder(_Texts).decode
_read_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Webhook(msgspec.Struct, frozen=True):
    """See the head of this file, and `Form`."""

    def questions(self, asked: Asked) -> Sequence[Question]:
        rows = [{"role": role, "content": text} for role, text in zip(asked.roles, asked.texts, strict=True)]
        inner: dict[str, object]
        inner = {"messages": rows} if asked.side == "request" else {"choices": [{"message": row} for row in rows]}
        body: dict[str, object] = {"body": inner}
        if any(asked.context):
            body["context"] = asked.context
        return [Question(f"/{asked.side}", _encode(body))]

    def read(self, asked: Asked, bodies: Sequence[bytes]) -> Finding:
        action = read_with(_read_answer, bodies[0]).action
        start = bytes(action.body)[:1]
        if start in (b"", b"n"):
            return FINE
        if start == b'"':
            if not 200 <= action.status_code <= 599:
                raise BadAnswer("it rejected with a `status_code` that is none")
            return Flagged(action.reason or "", action.status_code, read_with(_read_text, action.body))
        texts = read_with(_read_texts, action.body)
        rows = texts.messages if asked.side == "request" else [row.message for row in texts.choices or ()]
        if rows is None or len(rows) != len(asked.texts):
            raise BadAnswer(f"it masked another number of {'messages' if asked.side == 'request' else 'choices'}")
        return Masked(tuple(row.content or "" for row in rows))
