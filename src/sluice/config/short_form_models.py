"""The models of the short form: which backend answers for which name.

PURE. Obeys: compat-agentgateway 3.1. A credential that is not given is looked for in the environment variables of its
provider. Virtual models are `short_form_virtual`'s.
"""

from collections.abc import Mapping

import msgspec

from sluice.config.addresses import host_port
from sluice.config.credentials import Found, Unusable, in_environment, in_region, wanted
from sluice.config.decode import closest
from sluice.config.faults import Faults, Path
from sluice.config.pattern import compile_pattern
from sluice.config.plan import AiBackend, Endpoint, ModelRoute, Target, ValueMatch
from sluice.config.references import fits_header
from sluice.config.short_form_api import LlmSpec, ModelSpec, ProviderReference
from sluice.config.short_form_params import CustomSpec, Params
from sluice.config.source import Document
from sluice.config.struct_fields import fields_of
from sluice.config.targets import TLS_PORT, TargetSpec, endpoint_at, make_target, served_provider, settings
from sluice.providers.credential import Secret
from sluice.providers.custom import formats
from sluice.providers.provider import Provider, Served
from sluice.registry import Registry

_NOT_SERVED = ("copilot",)
"""Provider words of the format that this version has no row for; told from a typing mistake."""
_SAME_NAME = "`matches` of one of them may say which requests it is for"
_SETTINGS = (
    *("aws_region", "vertex_region", "vertex_project"),
    *("azure_resource_name", "azure_resource_type", "azure_api_version", "azure_project_name"),
)


class _Chosen(msgspec.Struct, frozen=True):
    """A provider as a model's entry has it."""

    provider: Provider
    params: Params
    serves: tuple[Served, ...] = ()
    paths: Mapping[str, str] = {}


