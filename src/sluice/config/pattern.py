"""Regular expressions that may run on clients' text.

PURE. An operator's pattern meets text that a stranger chose, on the event loop. So patterns are bounded in length,
limited to the constructs of RE2 (no look-around, no back-references), and refused when their backtracking could grow
faster than the square of the text; the text they run on is bounded by MAX_SUBJECT.
"""

import re

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
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {getattr(error, 'msg', error)}") from None
    _check(text)
    return pattern


def matches(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether the whole text matches."""
    return len(text) <= MAX_SUBJECT and pattern.fullmatch(text) is not None


def _check(text: str) -> None:
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text)]
    work = 1  # how many ways of dividing the text between its parts the matcher may have to try
    inside, choices = [False], [1]  # per open group: does repeating it multiply the ways? how many alternatives has it?
    for index, (kind, token) in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else ("", "")
        if kind == "open":
            if following == ("repeat", "?"):
                raise ValueError("look-around and options are not allowed in a regular expression")
            inside.append(False)
            choices.append(1)
        elif kind == "close":
            work *= choices.pop()
            dangerous = inside.pop()
            if dangerous and following[0] == "repeat" and following[1] != "?":
                raise ValueError("a repetition or alternative inside a repeated group is not allowed")
            inside[-1] |= dangerous
        elif kind == "or":
            inside[-1] = True
            choices[-1] += 1
        elif kind == "repeat" and tokens[index - 1][0] != "repeat":  # the second of `*?` and `*+` is only a mode
            inside[-1] = True
            work *= _ways(tokens, index)
        elif kind == "atom" and len(token) == 2 and token[1].isdigit():
            raise ValueError("back-references are not allowed in a regular expression")
    if work * choices[0] > MAX_WORK:
        raise ValueError("the regular expression could take too long: make its repetitions exclude what follows them")


def _ways(tokens: list[tuple[str, str]], index: int) -> int:
    """How many lengths a repetition may have to be tried with: 1 if what follows tells where it ends."""
    repeat, (kind, atom) = tokens[index][1], tokens[index - 1]
    numbers = [int(number) for number in re.findall(r"[0-9]+", repeat)]
    if max(numbers, default=0) > MAX_COUNT:
        raise ValueError(f"a repetition count above {MAX_COUNT} is not allowed in a regular expression")
    following, literal = tokens[index + 1] if index + 1 < len(tokens) else ("", "")
    if following == "":
        return 1
    is_literal = following == "atom" and (literal != "." if len(literal) == 1 else not literal[1].isalnum())
    if kind in ("atom", "class") and is_literal and re.fullmatch(atom, literal[-1]) is None:
        return 1
    if repeat == "?":
        return 2
    return numbers[-1] - numbers[0] + 1 if numbers and not repeat.endswith(",}") else MAX_SUBJECT
