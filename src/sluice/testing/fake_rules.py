"""Which requests get which fault, as a file says it: `sluice fake --faults FILE`. Opens nothing.

YAML or JSON, a list of rules. The first that matches is taken:

    - match: {dialect: chat, model: "gpt-*", nth: 3}
      fault: {at: {event: 4}, end: rst}
      times: 1
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec
import yaml

from sluice.testing.fake_fault import Fault

_Many = Annotated[int, msgspec.Meta(ge=1)]
Dialect = Literal["chat", "responses", "messages", "gemini", "converse"]


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests; what is not said matches all."""

    dialect: Dialect | None = None
    path: str | None = None
    """Without the query; `*` stands for anything, as in a shell."""
    model: str | None = None
    """The same."""
    nth: _Many | None = None
    """The how manieth of the requests that match otherwise, from 1."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault for some requests."""

    fault: Fault
    match: Match = Match()
    times: _Many | None = None
    """For how many of them; None = all."""


class Rules:
    """The rules of a process, and how often each was met and taken."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self.reset()

    def reset(self) -> None:
        """Count from the beginning."""
        self._met = [0] * len(self._rules)
        self._taken = [0] * len(self._rules)

    def pick(self, dialect: str, path: str, model: str, *, free: bool) -> Fault | None:
        """Return the fault of a request. `free`: it has none of its own; one that has some is only counted."""
        found: Fault | None = None
        for place, rule in enumerate(self._rules):
            if not _fits(rule.match, dialect, path, model):
                continue
            self._met[place] += 1
            if found is not None or not free or rule.match.nth not in (None, self._met[place]):
                continue
            if rule.times is None or self._taken[place] < rule.times:
                self._taken[place] += 1
                found = rule.fault
        return found


def _fits(match: Match, dialect: str, path: str, model: str) -> bool:
    if match.dialect not in (None, dialect):
        return False
    if match.path is not None and not fnmatchcase(path, match.path):
        return False
    return match.model is None or fnmatchcase(model, match.model)


def read(text: str) -> tuple[Rule, ...]:
    """Return the rules of a file.

    Raises:
        ValueError: it is no YAML, or no list of rules; says where.
    """
    try:
        found = yaml.safe_load(text)
        return tuple(msgspec.convert([] if found is None else found, list[Rule]))
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise ValueError(f"it is no YAML: {error.problem}{line}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is no YAML: {error}") from None
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
