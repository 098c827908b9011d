"""OpenAI's moderation endpoint: it flags, and never masks.

Obeys: platform.openai.com/docs/api-reference/moderations, read 2026-11-21.
"""

from collections.abc import Sequence

import msgspec

from sluice.providers.text_judge import FINE, Asked, BadAnswer, Finding, Flagged, Question, read_with

DEFAULT_MODEL = "omni-moderation-latest"


class _Result(msgspec.Struct):
    flagged: bool
    categories: dict[str, bool | None] = {}


class _Answer(msgspec.Struct):
    results: list[_Result]


_read_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class Moderation(msgspec.Struct, frozen=True):
    """See `Form`."""

    model: str = DEFAULT_MODEL

    def questions(self, asked: Asked) -> Sequence[Question]:
        texts = [text for text in asked.texts if text]  # the API refuses an empty one
        return [Question("/moderations", _encode({"model": self.model, "input": texts}))]

    def read(self, asked: Asked, bodies: Sequence[bytes]) -> Finding:
        results = read_with(_read_answer, bodies[0]).results
        if len(results) != sum(1 for text in asked.texts if text):
            raise BadAnswer("it judged another number of texts")
        if not any(result.flagged for result in results):
            return FINE
        found = {name for result in results for name, is_found in result.categories.items() if is_found}
        return Flagged(", ".join(sorted(found)))
