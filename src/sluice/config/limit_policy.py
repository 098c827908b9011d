"""What layers say about limits, to the Limiting of a rule.

PURE. Limits of all layers add up: a Gateway's ceiling holds beside what a route says, and nobody below drops it. A
limit has one counter for all that its policy is attached to.
Guarantee: what does not resolve never opens a door silently: a service that is not there fails as its `failureMode`
says, a RateLimitConfig that is not there is a fault.
Obeys: compat-agentgateway 1.8 and 2.5.
"""

from collections.abc import Callable, Iterable

from sluice.config.conditions import Placing, check_condition
from sluice.config.faults import Faults, Path, Place
from sluice.config.guard_api import ServiceTarget
from sluice.config.layers import Said
from sluice.config.limit_api import DescriptorSettings, GlobalLimit, LimitSettings, LocalLimit, OptionLimit, RateLimit
from sluice.config.limit_config import described
from sluice.config.limit_config_api import RateLimitConfig
from sluice.config.limit_expressions import checked
from sluice.config.limit_names import rate_id
from sluice.config.objects import Objects
from sluice.config.plan import Endpoint
from sluice.config.references import Unresolved
from sluice.config.service_url import server_at, server_of, service_at
from sluice.policies.limiting import (
    NO_LIMITS,
    AtOnce,
    Bounds,
    Choice,
    Described,
    Limiting,
    LimitSet,
    Measure,
    Part,
    Rate,
    Remote,
    RemoteDescriptor,
)
from sluice.policies.scene import ANSWERED, ASKED
from sluice.policies.server import Server

UNIT_S = {"Seconds": 1, "Minutes": 60, "Hours": 3600}

Where = Callable[[ServiceTarget, str], Endpoint]
"""Finds what a reference leads to that stands in an object of this namespace. Raises Unresolved."""
Groups = tuple[tuple[Choice, ...], ...]


class LimitReader:
    """Reads them for all rules of a configuration. Rules that stand under the same layers share one Limiting."""

    def __init__(self, objects: Objects, where: Where, faults: Faults) -> None:
        """`where` finds the endpoint of a reference of an object of a namespace, or raises Unresolved."""
        self._objects, self._where, self._faults = objects, where, faults
        self._made: dict[int, tuple[object, Groups]] = {}
        self._joined: dict[tuple[int, ...], Limiting] = {}
        self.notes: list[str] = []
        """Sentences about what does not resolve."""

    def limiting(self, layers: Iterable[Said[LimitSettings]]) -> Limiting:
        """Return what layers, the weakest first, come to."""
        made = [one for one in map(self._one, layers) if one]
        key = tuple(id(one) for one in made)
        if key not in self._joined:
            groups = tuple(group for one in made for group in one)
            self._joined[key] = Limiting(groups=groups) if groups else NO_LIMITS
        return self._joined[key]

    def _one(self, said: Said[LimitSettings]) -> Groups:
        known = self._made.get(id(said.settings))
        if known is None:
            policy = _Policy(
                said.place, _label(said), self._faults, self.notes, self._where, said.namespace, self._objects
            )
            known = self._made[id(said.settings)] = (said.settings, policy.groups(said.settings))
        return known[1]


def short_limiting(spec: LimitSettings, place: Placing, faults: Faults, notes: list[str]) -> Limiting:
    """Return what `policies` of the short form say; `place` begins there. `notes` gets sentences for the banner."""
    groups = _Policy(place, "", faults, notes).groups(spec)
    return Limiting(groups=groups) if groups else NO_LIMITS


