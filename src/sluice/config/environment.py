"""No file at all: the Plan that the environment offers, so that the first request works.

PURE. With a key in the environment its provider answers; without one the built-in fake provider does, and the notes
say so.
"""

from collections.abc import Mapping

from sluice.config.addresses import base_url
from sluice.config.backends import own_endpoint, served_provider
from sluice.config.faults import Faults, Place
from sluice.config.listeners import DEFAULT_LISTENER, DEFAULT_PORT
from sluice.config.plan import (
    AiBackend,
    Entry,
    Listener,
    Match,
    ModelRoute,
    PathMatch,
    Plan,
    Rule,
    Target,
    WeightedBackend,
)
from sluice.config.references import fits_header
from sluice.providers.credential import Secret
from sluice.providers.provider import Provider
from sluice.registry import Registry

NAMESPACE = "default"
GATEWAY = f"{NAMESPACE}/sluice"
FIRST = "openai"
"""The provider whose address answers in any case: newcomers' first curl goes to `/openai`."""
FAKE = "fake"


def from_environment(env: Mapping[str, str], registry: Registry) -> Plan:
    """Return the Plan for a process that was given no file.

    Raises:
        ConfigError: a base URL or a key in the environment cannot be used; its value is not repeated.
        KeyError: the registry lacks the provider `fake`.
    """
    faults = Faults()
    row = registry.get(f"provider.{FAKE}", Provider)
    fake = _backend(Target(name=FAKE, provider=row, endpoint=own_endpoint(row)))
    provider = served_provider(registry, FIRST)
    keyed = _keyed(provider, env, faults) if provider is not None else None
    faults.check()
    first = keyed or fake
    models = [ModelRoute(pattern=pattern, backend=fake) for pattern in (FAKE, f"{FAKE}-*")]
    entries = (
        _entry("/v1/chat/completions", "chat", None, kind="Exact"),
        _entry("/v1/models", "models", first),
        _entry(f"/{FIRST}", FIRST, first),
        _entry(f"/{FAKE}", FAKE, fake),
    )
    listener = Listener(name=DEFAULT_LISTENER, gateway=GATEWAY, port=DEFAULT_PORT, entries=entries)
    return Plan(
        listeners=(listener,),
        models=(*models, ModelRoute(pattern="*", backend=first)),
        notes=_notes(provider, keyed, env),
        needs_fake=True,
    )


def _keyed(provider: Provider, env: Mapping[str, str], faults: Faults) -> AiBackend | None:
    """Return the provider's backend if the environment holds a key for it."""
    variable, key = _first(provider.key_env, env)
    if not key:
        return None
    if not fits_header(Secret(key)):
        faults.add(Place("environment", path=variable), "the key holds characters that a header cannot carry")
    endpoint, base_path = own_endpoint(provider), ""
    variable, url = _first(provider.base_url_env, env)
    if url:
        try:
            endpoint, base_path = base_url(url)
        except ValueError as error:
            faults.add(Place("environment", path=variable), str(error))
    return _backend(
        Target(name=provider.key, provider=provider, endpoint=endpoint, base_path=base_path, credential=Secret(key))
    )


def _first(names: tuple[str, ...], env: Mapping[str, str]) -> tuple[str, str]:
    """Return the first variable that is set, and its value without white space around it."""
    found = ((name, env[name].strip()) for name in names if env.get(name, "").strip())
    return next(found, ("", ""))


def _notes(provider: Provider | None, keyed: AiBackend | None, env: Mapping[str, str]) -> tuple[str, ...]:
    if provider is None:
        return (f"The built-in provider `fake` answers under /{FIRST} and /{FAKE}.",)
    variable = provider.key_env[0]
    if keyed is None:
        notes = [
            f"{variable} is not set: the built-in provider `fake` answers under /{FIRST} and for every model of /v1."
        ]
        base, url = _first(provider.base_url_env, env)
        if url:
            notes.append(f"{base} is set and has no effect without {variable}.")
        return tuple(notes)
    where, found = keyed.groups[0][0].endpoint.label, _first(provider.key_env, env)[0]
    return (f"/{FIRST} and the models of /v1 go to {where} with the key of {found}; /{FAKE} needs no key.",)


def _backend(target: Target) -> AiBackend:
    return AiBackend(name=f"{NAMESPACE}/{target.name}", groups=((target,),))


def _entry(path: str, route: str, backend: AiBackend | None, kind: str = "PathPrefix") -> Entry:
    backends = () if backend is None else (WeightedBackend(weight=1, backend=backend),)
    return Entry(
        hostname="",
        match=Match(path=PathMatch(kind=kind, value=path)),
        route=f"{NAMESPACE}/{route}",
        rule=Rule(name="0", backends=backends),
        answer="by_model" if backend is None else "backends",
    )
