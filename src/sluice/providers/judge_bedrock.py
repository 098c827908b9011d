"""Amazon Bedrock Guardrails: ApplyGuardrail, which blocks or anonymizes.

Obeys: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html, read 2026-11-21. An intervention
blocks unless all that the assessments tell of it is that something was anonymized.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from sluice.providers.text_judge import APART, FINE, Asked, BadAnswer, Finding, Flagged, Masked, Question, read_with

_SOURCES = {"request": "INPUT", "response": "OUTPUT"}


class _Output(msgspec.Struct):
    text: str


class _Answer(msgspec.Struct):
    action: str
    outputs: list[_Output] = []
    assessments: list[dict[str, object]] = []


_read_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class BedrockGuardrail(msgspec.Struct, frozen=True, kw_only=True):
    """See `Form`. `identifier` is an id or an ARN, `version` a number or `DRAFT`."""

    identifier: str
    version: str

    def questions(self, asked: Asked) -> Sequence[Question]:
        path = f"/guardrail/{quote(self.identifier, safe='')}/version/{quote(self.version, safe='')}/apply"
        content = [{"text": {"text": text}} for text in asked.texts if text]
        return [Question(path, _encode({"source": _SOURCES[asked.side], "content": content}))]

    def read(self, asked: Asked, bodies: Sequence[bytes]) -> Finding:
        answer = read_with(_read_answer, bodies[0])
        if answer.action == "NONE":
            return FINE
        if answer.action != "GUARDRAIL_INTERVENED":
            raise BadAnswer("its `action` is unknown")
        actions = {action for _, action in _actions("", answer.assessments)} - {"NONE"}
        if actions != {"ANONYMIZED"}:
            blocking = {policy for policy, action in _actions("", answer.assessments) if action == "BLOCKED"}
            return Flagged(", ".join(sorted(blocking)))
        sent = [text for text in asked.texts if text]
        outputs = [output.text for output in answer.outputs]
        if len(outputs) == len(sent):
            masked = iter(outputs)
            return Masked(tuple(next(masked) if text else "" for text in asked.texts))
        if len(asked.texts) > 1:
            return APART
        raise BadAnswer("it anonymized one text to several, or to none")


def _actions(policy: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield what was done by each policy, wherever an assessment tells it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "action" and isinstance(inner, str):
                yield policy, inner
            else:
                yield from _actions(policy or str(name), inner)
    elif isinstance(value, list):
        for item in value:
            yield from _actions(policy, item)
