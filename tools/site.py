"""What the site has beside docs/: a hook of mkdocs, which mkdocs.yml names. `make docs` builds the site with it.

Two pages of the repository become pages of the site (BESIDE). A link to another file of the repository has nothing to
lead to there: its words stay, as words. A link that leads nowhere at all is left as it is, so that mkdocs tells it.
Interface: mkdocs 1.6, hooks (https://www.mkdocs.org/user-guide/configuration/#hooks, read 2026-11-21).
"""

import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

BESIDE = {"CONTRIBUTING.md": "contributing.md", "examples/README.md": "examples.md"}
"""Pages outside docs/, from the root of the repository, and the pages of the site that they become."""
DOCS = "docs"
_LINK = re.compile(r"(?<!!)\[(?P<words>[^\[\]]*)\]\((?P<goal>[^\s()]+)\)")
_FENCE = re.compile(r"^( {0,3})(```+).*?^\1\2`*[ \t]*$", re.DOTALL | re.MULTILINE)
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#", re.IGNORECASE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of BESIDE."""
    root = Path(config.config_file_path).parent
    for source, page in BESIDE.items():
        files.append(File.generated(config, page, content=(root / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make the links of a page lead to pages of the site. A page that is alone in its tab needs no list of that tab."""
    if page.parent is None:
        page.meta["hide"] = ["navigation", "toc"] if page.is_homepage else ["navigation"]
    root = Path(config.config_file_path).parent
    source = next((name for name, own in BESIDE.items() if own == page.file.src_uri), f"{DOCS}/{page.file.src_uri}")
    return relinked(markdown, source, page.file.src_uri, root)


def relinked(markdown: str, source: str, own: str, root: Path) -> str:
    """Return a page's text with its links as the site has them.

    `source` is where the page stands in the repository, `own` where on the site; `root` is the repository.
    """

    def replaced(found: re.Match[str]) -> str:
        if _OUTSIDE.match(found["goal"]):
            return found[0]
        name, sign, anchor = found["goal"].partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), name))
        if path in BESIDE:
            goal = BESIDE[path]
        elif path.startswith(f"{DOCS}/"):
            goal = path.removeprefix(f"{DOCS}/")
        else:
            return found["words"] if (root / path).exists() else found[0]
        return f"[{found['words']}]({posixpath.relpath(goal, posixpath.dirname(own) or os.curdir)}{sign}{anchor})"

    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(replaced, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(replaced, markdown[end:])])
