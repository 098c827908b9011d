"""Every command that a page tells people to give is given by a test, or visibly for elsewhere: the list is complete.

What is pasted whole is known from the tests that paste it. What starts something (`sh`) is known line by line.
"""

import re
import shlex
from collections.abc import Iterable

import pytest

from tests.docs import test_agent_pages, test_commands, test_guides, test_policies, test_providers, test_streams
from tests.docs.agent_pages import Scene
from tests.docs.pages import PAGES, ROOT, Block, Session, blocks, sessions
from tools import docs

COMMANDS = sorted({*docs.pages(ROOT), ROOT / "examples" / "README.md", ROOT / "deploy" / "README.md"})
BLOCKS = [block for page in COMMANDS for block in blocks(page.relative_to(ROOT).as_posix())]
PASTED: list[Session | Scene] = [
    *(session for session in test_commands.ALL if session.page in PAGES),
    *test_providers.SESSIONS,
    *test_guides.EVERY,
    *test_policies.SESSIONS,
    *sessions(test_streams.PAGE),
    *sessions("docs/running.md"),
    *test_agent_pages.ALL,
]
OWN = {
    "docs/agents/a2a.md": "tests/docs/test_a2a_page.py",
    "docs/agents/openai.md": "tests/docs/test_openai_page.py",
    "docs/agents/seed-004.md": "tests/docs/seed_004.py",
    "docs/fake.md": "tests/testing/test_fake_page.py",
    "docs/policies/README.md": "tests/config/test_shown_policies.py",
    "docs/verify.md": "tests/verify/test_page.py",
}
"""Pages whose blocks a test of their own runs, which names them."""
STARTED = {
    "git clone REPOSITORY sluice": "tools/newcomer.py",
    "cd sluice": "tools/newcomer.py",
    ".venv/bin/sluice verify": "tests/verify/test_page.py",
    ".venv/bin/sluice agent story.py:agent": "tests/docs/test_agent_pages.py",
    '.venv/bin/sluice chat "Tell me a story"': "tests/cli/test_chat_agent.py",
    "prometheus --config.file=prometheus.yaml": "tests/docs/test_quick_start.py",
    ".venv/bin/sluice fake --port 9000": "tests/testing/test_fake_page.py",
    "sluice agent examples/approval_agent/agent.py:agent": "tests/docs/test_examples.py",
    "sluice chat": "tests/cli/test_chat_agent.py",
    "sluice serve": "tests/config/test_tracing_environment.py",
    ".venv/bin/sluice check -f gateway.yaml": "tests/cli/test_check.py",
    "jq 'select(.scope ==": "tests/docs/test_guides.py",
    "curl localhost:15000/status": "tests/admin/test_app.py",
    'make run ARGS="--drain-timeout 300s"': "tests/journeys/test_drain.py",
    'make run ARGS="-f verify.yaml"': "tests/verify/test_page.py",
    "git diff golden/": "tools/golden.py",
}
"""How a line begins that starts something, and who starts it in a test."""


def test_what_is_to_be_pasted_is_pasted() -> None:
    pasted = {step.command.place for each in PASTED for step in each.steps}
    shown = [block for block in BLOCKS if block.language == "bash" or (block.language == "python" and not named(block))]
    assert len(shown) > 150
    assert [block.place for block in shown if block.place not in pasted and block.page not in OWN] == []


def test_what_is_to_be_started_is_started() -> None:
    started = {each.run for each in PASTED if isinstance(each, Session)}
    served = [each.args for each in PASTED if isinstance(each, Scene)]
    left = []
    for block, line in lines("sh"):
        known = line in started or line.startswith(("export ", "#", *STARTED)) or is_target(line)
        if not known and (not line.startswith("sluice agent") or shlex.split(line)[2:] not in served):
            left.append(f"{block.place}: {line}")
    assert left == []


def test_no_line_of_the_table_is_there_for_nothing() -> None:
    there = [line for _, line in lines("sh")]
    assert [begun for begun in STARTED if not any(line.startswith(begun) for line in there)] == []


@pytest.mark.parametrize("page", OWN)
def test_a_page_with_a_test_of_its_own_is_named_by_it(page: str) -> None:
    assert page.rpartition("/")[2] in (ROOT / OWN[page]).read_text(encoding="utf-8")


@pytest.mark.parametrize("test", sorted(set(STARTED.values())))
def test_who_starts_something_is_there(test: str) -> None:
    assert (ROOT / test).is_file()


def test_what_is_for_elsewhere_shows_it() -> None:
    for block in BLOCKS:
        if block.language == "console":
            assert block.text.startswith("$ "), block.place


def test_a_command_is_in_a_block_that_says_what_it_is() -> None:
    """A fence without a language, or with another word for a shell, is in nobody's list."""
    for page in COMMANDS:
        fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert [words for words in fences[::2] if words in ("", "shell", "shell-session", "zsh")] == [], page


def lines(language: str) -> Iterable[tuple[Block, str]]:
    for block in BLOCKS:
        if block.language == language:
            yield from ((block, line) for line in block.text.split("\n") if line.strip())


def named(block: Block) -> bool:
    """Whether it is a file that the page serves, and no program."""
    return block.text.startswith("# ")


def is_target(line: str) -> bool:
    """Of the Makefile; what it starts is what its own tests run (tests/docs/test_pages.py knows its names)."""
    found = re.match(r"make (?!run\b)([a-z]+)\b", line)
    return found is not None and f"\n{found[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
