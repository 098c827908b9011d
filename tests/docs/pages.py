"""The pages as the reader has them: fenced blocks, and what each kind of block promises.

sh      starts something: the last `make run` of it is the gateway that the following bash blocks talk to
console begins each command with `$`: for another machine, a cluster, a program that is not here; nobody runs it
bash    is run in a shell, in a folder with the page's YAML files, and must succeed
python  is run by Python with the official clients installed, and must succeed
text    right after a bash or python block: what it prints; `…` stands for anything
yaml    a configuration; `# NAME.yaml` in its first line names its file, `# refused` in its second says that it is bad
"""

import re
import shlex
from itertools import zip_longest
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/configuration.md", "docs/errors.md", "docs/live-page.md", "docs/observability.md")
"""The pages with blocks that are run."""
PROVIDER_PAGES = tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/providers").glob("*.md")))
"""The same, one for each family of providers."""
TESTED_ELSEWHERE = ("alerts", "dashboards", "tracing")
"""Of docs/operate/: these need more than a gateway, and have tests of their own."""
GUIDES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "docs/quick-start.md",
        *sorted((ROOT / "docs/tutorials").glob("*.md")),
        *(path for path in sorted((ROOT / "docs/operate").glob("*.md")) if path.stem not in TESTED_ELSEWHERE),
        *sorted((ROOT / "docs/migrate").glob("*.md")),
        ROOT / "docs/troubleshoot.md",
    )
)
"""The same: what a newcomer reads, in that order."""
_FENCE = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([\w-]+\.yaml)\n(# refused\n)?")
_EXPORT = re.compile(r"^export (\w+)=(?:\"([^\"\n]*)\"|(\S+))(?: +#.*)?$", re.MULTILINE)
_RUN = re.compile(r"^make run.*$", re.MULTILINE)


class Block(msgspec.Struct, frozen=True):
    """One fenced block and where it stands."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """The file that a YAML block is, or empty."""
        found = _NAME.match(self.text)
        return found[1] if found else ""

    @property
    def refused(self) -> bool:
        found = _NAME.match(self.text)
        return bool(found and found[2])


class Step(msgspec.Struct, frozen=True):
    """A command, and what it is said to print; None = nothing is said."""

    command: Block
    output: str | None


class Session(msgspec.Struct, frozen=True):
    """A gateway and the commands that the reader gives while it runs."""

    page: str
    run: str
    """The line that starts it; empty = none is needed."""
    env: dict[str, str]
    steps: tuple[Step, ...]

    @property
    def place(self) -> str:
        return self.steps[0].command.place

    @property
    def make(self) -> str:
        """The line without what its output goes through."""
        return self.run.partition(" | ")[0]

    @property
    def args(self) -> list[str]:
        """The arguments of `sluice serve`."""
        found = [word.removeprefix("ARGS=") for word in shlex.split(self.make) if word.startswith("ARGS=")]
        return shlex.split(found[0]) if found else []


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(page, text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in _FENCE.finditer(text)]


def exports(text: str) -> dict[str, str]:
    """Return the variables that a block exports."""
    return {name: quoted or bare for name, quoted, bare in _EXPORT.findall(text)}


def sessions(page: str) -> list[Session]:
    """Return what the reader of a page runs, gateway by gateway."""
    found: list[Session] = []
    run, env, steps = "", dict[str, str](), list[Step]()
    in_order = blocks(page)
    for block, following in zip_longest(in_order, in_order[1:]):
        if block.language == "sh" and (started := _RUN.findall(block.text)):
            if steps:
                found.append(Session(page, run, env, tuple(steps)))
            run, env, steps = started[-1], exports(block.text), []
        elif block.language in ("bash", "python"):
            said = following.text if following is not None and following.language == "text" else None
            steps.append(Step(block, said))
    return [*found, Session(page, run, env, tuple(steps))] if steps else found


def shape(text: str) -> re.Pattern[str]:
    """Return what a documented output matches: itself, with anything for `…`."""
    return re.compile(".*?".join(re.escape(part) for part in text.strip().split("…")), re.DOTALL)
