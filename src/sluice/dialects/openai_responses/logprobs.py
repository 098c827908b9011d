"""Log probabilities: rows of this API, and the shape that the vocabulary carries.

The vocabulary has `{"content": [...], "refusal": ...}`, as chat completions do.

The rows are alike: `token`, `logprob`, `top_logprobs`, and in whole answers `bytes`.
"""

from collections.abc import Iterator
from itertools import accumulate

import msgspec

from sluice.chat.content import Text
from sluice.chat.fold import Choice
from sluice.dialects.reading import ABSENT, UNREADABLE


class _Top(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None


class TokenRow(msgspec.Struct):
    """One token."""

    token: str
    logprob: float = 0.0
    bytes: list[int] | None = None
    top_logprobs: list[_Top] | None = None


class _Carried(msgspec.Struct):
    content: list[TokenRow] | None = None


_rows = msgspec.json.Decoder(list[TokenRow] | None)
_carried = msgspec.json.Decoder(_Carried)


def read(raw: msgspec.Raw) -> msgspec.Raw | None:
    """Return the logprobs of a delta for the vocabulary; None if there are none, or in a vendor's own shape."""
    if raw is ABSENT or bytes(raw) in (b"[]", b"null"):
        return None
    try:
        rows = _rows.decode(raw)
    except UNREADABLE:
        return None
    full = [_full(row) for row in rows or ()]
    return msgspec.Raw(msgspec.json.encode({"content": full, "refusal": None})) if full else None


def rows_of(carried: msgspec.Raw | None) -> list[TokenRow]:
    """Return the rows of a text's tokens."""
    if carried is None:
        return []
    try:
        return _carried.decode(carried).content or []
    except UNREADABLE:
        return []  # a vendor's own shape


def shared(choice: Choice) -> Iterator[msgspec.Raw | None]:
    """Return, for each text of a whole choice, its share of the logprobs: tokens until they make up the text; the last
    text takes what is left."""
    rows = [row for piece in choice.logprobs for row in rows_of(piece)]
    texts = [part.text for part in choice.parts if isinstance(part, Text)]
    for number, text in enumerate(texts):
        taken = len(rows)
        if number < len(texts) - 1:
            lengths = accumulate(len(row.token) for row in rows)
            taken = sum(length <= len(text) for length in lengths)
        mine, rows = rows[:taken], rows[taken:]
        yield msgspec.Raw(msgspec.json.encode({"content": in_part(mine)})) if mine else None


def in_delta(rows: list[TokenRow]) -> list[dict[str, object]]:
    """As the events of a stream have them: without bytes."""
    return [
        {
            "token": row.token,
            "logprob": row.logprob,
            "top_logprobs": [{"token": top.token, "logprob": top.logprob} for top in row.top_logprobs or ()],
        }
        for row in rows
    ]


def in_part(rows: list[TokenRow]) -> list[dict[str, object]]:
    """As a finished content part has them: with bytes."""
    return [_full(row) for row in rows]


def _full(row: TokenRow) -> dict[str, object]:
    return {
        "token": row.token,
        "logprob": row.logprob,
        "bytes": _bytes(row),
        "top_logprobs": [
            {"token": top.token, "logprob": top.logprob, "bytes": _bytes(top)} for top in row.top_logprobs or ()
        ],
    }


def _bytes(row: TokenRow | _Top) -> list[int]:
    return list(row.token.encode()) if row.bytes is None else row.bytes