class Models:
    """Compiles `llm.models` and checks `llm.providers`; `notes` says what an operator should know."""

    def __init__(
        self, document: Document, llm: LlmSpec, env: Mapping[str, str], registry: Registry, faults: Faults
    ) -> None:
        self._document, self._llm, self._env = document, llm, env
        self._registry, self._faults = registry, faults
        self._providers = {provider.name: provider for provider in llm.providers}
        self.notes: list[str] = []

    def routes(self) -> list[tuple[int, ModelRoute]]:
        """Return the routes of all models that are right, each with its number in the file, in that order."""
        routes = [self._model(index, spec) for index, spec in enumerate(self._llm.models)]
        self._check_names()
        for index, provider in enumerate(self._llm.providers):
            self._provider(provider.provider, ("llm", "providers", index, "provider"))
        return [(index, route) for index, route in enumerate(routes) if route is not None]

    def _model(self, index: int, spec: ModelSpec) -> ModelRoute | None:
        path: Path = ("llm", "models", index)
        chosen = self._chosen(spec, (*path, "provider"))
        earlier = sum(other.name == spec.name for other in self._llm.models[:index])
        name = f"{spec.name}/{earlier + 1}" if earlier else spec.name
        target = None if chosen is None else self._target(name, chosen, path, keyed=self._keyed(spec))
        matches = self._matches(spec, (*path, "matches"))
        if target is None:
            return None
        backend = AiBackend(name=f"default/{name}", groups=((target,),))
        return ModelRoute(pattern=spec.name, matches=matches, backend=backend, public=spec.visibility == "public")

    def _matches(self, spec: ModelSpec, path: Path) -> tuple[tuple[ValueMatch, ...], ...]:
        found = []
        for number, match in enumerate(spec.matches):
            values = []
            for index, header in enumerate(match.headers):
                pattern = header.value.regex
                try:
                    compile_pattern(pattern or "")
                except ValueError as error:
                    place = self._document.place(*path, number, "headers", index, "value", "regex")
                    self._faults.add(place, str(error))
                text = pattern if pattern is not None else header.value.exact or ""
                values.append(ValueMatch(name=header.name.lower(), value=text, regex=pattern is not None))
            found.append(tuple(values))
        return tuple(found)

    def _chosen(self, spec: ModelSpec, path: Path) -> _Chosen | None:
        word, params = spec.provider, spec.params
        if isinstance(word, ProviderReference):
            if word.custom is not None:
                return self._custom(word.custom, params, path)
            found = self._providers.get(word.reference or "")
            if found is None:
                place = self._document.place(*path, "reference")
                self._faults.add(place, "no such provider is defined", closest(word.reference or "", self._providers))
                return None
            word, params = found.provider, _merged(params, found.params)
        provider = self._provider(word, path)
        return None if provider is None else _Chosen(provider, params)

    def _custom(self, spec: CustomSpec, params: Params, path: Path) -> _Chosen | None:
        provider = self._provider("custom", path)
        if provider is None:
            return None
        if spec.provider_override is not None:
            provider = msgspec.structs.replace(provider, telemetry_name=spec.provider_override)
        if params.model is None:
            params = msgspec.structs.replace(params, model=spec.model)
        if params.path_override is not None and any(item.path is not None for item in spec.formats):
            text = "`params.pathOverride` and the paths of `formats` exclude each other"
            self._faults.add(self._document.place(*path, "custom", "formats"), text)
        serves, paths = formats((item.type, item.path or "") for item in spec.formats)
        return _Chosen(provider, params, serves, paths)

    def _provider(self, word: str, path: Path) -> Provider | None:
        provider = served_provider(self._registry, word)
        if provider is not None:
            return provider
        place, written = self._document.place(*path), self._document.written(*path)
        if word.lower() in _NOT_SERVED:
            self._faults.add(place, f"provider {word} is not served by this version")
        else:
            served = [item.removeprefix("provider.") for item in self._registry.ids("provider")]
            self._faults.add(place, f"unknown provider `{written}`", closest(written, served))
        return None

    def _keyed(self, spec: ModelSpec) -> bool:
        """Whether `auth` of the model, or of the provider that it refers to, says which credential is used."""
        word = spec.provider
        refers = self._providers.get(word.reference or "") if isinstance(word, ProviderReference) else None
        return spec.auth is not None or (refers is not None and refers.defaults.auth is not None)

    def _target(self, name: str, chosen: _Chosen, path: Path, *, keyed: bool) -> Target | None:
        provider, params = chosen.provider, chosen.params
        held = self._held(provider, params, path)
        try:
            said = {_word(field): getattr(params, field) for field in _SETTINGS}
            variables = {**({} if held is None else held.variables), **settings(provider, said)}
            target = make_target(
                TargetSpec(
                    name=name,
                    provider=provider,
                    model=params.model or "",
                    endpoint=self._overridden(params, path),
                    base_url=params.base_url or "",
                    base_path=params.path_prefix,
                    path=params.path_override or "",
                    formats=chosen.serves,
                    paths=chosen.paths,
                    variables=variables,
                    credential=None if held is None else held.credential,
                    cloud=None if held is None else held.cloud,
                )
            )
        except ValueError as error:
            place = self._document.place(*path, "params", *(("baseUrl",) if params.base_url else ()))
            self._faults.add(place, str(error))
            return None
        if held is None and wanted(provider) and not keyed:
            missing = wanted(provider)
            self.notes.append(f"Model {name} has no `apiKey` and {missing} is not set: it is asked without a key.")
        return msgspec.structs.replace(target, cloud=in_region(target.cloud, target.variables.get("region", "")))

    def _overridden(self, params: Params, path: Path) -> Endpoint | None:
        if params.host_override is None:
            return None
        try:
            return endpoint_at(*host_port(params.host_override, TLS_PORT))
        except ValueError as error:
            self._faults.add(self._document.place(*path, "params", "hostOverride"), str(error))
            return None

    def _held(self, provider: Provider, params: Params, path: Path) -> Found | None:
        """Return the credential that is written, else what the environment holds for the provider."""
        place = self._document.place(*path, "params", "apiKey")
        if params.api_key is not None:
            secret = Secret(params.api_key)
            if not fits_header(secret):
                self._faults.add(place, "the key is empty or holds characters that a header cannot carry")
            return Found(source="apiKey", credential=secret)
        try:
            return in_environment(provider, self._env)
        except Unusable as error:
            self._faults.add(place, f"{error.variable}: {error}")
            return None

    def _check_names(self) -> None:
        seen: set[str] = set()
        named = [("models", index, spec.name) for index, spec in enumerate(self._llm.models) if not spec.matches]
        named += [("virtualModels", index, spec.name) for index, spec in enumerate(self._llm.virtual_models)]
        for section, index, name in named:
            if name in seen:
                place = self._document.place("llm", section, index, "name")
                self._faults.add(place, "another model has the same name", _SAME_NAME)
            seen.add(name)


def _word(field: str) -> str:
    """Return the name of a setting in files: `aws_region` is `awsRegion`."""
    return next(item.encode_name for item in fields_of(Params) if item.name == field)


def _merged(own: Params, defaults: Params) -> Params:
    """Return the defaults with everything that a model sets itself; of two fields that exclude each other the model's
    own stays.
    """
    values = {name: getattr(defaults, name) for name in Params.__struct_fields__}
    mine = {name: getattr(own, name) for name in Params.__struct_fields__ if getattr(own, name) is not None}
    for pair in (("base_url", "host_override"), ("path_override", "path_prefix")):
        if any(name in mine for name in pair):
            values |= dict.fromkeys(pair)
    return Params(**(values | mine))
