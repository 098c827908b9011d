"""The commands and snippets of seed 004: from the document itself where it lies beside the tree, else from our page."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "agents" / "seed-004.md"
EXAMPLES = ROOT / "examples" / "streaming_graph"
SEEDS = ROOT.parent / "shared" / "seeds"
_FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[str]:
    """Return the fenced blocks of a page."""
    return [found[2] for found in _FENCE.finditer(text)]


def source() -> Path:
    """Return the file that is read."""
    return next(iter(sorted(SEEDS.glob("004*"))), PAGE)


def snippet(word: str) -> str:
    """Return the first block in which a word stands."""
    return next(block for block in blocks(source().read_text()) if word in block)
