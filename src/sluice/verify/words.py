"""Texts for the fake provider to say: words of one to four bytes a letter, chosen by a seed. Pure."""

import random

_WORDS = (
    *("river", "water", "stone", "light", "harbour", "evening", "window", "garden"),
    *("Wörter", "señal", "façade", "naïve", "Größe", "Ærø"),
    *("ποτάμι", "река", "東京", "河流", "川", "강"),
    *("🌊", "🚀", "𝔘", "🧵"),
)
"""With a space before it each of them is one token of the fake's."""


def sentence(dice: random.Random, words: int) -> str:
    """Return so many words, at least one of each length in bytes if there are eight or more."""
    drawn = [dice.choice(_WORDS) for _ in range(words)]
    if words >= 8:
        drawn[1], drawn[3], drawn[5] = dice.choice(_WORDS[8:14]), dice.choice(_WORDS[14:20]), dice.choice(_WORDS[20:])
    return " ".join(drawn)
