"""The pages of commands and of errors: nothing is left out, and what stands there is what the code says."""

import re

import click
import msgspec

from sluice.cli import SECTIONS, main
from sluice.cli.help import option_record
from sluice.errors import SluiceError, TimedOut
from tools import cli_reference, error_reference
from tools.reference import _leaves

PAGE = cli_reference.commands()


def section(name: str) -> str:
    return re.split(r"\n#{2,3} ", PAGE.partition(f"# {name}\n")[2])[0]


def test_every_command_has_a_section_and_the_table_leads_to_it() -> None:
    names = [name for entries in SECTIONS.values() for name in entries]
    assert re.findall(r"^## sluice (\w+)$", PAGE, re.MULTILINE) == names
    assert re.findall(r"\(#sluice-(\w+)\)", cli_reference.command_table()) == names
    assert re.findall(r"^### sluice keys (\w+)$", PAGE, re.MULTILINE) == ["create", "list", "revoke", "spend"]


def test_every_option_and_every_example_of_a_command_stands_there() -> None:
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        context = click.Context(command, info_name=name, show_default=True)
        text = section(f"sluice {name}")
        for parameter in command.get_params(context):
            record = option_record(parameter, context)
            assert record is None or f"| `{record[0].replace('|', chr(92) + '|')}` |" in text, (name, record)
        assert text.count("\nsluice ") + text.count("| sluice ") >= 2, name


def test_a_default_and_a_variable_stand_beside_an_option() -> None:
    assert "| `--agent-port N` | Where agents answer. | default: 8081 |" in section("sluice serve")
    assert "| `--drain-timeout DURATION` | Time for running streams at the end, as 30s or 5m. | default: 60s; env: `DRAIN_TIMEOUT` |" in section("sluice serve")  # fmt: skip  # noqa: E501


def test_every_error_says_what_to_do() -> None:
    kinds = list(_leaves(SluiceError))
    assert {kind.__name__ for kind in kinds} == set(error_reference.ADVICE)
    _, *codes = re.findall(r"^\| `(\w+)…?` \|", error_reference.advice_table(), re.MULTILINE)
    assert codes == ["timeout_" if kind is TimedOut else kind.code for kind in kinds]


def test_an_error_is_shown_in_every_dialect_of_clients() -> None:
    found = re.findall(r"`(\w+)`, status 429:\n\n```json\n(.+)\n```", error_reference.shape_blocks())
    assert [name for name, _ in found] == ["openai_chat", "anthropic_messages", "openai_responses", "gemini"]
    bodies = [msgspec.json.decode(body) for _, body in found]
    assert all("A limit of 10 requests" in body["error"]["message"] for body in bodies)
