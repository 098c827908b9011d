"""What a provider says in its errors, before a client or the log gets it: our credentials are taken out, and the guards
of its answers look at the rest.

    message, code, type, param ── our credentials out ── text rules ──┬── as they let it pass
                                                            │         └── longer than MAX_CHARS: its beginning
                                                            └── one rejects, or services judge answers: our own words

Providers quote in errors what they were asked: in refusals of moderation, of a schema, of a context that is too long.
A service is asked about answers, and an error is none: where services guard, the error's status says enough.
PURE. Guarantee: of an error each text is looked at exactly once. Obeys: stream-life 6 and 10.9.
"""

from collections.abc import Sequence
from typing import Final

from sluice.errors import InBandFailure, ProtocolError, Refused, SluiceError
from sluice.policies.guard_text import TextGuards
from sluice.relay.guarding import Guarding
from sluice.relay.tally import Tally

HIDDEN: Final = "***"
MAX_CHARS: Final = 1024
"""Of each text that a guard looks at. Dialects quote no more of a body that they do not know: what is as long may be
half of something."""
MORE: Final = "…"
_WITHHELD: Final = "a guard withholds what it said"


def redact(
    error: SluiceError, secrets: Sequence[str], guards: Guarding | None = None, tally: Tally | None = None
) -> None:
    """Take out of an error, in place, what nobody is to see. Call it as often as you like.

    `secrets`: see `TargetKeys.secrets`. `guards`: of the answer that the error stands for, if there are any; `tally`
    counts what they did.
    """
    for secret in secrets:
        error.args = (str(error).replace(secret, HIDDEN),)
        error.code = error.code.replace(secret, HIDDEN)
        error.type = error.type.replace(secret, HIDDEN)
        error.param = error.param.replace(secret, HIDDEN) if error.param else error.param
    if guards is not None and isinstance(error, Refused | InBandFailure | ProtocolError) and not error.guarded:
        error.guarded = True
        _guard(error, guards, Tally() if tally is None else tally)


def _guard(error: Refused | InBandFailure | ProtocolError, guards: Guarding, tally: Tally) -> None:
    kind = type(error)
    said = [str(error), error.code, error.type, error.param or ""]
    told: list[str] | None = said
    if guards.judges and not isinstance(error, ProtocolError):  # its sentence is ours, around a word of the provider's
        told = None
    elif guards.texts is not None:
        told = _let_through(guards.texts, said, ("", kind.code, kind.type), tally)
    if told is None:
        told = [_own_words(error), kind.code, kind.type, ""]
    error.args, error.code, error.type, error.param = (told[0],), told[1], told[2], told[3] or None


def _let_through(texts: TextGuards, said: list[str], ours: Sequence[str], tally: Tally) -> list[str] | None:
    """Return texts as the rules let them pass, None if one of them does not. `ours`: those that no provider said."""
    told = []
    for text in said:
        if text in ours:
            told.append(text)
            continue
        tally.checks += 1
        if len(text) < MAX_CHARS:
            passed = texts.whole(text)
        elif texts.buffers:
            return None  # such a rule wants all of it
        else:
            passed = texts.channel().feed(text[:MAX_CHARS])  # what may go on behind the cut stays in there
        tally.looked(passed)
        if passed.rejected is not None:
            return None
        told.append(passed.text if len(text) < MAX_CHARS else passed.text + MORE)
    return told


def _own_words(error: SluiceError) -> str:
    if isinstance(error, Refused):
        return f"the provider answered with status {error.status}; {_WITHHELD}"
    if isinstance(error, InBandFailure):
        return f"the provider reported an error inside its answer; {_WITHHELD}"
    return f"the provider's answer is not one of its API; {_WITHHELD}"
