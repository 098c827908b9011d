"""Google Cloud Model Armor: sanitizeUserPrompt and sanitizeModelResponse, which flag, or de-identify sensitive data.

All texts are asked about as one. A match of nothing but a de-identification is taken out; for that each text is asked
about by itself. A filter that could not run is no verdict.
Obeys: docs.cloud.google.com/model-armor/reference/rest/v1/SanitizationResult, read 2026-11-21.
"""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from sluice.providers.text_judge import APART, FINE, Asked, BadAnswer, Finding, Flagged, Masked, Question, read_with

_METHODS = {
    "request": (":sanitizeUserPrompt", "userPromptData"),
    "response": (":sanitizeModelResponse", "modelResponseData"),
}
_MATCH = "MATCH_FOUND"


class _Result(msgspec.Struct, rename="camel"):
    filter_match_state: str
    filter_results: dict[str, object] = {}
    invocation_result: str = "SUCCESS"


class _Answer(msgspec.Struct, rename="camel"):
    sanitization_result: _Result


_read_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class ModelArmor(msgspec.Struct, frozen=True, kw_only=True):
    """See `Form`."""

    project: str
    location: str
    template: str

    def questions(self, asked: Asked) -> Sequence[Question]:
        method, member = _METHODS[asked.side]
        names = (quote(name, safe="") for name in (self.project, self.location, self.template))
        path = "/v1/projects/{}/locations/{}/templates/{}".format(*names)
        text = "\n".join(text for text in asked.texts if text)
        return [Question(f"{path}{method}", _encode({member: {"text": text}}))]

    def read(self, asked: Asked, bodies: Sequence[bytes]) -> Finding:
        result = read_with(_read_answer, bodies[0]).sanitization_result
        if result.filter_match_state == "NO_MATCH_FOUND":
            if result.invocation_result != "SUCCESS":
                raise BadAnswer("not all of its filters could run")
            return FINE
        if result.filter_match_state != _MATCH:
            raise BadAnswer("its `filterMatchState` is unknown")
        found = sorted(name for name, each in result.filter_results.items() if _matched(each))
        masked = _deidentified(result.filter_results)
        if masked is None or found != ["sdp"]:
            return Flagged(", ".join(found))
        return Masked((masked,)) if len(asked.texts) == 1 else APART


def _matched(value: object) -> bool:
    if isinstance(value, dict):
        return any((name == "matchState" and inner == _MATCH) or _matched(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_matched, value))


def _deidentified(filters: dict[str, object]) -> str | None:
    """Return the text without its sensitive data, None if the match was not just of these."""
    value: object = filters.get("sdp")
    for name in ("sdpFilterResult", "deidentifyResult"):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get("matchState") != _MATCH:
        return None
    data = value.get("data")
    text = data.get("text") if isinstance(data, dict) else None
    return text if isinstance(text, str) else None
