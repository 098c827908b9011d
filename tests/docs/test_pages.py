"""The pages against the code: links, generated tables, and the tables that were written by hand."""

import re
import subprocess
import sys
import tomllib

import msgspec
import pytest

from sluice.config.traffic import deadlines
from sluice.config.traffic_api import Timeouts
from sluice.config.units import Duration
from sluice.errors import SluiceError, TimedOut
from sluice.policies.deadlines import Deadlines
from sluice.telemetry import access_log, names
from tests.docs.pages import ROOT, blocks
from tools import docs, log_reference, provider_reference, reference

TEXT = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in docs.pages(ROOT)}


def test_links_lead_somewhere_and_generated_blocks_are_current() -> None:
    """Asked as `make docs` asks, in a process of its own: commands say what is loaded, and other tests load more."""
    asked = subprocess.run([sys.executable, "-m", "tools.docs"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stderr) == (0, ""), asked.stdout


def test_every_generator_is_used() -> None:
    used = {name for text in TEXT.values() for name in re.findall(r"<!-- generated:([\w.-]+) -->", text)}
    assert used == set(docs.GENERATORS)


def test_the_pages_name_no_place_of_a_machine() -> None:
    found = [name for name, text in TEXT.items() if re.search(r"/(?:home|root|work|tmp|Users)/\w", text)]
    assert found == []


def test_every_make_target_that_a_page_names_is_there() -> None:
    there = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for text in TEXT.values() for target in re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)}
    assert len(named) > 5
    assert named <= there


@pytest.mark.parametrize("page", sorted(TEXT))
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    """In code: `net/pool.py`, `tests/wire`, `tools/house.py`."""
    named = set(re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|in|lock|c))`", TEXT[page]))
    places = (ROOT, ROOT / "src" / "sluice", ROOT / "src")
    placeholders = {name for name in named if "NAME" in name}
    assert [name for name in sorted(named - placeholders) if not any((place / name).exists() for place in places)] == []


def test_every_test_that_a_page_names_is_there() -> None:
    named = {path for text in TEXT.values() for path in re.findall(r"(?<![\w/])tests(?:/[\w.]+)+", text)}
    assert len(named) > 10
    assert [path for path in sorted(named) if "NAME" not in path and not (ROOT / path).exists()] == []


def test_the_table_of_clocks_has_every_clock_and_its_default() -> None:
    section = TEXT["docs/configuration.md"].partition("## The five clocks")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| `(\d+)s`", section, re.MULTILINE))
    defaults = {}
    for field in msgspec.structs.fields(Timeouts):
        changed = deadlines([Timeouts(**{field.name: Duration(7)})])
        (clock,) = (name for name in Deadlines.__struct_fields__ if getattr(changed, name) == 7)
        defaults[field.encode_name] = getattr(Deadlines(), clock)
    assert {name: float(seconds) for name, seconds in shown.items()} == defaults


def test_every_dependency_is_justified_and_counted() -> None:
    table = TEXT["docs/decisions/0002-dependencies.md"].partition("## For development")[0]
    listed = set(re.findall(r"^\| ([a-z0-9-]+) \| [A-Z]", table, re.MULTILINE))
    text = (ROOT / "requirements" / "runtime.in").read_text()
    written = set(re.findall(r"^([a-z0-9-]+)(?:\[\w+\])?>=", text, re.MULTILINE))
    assert listed == written
    assert ("Eighteen dependencies" in TEXT["README.md"], len(written)) == (True, 18)
    assert "eighteen direct dependencies" in TEXT["docs/security.md"]


def test_the_readme_counts_the_providers() -> None:
    assert ("[twenty providers]" in TEXT["README.md"], len(provider_reference.PAGES)) == (True, 20)


def test_the_settings_of_codex_are_toml_and_lead_to_the_unified_addresses() -> None:
    page = "docs/tutorials/clients.md"
    (block,) = [block for block in blocks(page) if block.language == "toml"]
    settings = tomllib.loads(block.text)
    provider = settings["model_providers"][settings["model_provider"]]
    assert (provider["wire_api"], provider["base_url"]) == ("responses", "http://localhost:8080/v1")
    addresses = re.findall(r"^\| .+ \| `(/v1[^`]*)`.*\| `(http://localhost:8080[^`]*)` \|$", TEXT[page], re.MULTILINE)
    assert ("/v1/responses", provider["base_url"]) in addresses
    assert [address for address, _ in addresses] == [
        *("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1beta/models/{model}:generateContent")
    ]


# -- the generated tables ----------------------------------------------------------------------------------------------


def column(table: str, number: int = 0) -> list[str]:
    return [line.split(" | ")[number].strip("| `") for line in table.split("\n")[2:]]


def test_the_table_of_errors_has_every_error_that_can_be_raised() -> None:
    def below(kind: type[SluiceError]) -> set[str]:
        return {kind.__name__}.union(
            *(below(child) for child in kind.__subclasses__() if child.__module__.startswith("sluice.errors."))
        )

    abstract = {"SluiceError", "ClientError", "UpstreamError"}
    assert set(column(reference.error_table())) == below(SluiceError) - abstract
    codes = column(reference.clock_table())
    assert codes == [TimedOut(p).code for p in ("connect", "headers", "first_token", "idle", "total")]


def test_the_table_of_metrics_has_every_row_of_the_names() -> None:
    assert column(reference.metric_table()) == [metric.name for metric in names.METRICS]


def test_the_table_of_the_log_line_has_every_field_that_can_stand_there() -> None:
    shown = column(log_reference.log_table())
    assert set(shown) == set(log_reference.FIELDS), "a sentence without its field"
    nothing = msgspec.structs.replace(
        log_reference.FULL, usage=None, streaming=False, protocol="http", attempts=1, unrecognised=()
    )
    assert set(access_log.fields(nothing)) < set(shown)


def test_the_list_of_files_has_every_file() -> None:
    listed = set(re.findall(r"^\| `(\w+\.py)` \|", reference.file_list(), re.MULTILINE))
    assert listed == {path.name for path in reference.SOURCES.rglob("*.py")} - {"__init__.py"}
    assert "| |" not in reference.file_list().replace("| --- |", ""), "a file without a head"
