"""Log probabilities: Gemini's `logprobsResult` and the shape of OpenAI's chat completions, which the vocabulary uses.

Source: ai.google.dev/api/generate-content (LogprobsResult), read 2026-11-21. Gemini's token ids have no place there.
"""

from collections.abc import Sequence

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.dialects.writing import to_json


class _Token(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _Top(msgspec.Struct):
    candidates: list[_Token] = []


class _Result(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Token] = []
    top_candidates: list[_Top] = []


class _Alternative(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0


class _Chosen(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0
    top_logprobs: list[_Alternative] | None = None


class _Lists(msgspec.Struct):
    content: list[_Chosen] | None = None
    refusal: list[_Chosen] | None = None


_read_result = msgspec.json.Decoder(_Result).decode
_read_lists = msgspec.json.Decoder(_Lists).decode


def read(result: msgspec.Raw) -> msgspec.Raw | None:
    """Return a `logprobsResult` in OpenAI's shape, None if it holds no token or is of another shape."""
    try:
        known = _read_result(result)
    except UNREADABLE:
        return None
    if not known.chosen_candidates:
        return None
    tops = [*known.top_candidates, *[_Top()] * len(known.chosen_candidates)]
    rows = [
        _row(chosen) | {"top_logprobs": [_row(other) for other in top.candidates]}
        for chosen, top in zip(known.chosen_candidates, tops, strict=False)
    ]
    return msgspec.Raw(to_json({"content": rows}))


def _row(token: _Token) -> dict[str, object]:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode())}


def write(pieces: Sequence[msgspec.Raw]) -> dict[str, object] | None:
    """Return the logprobs of one chunk, or of all chunks of an answer, as one `logprobsResult`."""
    chosen: list[dict[str, object]] = []
    tops: list[dict[str, object]] = []
    for piece in pieces:
        try:
            lists = _read_lists(piece)
        except UNREADABLE:
            continue  # a vendor's own shape has no counterpart here
        for token in [*(lists.content or ()), *(lists.refusal or ())]:
            chosen.append(_written(token.token, token.logprob))
            tops.append({"candidates": [_written(other.token, other.logprob) for other in token.top_logprobs or ()]})
    return {"chosenCandidates": chosen, "topCandidates": tops} if chosen else None


def _written(token: str, logprob: float) -> dict[str, object]:
    return {"token": token, "logProbability": logprob}
