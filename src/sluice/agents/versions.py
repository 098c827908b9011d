"""Graph types: `company.name::1.2.3`, and which agent answers to one. agents.md B2.

    type     = [ company "." ] name [ "::" version ]        the company is left out in the short form of older clients
    company  = name = 1*64( letter / digit / "_" / "-" )
    version  = semantic, pre-releases too (semver.org 2.0.0)

A version is that one, else the newest of the same major, else the default; asked strictly, only that one. The default
is the newest that is no pre-release.
"""

import re

import msgspec

from sluice.agents.agent import Agent
from sluice.agents.catalogue import Catalogue, precedence
from sluice.errors import BadRequest, NotFound

_WORD = r"[A-Za-z0-9_-]{1,64}"
_TYPE = re.compile(rf"(?:(?P<company>{_WORD})\.)?(?P<name>{_WORD})(?:::(?P<version>[0-9A-Za-z.+-]{{1,128}}))?\Z")


class GraphType(msgspec.Struct, frozen=True):
    """A graph type, taken apart. `company` and `version` are empty where they are not said."""

    name: str
    company: str = ""
    version: str = ""

    @staticmethod
    def read(text: str) -> "GraphType":
        """Take a graph type apart.

        Raises:
            BadRequest: it is none.
        """
        found = _TYPE.match(text)
        if found is None:
            raise BadRequest(f"{text[:200]!r} is no graph type; one is written company.name::1.0.0", param="graphType")
        version = found["version"] or ""
        if version:
            try:
                precedence(version)
            except ValueError as error:
                raise BadRequest(f"graph type {text!r}: {error}", param="graphType") from None
        return GraphType(found["name"], found["company"] or "", version)

    def __str__(self) -> str:
        return self.base + (f"::{self.version}" if self.version else "")

    @property
    def base(self) -> str:
        """The type without its version: the name of the agent."""
        return f"{self.company}.{self.name}" if self.company else self.name

    def agrees(self, other: "GraphType") -> bool:
        """Whether both can mean the same router: the same name, and no two companies."""
        return self.name == other.name and (not self.company or not other.company or self.company == other.company)


def newest(agents: list[Agent]) -> Agent:
    """Return the newest of some versions; a pre-release only where there is nothing else."""
    return max(agents, key=lambda agent: (precedence(agent.version)[3], precedence(agent.version)))


def resolve(catalogue: Catalogue, wanted: GraphType, *, strict: bool = False) -> Agent:
    """Return the agent that answers to a graph type.

    Raises:
        NotFound: there is no such type, the short form could mean several, or strictly none has that version.
    """
    versions = _router(catalogue, wanted)
    if not wanted.version:
        return newest(versions)
    exact = [agent for agent in versions if agent.version == wanted.version]
    if exact:
        return exact[0]
    if strict:
        have = ", ".join(sorted(agent.version for agent in versions))
        raise NotFound(f"graph type {wanted.base!r} has no version {wanted.version}; it has {have}")
    major = precedence(wanted.version)[0]
    compatible = [agent for agent in versions if precedence(agent.version)[0] == major]
    return newest(compatible or versions)


def _router(catalogue: Catalogue, wanted: GraphType) -> list[Agent]:
    """Return all versions of the type that is meant."""
    agents = list(catalogue)
    versions = [agent for agent in agents if agent.name == wanted.base]
    if versions or wanted.company:
        if not versions:
            raise NotFound(f"Graph type {wanted.base!r} not found")
        return versions
    meant = {agent.name for agent in agents if agent.name.endswith(f".{wanted.name}")}
    if len(meant) != 1:
        several = f": it could be {', '.join(sorted(meant))}" if meant else ""
        raise NotFound(f"Graph type {wanted.base!r} not found{several}")
    return [agent for agent in agents if agent.name in meant]
