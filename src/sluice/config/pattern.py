"""Regular expressions that may run on clients' text.

PURE. An operator's pattern meets text that a stranger chose, on the event loop. So patterns are bounded in length,
limited to the constructs of RE2 (no look-around, no back-references), and refused when their backtracking could grow
faster than the square of the text; the text they run on is bounded by MAX_SUBJECT.
"""

import re
import warnings

MAX_PATTERN = 1024
"""Longest pattern, in characters (Gateway API)."""
MAX_SUBJECT = 2048
"""Longest text that is matched; a longer one does not match. The square of it is some ten milliseconds."""
MAX_WORK = MAX_SUBJECT**2
"""Ways of dividing the text between the parts of a pattern: two unbounded repetitions that compete with what follows
them.
"""
MAX_COUNT = 100
"""Largest number in `{n,m}`."""

_TOKEN = re.compile(
    r"(?P<open>\((?:\?(?::|P<\w+>))?)|(?P<close>\))|(?P<or>\|)|(?P<repeat>[*+?]|\{\d+(?:,\d*)?\})"
    r"|(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<anchor>[\^$]|\\[bBAZ])|(?P<atom>\\.|[^\\])",
    re.DOTALL,
)


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return the compiled pattern; use `matches` to apply it.

    Raises:
        ValueError: not a regular expression, or one that could run away; the message says which.
    """
    if len(text) > MAX_PATTERN:
        raise ValueError(f"the regular expression is longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python may read differently one day, `[[` or `[a--b]`
            # DOTALL: a final `.*` then never has to give anything back.
            pattern = re.compile(text, re.DOTALL)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"not a regular expression: {getattr(error, 'msg', error)}") from None
    _check(text)
    return pattern


def matches(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether the whole text matches."""
    return len(text) <= MAX_SUBJECT and pattern.fullmatch(text) is not None


class _Group:
    """An open group, while its tokens are read."""

    def __init__(self) -> None:
        self.ways, self.choices = 1, 1
        self.varies = False
        """It holds a repetition or an alternative: repeating it without bound would multiply the ways without bound."""


def _check(text: str) -> None:
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text)]
    groups = [_Group()]
    for index, (kind, token) in enumerate(tokens):
        here = groups[-1]
        following = tokens[index + 1] if index + 1 < len(tokens) else ("", "")
        if kind == "open":
            if following == ("repeat", "?"):
                raise ValueError("look-around and options are not allowed in a regular expression")
            groups.append(_Group())
        elif kind == "close":
            groups.pop()
            groups[-1].ways *= _times(here, following)
            groups[-1].varies |= here.varies
        elif kind == "or":
            here.varies = True
            here.choices += 1
        elif kind == "repeat" and tokens[index - 1][0] != "repeat":  # the second of `*?` and `*+` is only a mode
            here.varies = True
            here.ways *= _ways(tokens, index, tried_often=any(group.ways >= MAX_SUBJECT for group in groups))
        elif kind == "atom" and len(token) == 2 and token[1].isdigit():
            raise ValueError("back-references are not allowed in a regular expression")
        if groups[-1].ways > MAX_WORK:
            break
    if groups[-1].ways * groups[-1].choices > MAX_WORK:
        raise ValueError("the regular expression could take too long: make its repetitions exclude what follows them")


def _times(group: _Group, following: tuple[str, str]) -> int:
    """How many ways a closed group brings in, with the repetition that follows it."""
    ways = group.ways * group.choices
    if following[0] != "repeat" or following[1] == "?":
        return ways
    numbers = _numbers(following[1])
    if not numbers or following[1].endswith(",}"):
        if group.varies:
            raise ValueError("a repetition or alternative inside a repeated group is not allowed")
        return ways
    return min(int(ways ** numbers[-1]), MAX_WORK + 1)


def _ways(tokens: list[tuple[str, str]], index: int, *, tried_often: bool) -> int:
    """How many lengths a repetition may have to be tried with: 1 if what follows tells where it ends.

    Finding that end still costs a walk; it counts when what stands before is tried over and over.
    """
    repeat, (kind, atom) = tokens[index][1], tokens[index - 1]
    numbers = _numbers(repeat)
    following, literal = tokens[index + 1] if index + 1 < len(tokens) else ("", "")
    if following == "" and atom == "." and repeat in ("*", "+"):
        return 1
    lengths = 2 if repeat == "?" else MAX_SUBJECT
    if numbers and not repeat.endswith(",}"):
        lengths = numbers[-1] - numbers[0] + 1
    if tried_often or kind not in ("atom", "class"):
        return lengths
    is_literal = following == "atom" and (literal != "." if len(literal) == 1 else not literal[1].isalnum())
    excludes = following == "" or (is_literal and re.fullmatch(atom, literal[-1], re.DOTALL) is None)
    return 1 if excludes else lengths


def _numbers(repeat: str) -> list[int]:
    numbers = [int(number) for number in re.findall(r"[0-9]+", repeat)]
    if max(numbers, default=0) > MAX_COUNT:
        raise ValueError(f"a repetition count above {MAX_COUNT} is not allowed in a regular expression")
    return numbers
