"""The models of the short form: which backend answers for which name.

PURE. Obeys: compat-agentgateway 3.1. A key that is not given is looked for in the environment variables of its
provider.
"""

from collections.abc import Mapping

from sluice.config.addresses import base_url, host_port
from sluice.config.backends import TLS_PORT, own_endpoint, served_provider
from sluice.config.decode import closest
from sluice.config.faults import Faults, Path
from sluice.config.plan import AiBackend, Endpoint, ModelRoute, Target, Tls
from sluice.config.references import fits_header
from sluice.config.short_form_api import LlmSpec, ModelSpec, Params, ProviderReference
from sluice.config.source import Document
from sluice.providers.credential import Secret
from sluice.providers.provider import Provider
from sluice.registry import Registry

_NOT_SERVED = (
    *(
        "openAI",
        "gemini",
        "vertex",
        "anthropic",
        "bedrock",
        "azure",
        "copilot",
        "cohere",
        "ollama",
        "baseten",
        "cerebras",
    ),
    *("deepinfra", "deepseek", "groq", "huggingface", "mistral", "openrouter", "togetherai", "xai", "fireworks"),
)
"""Provider words of the format.

Those that the registry has a row for are served; the rest is told from a typing mistake.
"""


class Models:
    """Compiles `llm.models` and checks `llm.providers` and `llm.virtualModels`; `notes` says what an operator should
    know.
    """

    def __init__(
        self, document: Document, llm: LlmSpec, env: Mapping[str, str], registry: Registry, faults: Faults
    ) -> None:
        self._document, self._llm, self._env = document, llm, env
        self._registry, self._faults = registry, faults
        self._providers = {provider.name: provider for provider in llm.providers}
        self.notes: list[str] = []

    def routes(self) -> tuple[ModelRoute, ...]:
        """Return the routes of all models that are right, in the order of the file."""
        routes = [self._model(index, spec) for index, spec in enumerate(self._llm.models)]
        self._check_names()
        self._virtual_models()
        for index, provider in enumerate(self._llm.providers):
            self._provider(provider.provider, ("llm", "providers", index, "provider"))
        return tuple(route for route in routes if route is not None)

    def _model(self, index: int, spec: ModelSpec) -> ModelRoute | None:
        path: Path = ("llm", "models", index)
        word, params = spec.provider, spec.params
        if isinstance(word, ProviderReference):
            if word.reference is None:
                return None  # `custom`, which was refused as not implemented
            found = self._providers.get(word.reference)
            if found is None:
                place = self._document.place(*path, "provider", "reference")
                self._faults.add(place, "no such provider is defined", closest(word.reference, self._providers))
                return None
            word, params = found.provider, _merged(params, found.params)
        provider = self._provider(word, (*path, "provider"))
        if provider is None:
            return None
        target = self._target(spec.name, provider, params, path)
        backend = AiBackend(name=f"default/{spec.name}", groups=((target,),))
        return ModelRoute(pattern=spec.name, backend=backend, public=spec.visibility == "public")

    def _provider(self, word: str, path: Path) -> Provider | None:
        provider = served_provider(self._registry, word.lower())
        if provider is not None:
            return provider
        place, written = self._document.place(*path), self._document.written(*path)
        if word.lower() in (known.lower() for known in _NOT_SERVED):
            self._faults.add(place, f"provider {word} is not served by this version")
        else:
            served = [item.removeprefix("provider.") for item in self._registry.ids("provider")]
            self._faults.add(place, f"unknown provider `{written}`", closest(written, served))
        return None

    def _target(self, name: str, provider: Provider, params: Params, path: Path) -> Target:
        endpoint, base_path = own_endpoint(provider), params.path_prefix or ""
        try:
            if params.base_url is not None:
                endpoint, base_path = base_url(params.base_url)
                base_path = params.path_prefix or base_path
            elif params.host_override is not None:
                endpoint = _endpoint(*host_port(params.host_override, TLS_PORT))
        except ValueError as error:
            field = "baseUrl" if params.base_url is not None else "hostOverride"
            self._faults.add(self._document.place(*path, "params", field), str(error))
        return Target(
            name=name,
            provider=provider,
            endpoint=endpoint,
            model=params.model or "",
            chat_path=params.path_override or "",
            base_path=base_path,
            credential=self._credential(name, provider, params, path),
        )

    def _credential(self, name: str, provider: Provider, params: Params, path: Path) -> Secret | None:
        found = (self._env[variable] for variable in provider.key_env if self._env.get(variable))
        key = params.api_key or next(found, None)
        if key is None:
            if provider.key_env:
                missing = " or ".join(provider.key_env)
                self.notes.append(f"Model {name} has no `apiKey` and {missing} is not set: it is asked without a key.")
            return None
        secret = Secret(key)
        if not fits_header(secret):
            place = self._document.place(*path, "params", "apiKey")
            self._faults.add(place, "the key is empty or holds characters that a header cannot carry")
        return secret

    def _check_names(self) -> None:
        seen: set[str] = set()
        named = [("models", index, spec.name) for index, spec in enumerate(self._llm.models)]
        named += [("virtualModels", index, spec.name) for index, spec in enumerate(self._llm.virtual_models)]
        for section, index, name in named:
            if name in seen:
                place = self._document.place("llm", section, index, "name")
                self._faults.add(place, "another model has the same name")
            seen.add(name)

    def _virtual_models(self) -> None:
        names = {model.name for model in self._llm.models}
        for index, spec in enumerate(self._llm.virtual_models):
            for kind in ("weighted", "failover", "conditional"):
                routing = getattr(spec.routing, kind)
                for i, target in enumerate(routing.targets if routing is not None else ()):
                    if target.model not in names:
                        place = self._document.place(
                            "llm", "virtualModels", index, "routing", kind, "targets", i, "model"
                        )
                        self._faults.add(place, "no such model is defined", closest(target.model, names))
            self.notes.append(f"Virtual model {spec.name} was checked and is not routed yet.")


def _endpoint(host: str, port: int) -> Endpoint:
    return Endpoint(host=host, port=port, tls=Tls() if port == TLS_PORT else None)


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
