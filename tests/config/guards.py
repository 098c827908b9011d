"""Short ways to read guards, without an object around them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
import pytest

from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.guard_api import PromptGuard
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_legacy import legacy_guards
from sluice.config.guard_legacy_api import LegacyPromptGuard
from sluice.config.guard_policy import guards
from sluice.config.guard_services import GuardServices
from sluice.config.guard_short import short_guards
from sluice.config.guard_short_api import ShortPromptGuard
from sluice.config.layers import Said
from sluice.config.objects import read_objects
from sluice.config.source import Source, read
from sluice.config.unserved import refuse_unserved
from sluice.errors import ConfigError
from sluice.policies.guards import Guards

T = TypeVar("T", bound=msgspec.Struct)
ALONE: Mapping[str, str] = {}


class Read(msgspec.Struct, frozen=True):
    """Guards, and why some of them have no verdict."""

    guards: Guards
    troubles: tuple[str, ...] = ()


def manifest(text: str, *objects: str, env: Mapping[str, str] = ALONE, namespace: str = "default") -> Read:
    """Read a `promptGuard` of manifests; `objects` stand beside it."""
    reading = _Reading(text, objects, env, namespace)
    return reading.done(guards(reading.said(PromptGuard), reading.judges, reading.faults, "default/p"))


def legacy(text: str, *objects: str, env: Mapping[str, str] = ALONE) -> Read:
    """Read one of the older forms."""
    reading = _Reading(text, objects, env, "default")
    return reading.done(legacy_guards(reading.said(LegacyPromptGuard), reading.judges, reading.faults, "default/p"))


def short(text: str, env: Mapping[str, str] = ALONE) -> Read:
    """Read `guardrails` of the short form."""
    reading = _Reading(text, (), env, "default")
    return reading.done(short_guards(reading.said(ShortPromptGuard), reading.judges, reading.faults, "llm"))


def refused(text: str, *, form: str = "manifest") -> str:
    """Return the error that reading this raises."""
    reading: Callable[[str], Read] = {"manifest": manifest, "legacy": legacy}.get(form, short)
    with pytest.raises(ConfigError) as caught:
        reading(text)
    return str(caught.value)


class _Reading:
    def __init__(self, text: str, objects: tuple[str, ...], env: Mapping[str, str], namespace: str) -> None:
        self.faults = Faults()
        documents = [document for each in objects for document in read(Source("o.yaml", each), self.faults)]
        services = GuardServices(self.faults, objects=read_objects(documents, self.faults), env=env)
        self.judges = JudgeReader(services, self.faults)
        (self._document,) = read(Source("g.yaml", text), self.faults)
        self._namespace = namespace

    def said(self, schema: type[T]) -> Said[T]:
        settings = decode(self._document, schema, self.faults)
        self.faults.check()
        assert settings is not None
        refuse_unserved(self._document, settings, self.faults)
        return Said(settings, self._document, (), self._namespace)

    def done(self, found: Guards) -> Read:
        self.faults.check()
        return Read(found, tuple(f"{name}: {trouble}" for name, trouble in self.judges.troubles))
