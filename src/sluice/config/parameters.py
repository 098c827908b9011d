"""Which AgentgatewayParameters hold for a Gateway, and what they say of what is to be seen.

PURE. A Gateway refers to them itself or by its class. The labs refer to them in values of a Helm chart, which nobody
reads here: the only ones, if nobody refers to any, hold for all Gateways. Missing ones are as none. Obeys: labs A001;
Gateway API 1.4, `parametersRef`.
"""

from functools import partial

import msgspec

from sluice.config.faults import Faults
from sluice.config.gateway_api import Gateway, GatewayClass, ParametersReference
from sluice.config.objects import Objects, Resource
from sluice.config.observing_policy import of_all_listeners, of_config, over
from sluice.config.parameters_api import AgentgatewayParameters, EnterpriseAgentgatewayParameters
from sluice.config.plan import Logging
from sluice.config.process_section import Process
from sluice.config.short_form_api import ConfigSpec
from sluice.config.struct_fields import fields_of
from sluice.config.unserved import not_implemented
from sluice.policies.observing import Observing

_SCHEMAS = {
    "AgentgatewayParameters": AgentgatewayParameters,
    "EnterpriseAgentgatewayParameters": EnterpriseAgentgatewayParameters,
}
_READ = frozenset(["logging", "metrics", "tracing", "sensitive_headers"])
"""Of `rawConfig.config`."""
_FORMATS = {"Json": "json", "Plain": "text"}
"""The older words."""


class Parameters:
    """Those of one configuration, over what the section `config` says beside it."""

    def __init__(self, objects: Objects, process: Process, faults: Faults) -> None:
        self._objects, self._faults = objects, faults
        self._weakest = process.observing
        self.notes: list[str] = []
        """Sentences for the banner."""
        self.logging = process.logging
        """Of the process."""
        self._found = [item for schema in _SCHEMAS.values() for item in objects.of(schema)]
        self._gateways = {gateway.label: gateway for gateway in objects.of(Gateway)}
        self._classes = {item.name: item for item in objects.of(GatewayClass)}
        self._seen = {f"{item.kind} {item.label}": self._read(item) for item in self._found}
        self._refs = {label: self._reference(gateway) for label, gateway in self._gateways.items()}
        self._everywhere = self._sole()
        for item in self._found:
            if f"{item.kind} {item.label}" in (self._everywhere, *self._refs.values()):
                self._say(item)

    def of(self, gateway: str) -> Observing:
        """Return what is said for a Gateway by its label."""
        return self._seen.get(self._refs.get(gateway) or self._everywhere, self._weakest)

    @property
    def everywhere(self) -> Observing:
        """What is said for all Gateways that nothing else is said for."""
        return self._seen.get(self._everywhere, self._weakest)

    # -- which --------------------------------------------------------------------------------------------------------

    def _reference(self, gateway: Resource[Gateway]) -> str:
        """Return kind and label of what a Gateway refers to; empty = nothing that is here."""
        ref: ParametersReference | None = gateway.body.spec.infrastructure.parameters_ref
        namespace, who = gateway.namespace, f"Gateway {gateway.label}"
        if ref is None and (owner := self._classes.get(gateway.body.spec.gateway_class_name)) is not None:
            of_class = owner.body.spec.parameters_ref
            ref, who = of_class, f"GatewayClass {owner.name}"
            namespace = "default" if of_class is None else of_class.namespace or "default"
        if ref is None:
            return ""
        label = f"{ref.kind} {namespace}/{ref.name}"
        if label not in self._seen:
            self.notes.append(f"{who} refers to {label}, which is not there: defaults hold.")
        return label

    def _sole(self) -> str:
        unreferred = [label for label in self._seen if label not in self._refs.values()]
        if len(self._seen) == len(unreferred) == 1:
            return unreferred[0]
        self.notes += [f"Nobody refers to {label}: it holds nowhere." for label in unreferred]
        return ""

    # -- what ---------------------------------------------------------------------------------------------------------

    def _read(self, item: Resource[AgentgatewayParameters] | Resource[EnterpriseAgentgatewayParameters]) -> Observing:
        raw, path = item.body.spec.raw_config, ("spec", "rawConfig", "config")
        for field in fields_of(ConfigSpec):
            if field.name not in _READ and getattr(raw.config, field.name) != field.default:
                text = not_implemented(f"`{field.encode_name}` of a `rawConfig`")
                self._faults.add(
                    item.place(*path, field.encode_name), text, "a section `config` beside the objects takes it"
                )
        found = of_config(raw.config, partial(item.place, *path), self._faults)
        place = partial(item.place, "spec", "rawConfig", "frontendPolicies")
        return over(self._weakest, of_all_listeners(found, raw.frontend_policies, place, self._faults))

    def _say(self, item: Resource[AgentgatewayParameters] | Resource[EnterpriseAgentgatewayParameters]) -> None:
        """Take note of what is said of the process's log, of which there is only one."""
        typed, raw, known = item.body.spec.logging, item.body.spec.raw_config.config.logging, Logging()
        word = _FORMATS.get(typed.format or "", typed.format) or raw.format
        said = {"format": word, "level": typed.level or raw.level}
        for name, value in said.items():
            now = getattr(self.logging, name)
            if value is not None and now not in (getattr(known, name), value):
                text = f"one process has one {name} of its log, and elsewhere it is said to be `{now}`"
                self._faults.add(item.place("metadata", "name"), text)
            elif value is not None:
                self.logging = msgspec.structs.replace(self.logging, **{name: value})
