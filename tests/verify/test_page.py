"""docs/verify.md: its commands print what it says, and its tables and its file are those of the code."""

import re
from pathlib import Path

import msgspec
from click import Option

from sluice.cli.verify import verify_command
from sluice.verify import own
from sluice.verify.areas import back_pressure
from sluice.verify.facts import AREAS, PROVIDERS, Finding
from sluice.verify.report import Report
from sluice.verify.score import AreaScore
from tests.docs.pages import ROOT, blocks, shape
from tests.docs.terminal import lay_out, paste
from tests.support.command import Sluice
from tests.support.sockets import free_ports

PAGE = "docs/verify.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


async def test_its_commands_print_what_it_says(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    lay_out(PAGE, tmp_path)
    file = tmp_path / "verify.yaml"
    file.write_text(file.read_text().replace(":9400", f":{port}"))
    alone, against = [block for block in blocks(PAGE) if block.language == "bash"]
    said = [shape(block.text) for block in blocks(PAGE) if block.language == "text"]
    against = msgspec.structs.replace(
        against, text=against.text.replace("verify http", f"verify --provider-port {port} http")
    )
    async with Sluice("-f", str(file)) as sluice:
        for block, words in zip((alone, against), said, strict=True):
            printed = await paste(block, tmp_path, sluice)
            assert words.fullmatch(printed.strip()), printed
    assert (tmp_path / "report" / "report.md").exists()
    assert (tmp_path / "report" / "report.json").exists()


def test_its_file_is_what_the_command_prints() -> None:
    (block,) = [block for block in blocks(PAGE) if block.language == "yaml"]
    assert block.text.partition("\n")[2] == own.configuration(9400)


def test_its_tables_name_every_area_dialect_and_option() -> None:
    assert re.findall(
        r"^\| `([a-z-]+)` \| [a-z].* \| .* \|$", TEXT.split("## What is asked")[1].split("##")[0], re.MULTILINE
    ) == [*AREAS]
    assert re.findall(r"^\| `verify-(\w+)`", TEXT, re.MULTILINE) == [*PROVIDERS]
    named = set(re.findall(r"--[a-z][a-z-]+", TEXT))
    options = {name for param in verify_command.params if isinstance(param, Option) for name in param.opts}
    assert named - {"--help"} == options


def test_it_describes_every_member_of_the_report() -> None:
    described = TEXT.split("`report.json`, for programs")[1]
    for struct in (Report, Finding, AreaScore):
        for name in struct.__struct_fields__:
            assert f"`{name}`" in described or f"`{name}." in described or f"`{name}[" in described, name


def test_its_figures_are_the_codes() -> None:
    assert f"stopped before {back_pressure.MOST_BYTES >> 20} MiB" in TEXT
    assert f"offers {back_pressure.FLOOD_BYTES >> 20} MiB" in TEXT
