"""Patterns and texts without sense, drawn from a seed: few letters, so that they meet."""

from random import Random

_BOUNDED = ("?", "??", "{2}", "{1,2}", "{0,2}?", "{0,3}", "{,2}", "{2,3}?")
_ENDLESS = ("*", "+", "*?", "+?", "{2,}", "{1,}?", "{0,}")
_CHARACTERS = ("a", "b", "c", "[ab]", "[^a]", ".", r"\w", r"\W", r"\n", r"\s", "-", "[b-]", "(?s:.)", "(?i:A)")
_PLACES = (r"\b", r"\B", "^", "$", "(?m:^)", "(?m:$)", r"\A", r"\Z", r"\z", r"(?a:\b)")
LETTERS = "aabbc-\n "


def pattern(rng: Random, depth: int, *, bounded: bool = False) -> str:
    """Return a pattern of so many levels; `bounded`: without endless repeats."""
    kind = rng.random()
    if depth == 0 or kind < 0.3:
        return rng.choice(_PLACES if rng.random() < 0.2 else ("",) if rng.random() < 0.05 else _CHARACTERS)
    inner = [pattern(rng, depth - 1, bounded=bounded) for _ in range(rng.randint(1, 3))]
    if kind < 0.55:
        return "".join(inner)
    if kind < 0.75:
        return f"{rng.choice(('(', '(?:'))}{'|'.join(inner)})"
    return f"(?:{inner[0]}){rng.choice(_BOUNDED if bounded else _BOUNDED + _ENDLESS)}"


def text(rng: Random, longest: int = 12) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(0, longest)))
