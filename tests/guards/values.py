"""Values that guards of the corpus look for: every built-in and ten patterns, 1 to 4,096 bytes long."""

import string
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from sluice.policies.guards import Builtin
from sluice.policies.personal import MASKS

BUILTINS: tuple[Builtin, ...] = ("ssn", "credit_card", "phone_number", "email", "ca_sin")
LONGEST = 4096
"""Bytes: what a rule lets text wait for unless it says otherwise."""


class Kind(NamedTuple):
    mask: str
    make: Callable[[Random], str]
    is_custom: bool = True
    to_space: bool = False
    """It goes on to the next white space."""


def _digits(random: Random, count: int) -> str:
    return "".join(random.choices(string.digits, k=count))


def _checked(number: str) -> str:
    """Return the digits with the check digit behind them (Luhn)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (1 if place % 2 else 2)
        total += sum(divmod(doubled, 10))
    return number + str(-total % 10)


def _grouped(number: str, sizes: tuple[int, ...], between: str) -> str:
    groups, at = [], 0
    for size in sizes:
        groups.append(number[at : at + size])
        at += size
    return between.join(groups)


def card(random: Random) -> str:
    prefix, length, sizes = random.choice(
        [
            ("4", 16, (4, 4, 4, 4)),
            (str(random.randint(51, 55)), 16, (4, 4, 4, 4)),
            (str(random.randint(2221, 2720)), 16, (4, 4, 4, 4)),
            (random.choice(["34", "37"]), 15, (4, 6, 5)),
            ("6011", 16, (4, 4, 4, 4)),
            ("36", 14, (4, 6, 4)),
            ("3530", 16, (4, 4, 4, 4)),
            ("62", 19, (6, 13)),
            ("4", 13, (4, 4, 4, 1)),
        ]
    )
    number = _checked(prefix + _digits(random, length - len(prefix) - 1))
    return number if random.random() < 0.4 else _grouped(number, sizes, random.choice([" ", "-", "\u00a0", "\u2011"]))


def ssn(random: Random) -> str:
    area = random.choice([number for number in range(1, 900) if number != 666])
    number = f"{area:03}{random.randint(1, 99):02}{random.randint(1, 9999):04}"
    return _grouped(number, (3, 2, 4), random.choice(["-", "-", ".", " "]))


def sin(random: Random) -> str:
    number = _checked(random.choice("123456") + _digits(random, 7))
    return _grouped(number, (3, 3, 3), random.choice([" ", "-"]))


def phone(random: Random) -> str:
    line = f"{random.randint(200, 999)}{random.randint(0, 9999):04}"
    area = random.choice(["212", "415", "312", "646", "613", "416", "202"])
    return random.choice(
        [
            f"{area}-{line[:3]}-{line[3:]}",
            f"({area}) {line[:3]}-{line[3:]}",
            f"+1 {area} {line[:3]} {line[3:]}",
            f"+1{area}{line}",
            f"020 7{_digits(random, 3)} {_digits(random, 4)}",
            f"+44 20 7{_digits(random, 3)} {_digits(random, 4)}",
            f"+49 30 {random.randint(2, 9)}{_digits(random, 6)}",
            f"0171 {random.randint(2, 9)}{_digits(random, 6)}",
            f"+91 98{_digits(random, 3)} {_digits(random, 5)}",
            f"+55 11 9{random.randint(6, 9)}{_digits(random, 3)}-{_digits(random, 4)}",
        ]
    )


def email(random: Random) -> str:
    name = "".join(random.choices(string.ascii_letters + string.digits, k=random.choice([1, 5, 12, 64])))
    host = "".join(random.choices(string.ascii_lowercase, k=random.choice([1, 7, 40])))
    return f"{name}@{host}.{random.choice(['com', 'de', 'co.uk', 'museum', 'example'])}"


def _letters(random: Random, least: int, most: int) -> str:
    """Return letters and digits: mostly few, sometimes as many as there may be."""
    size = random.random()
    usual = random.randint(least, max(least, min(most, 60)))
    length = most if size < 0.01 else random.randint(least, most) if size < 0.03 else least if size < 0.2 else usual
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))


_MAKERS: dict[Builtin, Callable[[Random], str]] = {
    "ssn": ssn,
    "credit_card": card,
    "phone_number": phone,
    "email": email,
    "ca_sin": sin,
}
PATTERNS: dict[str, Kind] = {
    r"AKIA[0-9A-Z]{16}": Kind("<masked>", lambda random: "AKIA" + _letters(random, 16, 16).upper()),
    r"sk-[A-Za-z0-9]{20,}": Kind("<masked>", lambda random: "sk-" + _letters(random, 20, LONGEST - 3)),
    r"ghp_[A-Za-z0-9]{36}": Kind("<masked>", lambda random: "ghp_" + _letters(random, 36, 36)),
    r"glpat-[0-9A-Za-z_-]{20,}": Kind("<masked>", lambda random: "glpat-" + _letters(random, 20, 300)),
    r"(?i)password\s*[:=]\s*\S+": Kind(
        "<masked>", lambda random: "Password: " + _letters(random, 1, LONGEST - 10), to_space=True
    ),
    r"-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----": Kind(
        "<masked>",
        lambda random: f"-----BEGIN KEY-----\n{_letters(random, 1, LONGEST - 38)}\n-----END KEY-----",
    ),
    r"eyJ[\w-]+\.[\w-]+\.[\w-]+": Kind(
        "<masked>", lambda random: f"eyJ{_letters(random, 9, 99)}.{_letters(random, 9, 999)}.x-_y"
    ),
    r"(?i)ignore (?:all )?previous instructions": Kind(
        "<masked>", lambda random: random.choice(["Ignore previous", "IGNORE ALL PREVIOUS"]) + " instructions"
    ),
    r"\bproject[- ]falcon\b": Kind("<masked>", lambda random: f"project{random.choice('- ')}falcon"),
    r"~|秘密[^。]*。": Kind(
        "<masked>",
        lambda random: random.choice(["~", f"秘密{'漢' * random.choice([0, 1, 2, 9, 40, 90, 1362])}。"]),
    ),
}

KINDS: tuple[Kind, ...] = (
    *(Kind(MASKS[name], make, is_custom=False) for name, make in _MAKERS.items()),
    *PATTERNS.values(),
)
