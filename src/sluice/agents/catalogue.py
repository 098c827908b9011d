"""The agents of a process by name and version.

`name::1.2.3` asks for a version: that one, else the newest compatible (same major, not older), else NotFound; `name`
alone is the default version, the newest that is no pre-release. agents.md B2.
"""

import re
from collections.abc import Iterable, Iterator

from sluice.agents.agent import Agent
from sluice.errors import ConfigError, NotFound

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?\Z")
_Key = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]


def precedence(version: str) -> _Key:
    """Return the sort key of a semantic version (semver.org 2.0.0, item 11).

    Raises:
        ValueError: it is none.
    """
    found = _VERSION.match(version)
    if found is None:
        raise ValueError(f"{version!r} is no semantic version")
    major, minor, patch = (int(found[place]) for place in (1, 2, 3))
    words = found[4].split(".") if found[4] else []
    marks = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in words)
    return (major, minor, patch, 0 if words else 1, marks)


class Catalogue:
    """All agents that are served. The first one is the default agent.

    Raises:
        ConfigError: there is none, or two of one name and version.
    """

    def __init__(self, agents: Iterable[Agent]) -> None:
        self._agents: dict[str, dict[str, Agent]] = {}
        for agent in agents:
            versions = self._agents.setdefault(agent.name, {})
            if agent.version in versions:
                raise ConfigError("there are two of it", path=f"agent {agent.name}::{agent.version}")
            versions[agent.version] = agent
        if not self._agents:
            raise ConfigError("there is no agent to serve")

    def __iter__(self) -> Iterator[Agent]:
        """All of them, each version of each."""
        return (agent for versions in self._agents.values() for agent in versions.values())

    @property
    def names(self) -> list[str]:
        return list(self._agents)

    @property
    def default(self) -> Agent:
        return self.newest(next(iter(self._agents)))

    def newest(self, name: str) -> Agent:
        """Return the default version of an agent.

        Raises:
            NotFound: there is no such agent.
        """
        versions = self._agents.get(name)
        if versions is None:
            raise NotFound(f"there is no agent {name!r}")
        return max(versions.values(), key=lambda agent: (precedence(agent.version)[3], precedence(agent.version)))

    def get(self, wanted: str = "", *, strict: bool = False) -> Agent:
        """Return the agent of `name` or `name::version`; empty = the default agent. `strict` takes no other version.

        Raises:
            NotFound: there is none that would do.
        """
        if not wanted:
            return self.default
        name, _, version = wanted.partition("::")
        if not version:
            return self.newest(name)
        exact = self._agents.get(name, {}).get(version)
        if exact is not None:
            return exact
        try:
            least = precedence(version)
        except ValueError as error:
            raise NotFound(f"there is no agent {wanted!r}: {error}") from None
        fit = [
            agent
            for agent in self._agents.get(name, {}).values()
            if not strict and precedence(agent.version)[0] == least[0] and precedence(agent.version) >= least
        ]
        if not fit:
            raise NotFound(f"there is no agent {wanted!r}")
        return max(fit, key=lambda agent: (precedence(agent.version)[3], precedence(agent.version)))
