"""Checks the pages: every relative link leads somewhere, every generated block says what its generator says now.

`make docs` runs it over README.md and the other pages; with `--write` it renews the blocks first. Links to the web are
not followed. A block is `<!-- generated:NAME -->` ... `<!-- /generated -->`, NAME from GENERATORS.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from bench import agent_report, policy_report, report
from bench.soak import report as soak_report
from tools import (
    agent_reference,
    cli_reference,
    config_reference,
    environment_reference,
    error_reference,
    log_reference,
    policy_matrix,
    provider_reference,
    reference,
    sizing,
    translation,
)

GENERATORS: dict[str, Callable[[], str]] = {
    "agent-events": agent_report.block,
    **agent_reference.GENERATORS,
    "bench": report.block,
    **cli_reference.GENERATORS,
    "clocks": reference.clock_table,
    **config_reference.GENERATORS,
    **environment_reference.GENERATORS,
    **error_reference.GENERATORS,
    "errors": reference.error_table,
    "files": reference.file_list,
    "labels": reference.label_table,
    "laws": reference.law_table,
    "log-fields": log_reference.log_table,
    "metrics": reference.metric_table,
    "policy-matrix": policy_matrix.matrix_table,
    **policy_report.GENERATORS,
    **provider_reference.GENERATORS,
    **sizing.GENERATORS,
    "soak": soak_report.block,
    "translation-carries": translation.carries_table,
    "translation-fields": translation.fields_tables,
    "translation-finish": translation.finish_table,
}
"""Each block's text by its name, in Markdown."""

_BLOCK = re.compile(r"(<!-- generated:([\w.-]+) -->\n)(.*?)(<!-- /generated -->)", re.DOTALL)
_FENCE = re.compile(r"^( {0,3})(```+|~~~+).*?^\1\2[`~]*[ \t]*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^ {0,3}\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def pages(root: Path) -> list[Path]:
    """Return the Markdown pages at the top and under docs/, in order."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def faults(root: Path) -> list[str]:
    """Return every broken link and every stale or unknown block, as `page:line: what`."""
    return [
        f"{page.relative_to(root)}:{line}: {what}"
        for page in pages(root)
        for line, what in sorted([*_broken_links(page), *_stale_blocks(page)])
    ]


def renew(root: Path) -> list[Path]:
    """Write every generated block anew; return the pages that changed."""
    changed = []
    for page in pages(root):
        old = page.read_text(encoding="utf-8")
        new = _BLOCK.sub(lambda found: f"{found[1]}{_text(found[2], found[3])}{found[4]}", old)
        if new != old:
            page.write_text(new, encoding="utf-8")
            changed.append(page)
    return changed


def _text(name: str, present: str) -> str:
    """Return what belongs between the markers; an unknown block stays as it is."""
    return GENERATORS[name]().strip("\n") + "\n" if name in GENERATORS else present


def _stale_blocks(page: Path) -> Iterator[tuple[int, str]]:
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found[2] not in GENERATORS:
            yield line, f"no generator is called `{found[2]}`: add it to GENERATORS in tools/docs.py"
        elif found[3] != _text(found[2], found[3]):
            yield line, f"the block `{found[2]}` is stale: run `make docs ARGS=--write`"


def _broken_links(page: Path) -> Iterator[tuple[int, str]]:
    text = _blank_code(page.read_text(encoding="utf-8"))
    for found in _LINK.finditer(text):
        link = found[1] or found[2]
        if not _OUTSIDE.match(link):
            name, _, anchor = link.partition("#")
            goal = (page.parent / unquote(name)).resolve() if name else page
            line = text.count("\n", 0, found.start()) + 1
            if not goal.exists():
                yield line, f"the link `{link}` leads nowhere"
            elif anchor and goal.suffix == ".md" and unquote(anchor) not in anchors(goal):
                yield line, f"the link `{link}` names a heading that is not there"


def _blank_code(text: str) -> str:
    """Return the page with the same lines, but with nothing in its code: what looks like a link there is none."""
    without_fences = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    return _CODE.sub("``", without_fences)


def anchors(page: Path) -> set[str]:
    """Return the names that a link may give after `#`, by the rule of the forges: lower case, no signs, hyphens."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    names: set[str] = set(_ANCHOR.findall(text))
    for heading in _HEADING.findall(text):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = 1
        while name in names:
            name = f"{name.removesuffix(f'-{count - 1}')}-{count}"
            count += 1
        names.add(name)
    return names


def main() -> int:
    """Check the pages of this repository, after renewing their blocks if asked to."""
    root = Path.cwd()
    if "--write" in sys.argv[1:]:
        for page in renew(root):
            print(f"renewed {page.relative_to(root)}")
    found = faults(root)
    print(
        "\n".join(found) if found else f"{len(pages(root))} pages: all links lead somewhere, all tables are up to date"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
