"""Azure AI Content Safety: text:analyze, which grades by category, and the detection of jailbreaks. It never masks.

All texts are asked about as one, in pieces as long as the API takes.
Obeys: learn.microsoft.com/rest/api/contentsafety (text-operations: analyze text, detect text jailbreak, shield prompt),
read 2026-11-21.
"""

from collections.abc import Sequence

import msgspec

from sluice.providers.text_judge import FINE, Asked, Finding, Flagged, Question, pieces, read_with

ANALYZE_VERSION = "2024-09-01"
JAILBREAK_VERSION = "2024-02-15-preview"
SHIELD_VERSION = "2024-09-01"
"""From this version on jailbreaks are detected by `text:shieldPrompt`, before by `text:detectJailbreak`."""
MAX_ANALYZED = 10_000
MAX_SHIELDED = 10_000
MAX_DETECTED = 1_000
"""Characters of one text."""


class _Category(msgspec.Struct):
    category: str
    severity: int | None = None


class _Analysis(msgspec.Struct, rename="camel"):
    categories_analysis: list[_Category]
    blocklists_match: list[dict[str, object]] = []


class _Detected(msgspec.Struct, rename="camel"):
    detected: bool


class _Attack(msgspec.Struct, rename="camel"):
    attack_detected: bool


class _Jailbreak(msgspec.Struct, rename="camel"):
    jailbreak_analysis: _Detected


class _Shield(msgspec.Struct, rename="camel"):
    user_prompt_analysis: _Attack


_read_analysis = msgspec.json.Decoder(_Analysis).decode
_read_jailbreak = msgspec.json.Decoder(_Jailbreak).decode
_read_shield = msgspec.json.Decoder(_Shield).decode
_encode = msgspec.json.Encoder().encode


class ContentSafety(msgspec.Struct, frozen=True, kw_only=True):
    """See `Form`. One of the two versions is not empty, and on a response that is `analyze_version`."""

    analyze_version: str = ANALYZE_VERSION
    """Empty = texts are not graded."""
    severity: int = 2
    """A category that is graded this high, 0 to 7, is flagged."""
    blocklists: tuple[str, ...] = ()
    halt_on_blocklist: bool | None = None
    jailbreak_version: str = ""
    """Empty = jailbreaks are not looked for. They are in requests alone."""

    def questions(self, asked: Asked) -> Sequence[Question]:
        text = "\n".join(text for text in asked.texts if text)
        analyzed = pieces([text], MAX_ANALYZED) if self.analyze_version else []
        return [*map(self._analyze, analyzed), *map(self._detect, self._suspects(asked.side, text))]

    def read(self, asked: Asked, bodies: Sequence[bytes]) -> Finding:
        text = "\n".join(text for text in asked.texts if text)
        last = len(bodies) - len(self._suspects(asked.side, text))
        reasons = [reason for body in bodies[:last] for reason in self._graded(body)]
        reasons += ["jailbreak" for body in bodies[last:] if self._is_jailbreak(body)]
        return Flagged(", ".join(dict.fromkeys(reasons))) if reasons else FINE

    def _suspects(self, side: str, text: str) -> list[str]:
        """What to look for jailbreaks in."""
        if not self.jailbreak_version or side != "request":
            return []
        return pieces([text], MAX_SHIELDED if self._shields else MAX_DETECTED)

    @property
    def _shields(self) -> bool:
        return self.jailbreak_version >= SHIELD_VERSION

    def _analyze(self, text: str) -> Question:
        body: dict[str, object] = {"text": text}
        if self.blocklists:
            body["blocklistNames"] = self.blocklists
        if self.halt_on_blocklist is not None:
            body["haltOnBlocklistHit"] = self.halt_on_blocklist
        return Question(f"/contentsafety/text:analyze?api-version={self.analyze_version}", _encode(body))

    def _detect(self, text: str) -> Question:
        if self._shields:
            body = _encode({"userPrompt": text, "documents": []})
            return Question(f"/contentsafety/text:shieldPrompt?api-version={self.jailbreak_version}", body)
        path = f"/contentsafety/text:detectJailbreak?api-version={self.jailbreak_version}"
        return Question(path, _encode({"text": text}))

    def _graded(self, body: bytes) -> list[str]:
        analysis = read_with(_read_analysis, body)
        found = [row.category for row in analysis.categories_analysis if (row.severity or 0) >= self.severity]
        return [*found, *(["blocklist"] if analysis.blocklists_match else [])]

    def _is_jailbreak(self, body: bytes) -> bool:
        if self._shields:
            return read_with(_read_shield, body).user_prompt_analysis.attack_detected
        return read_with(_read_jailbreak, body).jailbreak_analysis.detected
