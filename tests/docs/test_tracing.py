"""The page about traces: its configurations load, and it names every span's kind, every event and every variable."""

from pathlib import Path

import pytest
import yaml

from sluice.config import Source, load
from sluice.config.tracing_api import TracingSpec
from sluice.config.tracing_environment import BASE, OWN
from sluice.standard import STANDARD
from sluice.telemetry.otlp import HINT, MAX_WAITING
from tests.docs.pages import ROOT, blocks

PAGE = "docs/operate/tracing.md"
TEXT = Path(ROOT / PAGE).read_text()
FILES = [block for block in blocks(PAGE) if block.language == "yaml"]


@pytest.mark.parametrize("number", range(3))
def test_each_configuration_traces(number: int) -> None:
    plan = load([Source("a.yaml", FILES[number].text)], {}, STANDARD)
    tracing = plan.observing.tracing or plan.listeners[0].observing.tracing  # type: ignore[union-attr]
    assert tracing is not None
    assert tracing.endpoint.endswith(":4317")


def test_there_are_no_others() -> None:
    assert len(FILES) == 3
    assert list(yaml.safe_load(FILES[0].text)) == ["config", "llm"]


def test_every_field_is_told() -> None:
    rows = [line.split("`")[1].partition(".")[0] for line in TEXT.split("\n") if line.startswith("| `")]
    words = {name.replace("_", "") for name in TracingSpec.__struct_fields__}
    assert words <= {row.lower() for row in rows}


def test_names_and_bounds_are_those_of_the_code() -> None:
    assert HINT in TEXT
    assert f"{MAX_WAITING:,} of them may wait" in TEXT
    assert {BASE, OWN} <= {word.strip("`,=") for word in TEXT.replace("=", " ").replace("[TRACES_]", "").split()}