class _Policy:
    """One object, or one place of the short form. Without `where` and `objects` there is nothing to refer to."""

    def __init__(
        self,
        place: Placing,
        label: str,
        faults: Faults,
        notes: list[str],
        where: Where | None = None,
        namespace: str = "",
        objects: Objects | None = None,
    ) -> None:
        self._place, self._label, self._faults, self._notes = place, label, faults, notes
        self._where, self._namespace, self._objects = where, namespace, objects

    def groups(self, spec: LimitSettings) -> Groups:
        found: list[tuple[Choice, ...]] = []
        if spec.rate_limit is not None:
            found += self._rate_limit(spec.rate_limit)
        if spec.local_rate_limit is not None:
            found.append((Choice(limits=LimitSet(machine=self._bounds(spec.local_rate_limit, ("localRateLimit",)))),))
        if spec.remote_rate_limit is not None:
            found.append((Choice(limits=self._limits(None, spec.remote_rate_limit, (), ("remoteRateLimit",))),))
        if spec.ent_rate_limit is not None:
            usual: Measure = "tokens" if isinstance(spec.ent_rate_limit, OptionLimit) else "requests"
            way: Path = ("entRateLimit", "global")
            found.append((Choice(limits=self._limits(None, spec.ent_rate_limit.global_, (), way, usual)),))
        return tuple(found)

    def _rate_limit(self, spec: RateLimit) -> list[tuple[Choice, ...]]:
        found: list[tuple[Choice, ...]] = []
        path: Path = ("rateLimit",)
        if spec.local is not None or spec.global_ is not None:
            limits = self._limits(spec.local, spec.global_, (*path, "local"), (*path, "global"))
            found.append((Choice(limits=limits),))
        choices = []
        for index, item in enumerate(spec.conditional or ()):
            way: Path = (*path, "conditional", index)
            condition = item.condition or ""
            check_condition(condition, self._place(*way, "condition"), self._faults)
            inner: Path = (*way, "policy")
            limits = self._limits(item.policy.local, item.policy.global_, (*inner, "local"), (*inner, "global"))
            choices.append(Choice(condition=condition, limits=limits))
        return [*found, tuple(choices)] if choices else found

    def _limits(
        self,
        local: tuple[LocalLimit, ...] | None,
        everywhere: GlobalLimit | None,
        here: Path,
        there: Path,
        usual: Measure = "requests",
    ) -> LimitSet:
        """`usual`: what a RateLimitConfig counts that does not say it."""
        machine = Bounds() if local is None else self._bounds(local, here)
        if everywhere is None:
            return LimitSet(machine=machine)
        opens = everywhere.failure_mode in ("FailOpen", "failOpen")
        if everywhere.descriptors is not None:
            return LimitSet(machine=machine, remotes=(self._remote(everywhere, there, fails_open=opens),))
        configs = self._configs(everywhere, there, usual)
        bounds = self._bounds(everywhere.limits or (), (*there, "limits"), configs)
        return LimitSet(machine=machine, everywhere=bounds, fails_open=opens)

    # -- counted by the gateway ---------------------------------------------------------------------------------------

    def _bounds(self, limits: tuple[LocalLimit, ...], path: Path, configs: tuple[Described, ...] = ()) -> Bounds:
        rates: list[Rate] = []
        at_once: list[AtOnce] = []
        for index, limit in enumerate(limits):
            way: Path = (*path, index)
            key = checked(limit.key, self._place(*way, "key"), self._faults)
            name = f"{self._label} {self._place(*way).path}".strip()
            if limit.concurrency is not None:
                identity = rate_id(name, "concurrency", key)
                at_once.append(AtOnce(id=identity, name=name, most=limit.concurrency, key=key))
            if (rate := _rate(limit, name, key)) is not None:
                rates.append(rate)
        return Bounds(rates=tuple(rates), at_once=tuple(at_once), described=configs)

    def _configs(self, spec: GlobalLimit, path: Path, usual: Measure) -> tuple[Described, ...]:
        found: list[Described] = []
        for index, reference in enumerate(spec.rate_limit_config_refs or ()):
            namespace = reference.namespace or self._namespace
            label = f"{namespace}/{reference.name}"
            config = None if self._objects is None else self._objects.get(RateLimitConfig, namespace, reference.name)
            if config is None:
                place = self._place(*path, "rateLimitConfigRefs", index)
                self._faults.add(place, f"there is no RateLimitConfig {label}")
                continue

            def place_of(*steps: str | int, document: Placing = config.place) -> Place:
                return document("spec", "raw", *steps)

            found += described(config.body, label, place_of, self._faults, usual)
        return tuple(found)

    # -- counted by a service -----------------------------------------------------------------------------------------

    def _remote(self, spec: GlobalLimit, path: Path, *, fails_open: bool) -> Remote:
        return Remote(
            name=f"{self._label} {self._place(*path).path}".strip(),
            server=self._server(spec, path),
            domain=spec.domain or "",
            descriptors=tuple(
                self._descriptor(item, (*path, "descriptors", index))
                for index, item in enumerate(spec.descriptors or ())
            ),
            fails_open=fails_open,
        )

    def _descriptor(self, spec: DescriptorSettings, path: Path) -> RemoteDescriptor:
        parts = []
        for index, entry in enumerate(spec.entries):
            member = "expression" if entry.expression is not None else "value"
            place = self._place(*path, "entries", index, member)
            text = checked(entry.expression or entry.value, place, self._faults)
            parts.append(Part(entry.name or entry.key or "", text))
        measure = _measure(spec.unit or spec.type)
        sees = ANSWERED if measure == "tokens" else ASKED
        override = checked(spec.limit_override, self._place(*path, "limitOverride"), self._faults)
        cost = checked(spec.cost, self._place(*path, "cost"), self._faults, sees=sees)
        return RemoteDescriptor(parts=tuple(parts), measure=measure, cost=cost, limit_override=override)

    def _server(self, spec: GlobalLimit, path: Path) -> Server | None:
        try:
            if spec.url is not None:
                server, target = service_at(spec.url)
                if target != "/":
                    raise ValueError("the URL of a rate-limit service has no path and no query")
                return server
            if spec.host is not None:
                return server_at(spec.host)
        except ValueError as error:
            self._faults.add(self._place(*path, "url" if spec.url is not None else "host"), str(error))
            return None
        assert spec.backend_ref is not None
        if self._where is None:
            self._faults.add(
                self._place(*path, "backendRef"), "there are no objects here to refer to", "`host` or `url`"
            )
            return None
        try:
            return server_of(self._where(spec.backend_ref, self._namespace))
        except Unresolved as error:
            self._notes.append(f"A rate-limit service cannot be asked: {error}.")
            return None


def _rate(limit: LocalLimit, name: str, key: str) -> Rate | None:
    if limit.max_tokens is not None and limit.tokens_per_fill is not None and limit.fill_interval is not None:
        measure = _measure(limit.type)
        capacity, fill, interval_s = limit.max_tokens, limit.tokens_per_fill, float(limit.fill_interval)
    elif limit.unit is not None:
        measure = "tokens" if limit.tokens is not None else "requests"
        fill = limit.tokens or limit.requests or 0
        capacity, interval_s = fill + (limit.burst or 0), float(UNIT_S[limit.unit])
    else:
        return None
    interval_us = round(interval_s * 1_000_000)
    return Rate(
        id=rate_id(name, measure, capacity, fill, interval_us, key),
        name=name,
        measure=measure,
        capacity=capacity,
        fill=fill,
        interval_us=interval_us,
        key=key,
        cut_stream=limit.cut_stream,
    )


def _measure(kind: str | None) -> Measure:
    return "tokens" if kind in ("tokens", "Tokens") else "requests"


def _label(said: Said[LimitSettings]) -> str:
    """The object, as logs name it: `default/ceiling`."""
    value = said.document.value
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    return f"{said.namespace}/{name}"
