"""How the command line speaks: examples first, errors of two lines, statuses, colour, speed."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sluice.cli import SECTIONS, main
from sluice.cli.help import option_record
from tests.cli.command_lines import COMMANDS, Known, argv, run

DEADLINE_S = 20.0
MANNERS = pytest.mark.parametrize(("way", "command"), COMMANDS, ids=[way for way, _ in COMMANDS])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- help -------------------------------------------------------------------------------------------------------------


def test_help_shows_examples_and_every_command_below_its_section() -> None:
    text = run("--help").output
    assert text.index("\nExamples:\n") < text.index("Usage: sluice") < text.index("\nServe:\n")
    for section, entries in SECTIONS.items():
        below = text.partition(f"\n{section}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in below.split("\n") if re.match(r" {2}\S", line)] == list(entries)
    assert all(len(line) <= 100 for line in text.split("\n"))


def test_the_sentence_beside_a_command_is_the_first_of_its_help() -> None:
    for entries in SECTIONS.values():
        for name, (sentence, _) in entries.items():
            command = main.get_command(click.Context(main), name)
            assert command is not None
            first = inspect.cleandoc(command.help or "").partition("\n\n")[0]
            assert " ".join(first.split()) == sentence, name


@MANNERS
def test_help_begins_with_a_sentence_and_examples(way: str, command: Known) -> None:
    _, *words = way.split()
    result = run(*words, "--help")
    assert result.exit_code == 0
    head = result.output.partition("Usage: ")[0]
    assert re.match(r"[A-Z][^\n]+(\n[^\n]+)?\.\n\nExamples:\n", head), head
    lines = [line for line, _ in command.examples]
    assert 1 <= len(lines) <= 5
    assert all(line in head for line in lines)
    assert all({*words} <= {*argv(line)} for line in lines)
    assert "\x1b" not in result.output


@MANNERS
def test_every_option_says_what_it_is_for(way: str, command: Known) -> None:
    context = click.Context(command, info_name=way, show_default=True)
    for parameter in command.get_params(context):
        record = option_record(parameter, context)
        if record is not None:
            names, text = record
            assert re.match(r"[A-Z\[]", text), (way, names, text)
            assert "RANGE" not in names
            plain = text.partition("  [")[0]
            assert plain.endswith((".", ")")), (way, names, plain)
            default = parameter.default
            if isinstance(default, int | float | str) and not isinstance(default, bool) and default != "":
                assert f"default: {default}" in text, (way, names, text)


def test_an_option_that_may_be_repeated_or_is_in_the_environment_says_so() -> None:
    text = " ".join(run("serve", "--help").output.split())
    assert "Configuration. [default: the environment; may be repeated]" in text
    assert "[default: 8080; env: PORT]" in " ".join(run("agent", "--help").output.split())


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message", "help_of"),
    [
        (["chekc"], "No such command 'chekc'. Did you mean `check`?", ""),
        (["serve", "--prot", "1"], "No such option '--prot'. Did you mean `--port`", "serve"),
        (["keys", "-d", "sqlite:///x", "spned"], "No such command 'spned'. Did you mean `spend`?", "keys"),
        (["keys", "list"], "which ledger? --database URL or the variable SLUICE_DATABASE says it", "keys list"),
        (["keys", "-d", "mysql://x", "list"], "Invalid value for --database: ", "keys list"),
        (["completion", "tcsh"], "Invalid value for '{bash|zsh|fish}': 'tcsh' is not one of", "completion"),
        (["import", "config.yaml"], "whose configuration is it? sluice import litellm FILE", "import"),
        (["fake", "--port", "x"], "Invalid value for '--port': 'x' is not a valid integer range", "fake"),
        (["init", "-1"], "No such option '-1'.", "init"),
    ],
)
def test_a_wrong_command_line_is_two_lines_with_what_and_where(words: list[str], message: str, help_of: str) -> None:
    result = run(*words)
    lines = result.stderr.strip().split("\n")
    assert (result.exit_code, result.stdout, len(lines)) == (2, "", 2)
    assert lines[0].startswith(f"error: {message}"), lines[0]
    assert lines[1] == f"See: {f'sluice {help_of}'.strip()} --help"


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_wrong_configuration_is_a_line_with_its_place_and_the_near_key(command: str, folder: Path) -> None:
    (folder / "wrong.yaml").write_text("llm:\n  models:\n    - name: a\n      provider: fake\n      defualts: {}\n")
    result = run(command, "-f", "wrong.yaml")
    assert result.exit_code == 2
    (line,) = result.stderr.strip().split("\n")
    assert line.removeprefix("sluice cannot start: ") == (
        "wrong.yaml:5: llm.models[0].defualts: unknown field (did you mean `defaults`?)"
    )


def test_an_interrupt_is_130_and_says_nothing_more(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("sluice.cli.importing.import_litellm", interrupted)
    (folder / "config.yaml").write_text("{}")
    result = run("import", "litellm", "config.yaml")
    assert (result.exit_code, result.output.strip()) == (130, "")


def test_what_was_asked_about_and_is_not_fine_is_1(folder: Path) -> None:
    assert run("keys", "-d", "sqlite:none.db", "list").exit_code == 1
    (folder / "false.yaml").write_text(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\n"
        "spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: gone, kind: Service, port: 80}]}]}\n"
    )
    assert run("check", "-f", "false.yaml").exit_code == 1


@pytest.mark.parametrize("words", [["--help"], ["check"], ["completion", "bash"]])
def test_a_reader_who_left_is_no_reason_to_say_anything(words: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sluice", *words],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before it writes: it takes longer than that to start
    said = process.stderr.read()
    assert (process.wait(DEADLINE_S), said) == (1, b"")
    process.stderr.close()


# -- colour, speed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_and_not_where_no_color_is_set(variable: str, coloured: bool) -> None:
    for words in (["--help"], ["check", "--help"], ["no-such"]):
        result = CliRunner().invoke(main, words, color=True, env={"NO_COLOR": variable})
        assert ("\x1b[" in result.output) is coloured, words


def test_help_imports_no_command() -> None:
    """So that it is there at once: what it needs is click alone."""
    code = "import sys; from sluice.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split("\n")[-2].split() if name.startswith("sluice")}
    assert loaded == {"sluice", "sluice.cli", "sluice.cli.help"}
    assert not {"uvloop", "msgspec", "starlette"} & {*done.stdout.split("\n")[-2].split()}


# -- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "word", "wanted"),
    [
        ("sluice ch", "1", {"check", "chat"}),
        ("sluice serve --w", "2", {"--workers"}),
        ("sluice completion ", "2", {"bash", "zsh", "fish"}),
        ("sluice keys ", "2", {"create", "list", "revoke", "spend"}),
    ],
)
def test_a_shell_completes_commands_options_and_words(line: str, word: str, wanted: set[str]) -> None:
    result = run(_SLUICE_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=word)
    assert {item.partition(",")[2] for item in result.stdout.split()} == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_script(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_SLUICE_COMPLETE={shell}_complete" in result.stdout
