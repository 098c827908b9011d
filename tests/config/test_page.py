"""The tables of `docs/configuration.md` have every key of traffic and health, and the defaults that hold."""

import re
from pathlib import Path

import msgspec
import pytest

from sluice.config.shown import HEALTH
from sluice.config.traffic import ADMISSION, RETRY, STREAM
from sluice.config.units import duration, size
from sluice.policies.admission import Admission
from sluice.policies.health import FAILURES, Health
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def table(title: str) -> dict[str, str]:
    """Key -> default, as the section's table has them."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", section, re.MULTILINE)[1:])


def read(field: str, text: str) -> object:
    """A value of the page as the Plan has it."""
    if field.endswith("_s"):
        return float(duration(text))
    if field.endswith("_bytes"):
        return int(size(text))
    return int(text) if text.isdigit() else text.lower()


@pytest.mark.parametrize(
    ("title", "fields", "default"),
    [
        ("Streams", STREAM, Streaming()),
        ("Retries", RETRY, Retry()),
        ("Health", HEALTH, Health()),
        ("Admission", ADMISSION, Admission()),
    ],
)
def test_every_key_stands_there_with_its_default(title: str, fields: dict[str, str], default: msgspec.Struct) -> None:
    shown = table(title)
    assert list(shown) == list(fields)
    for key, field in fields.items():
        value = getattr(default, field)
        if value in (None, "", frozenset()):
            assert not shown[key].startswith("`")  # in words: it depends on something
        else:
            assert read(field, shown[key].strip("`")) == value


def test_the_number_of_failures_that_begins_a_rest() -> None:
    assert table("Health")["eviction.consecutiveFailures"] == f"{FAILURES}, unless there is a threshold"
