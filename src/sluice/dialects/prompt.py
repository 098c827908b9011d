"""What a request says to a model, message by message, for people to read: whatever its dialect, and also where it could
not be translated. Definitions of tools are left out, calls and their results are told as texts."""

from collections.abc import Mapping

import msgspec

from sluice.dialects.texts import COLLECT, texts_of

_SAYING = frozenset(
    ["messages", "system", "instructions", "input", "contents", "systemInstruction", "system_instruction"]
)
"""Members of a body, of any dialect, in which somebody speaks."""


def prompt_of(dialect: str, fields: Mapping[str, msgspec.Raw]) -> list[tuple[str, str]]:
    """Return role (`system`, `user`, `assistant`, `tool`) and text of each message; `dialect` is the id of the
    client's, `fields` are the members of its body.

    Raises:
        LookupError: nobody here knows where this dialect's texts stand.
        BadRequest: see `texts_of`.
    """
    if dialect not in COLLECT:
        raise LookupError("this dialect has no prompt")
    said: list[tuple[str, str]] = []
    run = 0
    for text in texts_of(dialect, {name: raw for name, raw in fields.items() if name in _SAYING}).texts:
        if said and text.run == run and said[-1][0] == text.role:
            said[-1] = text.role, said[-1][1] + text.text
        else:
            said.append((text.role, text.text))
        run = text.run
    return said
