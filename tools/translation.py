"""What becomes of a request and an answer between two dialects, told from the tables that the code runs on.

Each function returns the Markdown of one generated block of docs/reference/translation.md. Every dialect of
`sluice.standard.STANDARD` is in them.
"""

from collections.abc import Mapping
from typing import get_args

from sluice.chat.carry import FEATURES, Carry
from sluice.chat.events import FinishReason
from sluice.dialects.dialect import Dialect, Facts, Field
from sluice.standard import STANDARD
from tools.markdown import code, table

_HOW = {"carried": "yes", "dropped": "left out", "refused": "400"}
_FIELD_HOW = {"dropped": "left out", "refused": "400"}


def dialects() -> list[Facts]:
    """Return the tables of every built-in dialect, by its id."""
    return [STANDARD.get(name, Dialect).facts for name in STANDARD.ids("dialect")]  # type: ignore[type-abstract]


def carries_table() -> str:
    """Return what a provider of each dialect can be asked: a row for each feature."""
    columns = [facts for facts in dialects() if facts.carries]
    rows = [(feature.title, *(_cell(facts.carries[name]) for facts in columns)) for name, feature in FEATURES.items()]
    return table(("what is asked", *(facts.title for facts in columns)), rows)


def _cell(carry: Carry) -> str:
    return _HOW[carry.how] + (f": {carry.why}" if carry.why else "")


def fields_tables() -> str:
    """Return, for each dialect that clients speak, what becomes of each member of a request's body."""
    return "\n\n".join(_fields(facts) for facts in dialects() if facts.fields)


def _fields(facts: Facts) -> str:
    rows = [(f"`{name}`", _FIELD_HOW.get(field.how, field.how), _about(field)) for name, field in facts.fields.items()]
    return f"### {facts.title}\n\nSource: {facts.source}.\n\n" + table(("member", "how", "remark"), rows)


def _about(field: Field) -> str:
    """The reason, and the row of the table above that decides about a member which is read."""
    asked = FEATURES[field.feature].title if field.feature else ""
    return "; ".join(words for words in (f"see: {asked}" if asked else "", field.why) if words)


def finish_table() -> str:
    """Return the words for the end of an answer, as each dialect reads and writes them."""
    columns = dialects()
    rows = [
        (f"`{reason}`", *(_words(reason, facts.finish_read, facts.finish_written) for facts in columns))
        for reason in get_args(FinishReason)
    ]
    return table(("the record's word", *(facts.title for facts in columns)), rows)


def _words(reason: FinishReason, read: Mapping[str, FinishReason], written: Mapping[FinishReason, str]) -> str:
    native = [word for word, meaning in read.items() if meaning == reason]
    told = written.get(reason) if reason != "error" else None  # an error event is written, no reason
    return "; ".join(
        words for words in (f"read: {code(native)}" if native else "", f"written: `{told}`" if told else "") if words
    )
