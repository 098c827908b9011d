"""Patterns found in a text that comes in pieces: in linear time, whatever the cuts, and nothing waits without a reason.

    spelling, syntax ──► program ──► strands ──► bundles ──► machine ──► finder
    a pattern's text     what to     one way     one match   all of      positions:
    to a tree            do next     through it  or none     them        the spans

PURE. It imports nothing of Sluice's, and `re` only to read patterns, to ask whether one character is in a class, and to
pass over text of which the machine knows that nothing comes (`rests.py`).
"""

from sluice.policies.matching.finder import Finder, Pattern, Search, Span
from sluice.policies.matching.hostile import refuse_costly
from sluice.policies.matching.spelling import Unsupported

__all__ = ["Finder", "Pattern", "Search", "Span", "Unsupported", "refuse_costly"]
