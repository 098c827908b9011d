"""No file at all: the Plan that the environment offers, so that the first request works.

PURE. Every provider whose credential is there answers under its own name (`/openai`, `/groq`, ...), and the unified
addresses find it by the name of the model. What no provider claims goes to the default: the one that `LLM_PROVIDER`
names, else the first that has a credential, else the built-in fake provider; the notes say which and why. How traffic
is treated: `environment_settings`.
"""

from collections.abc import Mapping

import msgspec

from sluice.config.credentials import Found, Unusable, first, in_environment, in_region, wanted
from sluice.config.decode import closest
from sluice.config.environment_settings import settings_in
from sluice.config.faults import Faults, Place
from sluice.config.frozen import Frozen
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
from sluice.config.process_stores import stored
from sluice.config.targets import Missing, TargetSpec, make_target, providers, served_provider
from sluice.config.tracing_environment import traced
from sluice.config.traffic import admission, treated
from sluice.config.traffic_api import AdmissionSettings, TrafficSettings
from sluice.config.unified import unified_entries
from sluice.providers.provider import Provider, names_in
from sluice.registry import Registry

NAMESPACE = "default"
GATEWAY = f"{NAMESPACE}/sluice"
CHOICE = "LLM_PROVIDER"
ORDER = ("openai", "anthropic", "gemini", "azure", "vertexai", "bedrock")
"""Who is the default, when several have a credential and nobody says; the others follow by their names. The first also
answers in any case: newcomers' first curl goes to `/openai`."""
FIRST = ORDER[0]
FAKE = "fake"


class _Keyed(Frozen):
    """A provider that the environment lets us ask."""

    target: Target
    source: str
    """The variable that was decisive."""

    @property
    def provider(self) -> Provider:
        return self.target.provider

    @property
    def words(self) -> tuple[str, ...]:
        return (self.provider.key, *self.provider.aliases)


def from_environment(env: Mapping[str, str], registry: Registry) -> Plan:
    """Return the Plan for a process that was given no file.

    Raises:
        ConfigError: a base URL, a key, `LLM_PROVIDER` or a setting in the environment cannot be used; of secrets the
        value is not repeated.
        KeyError: the registry lacks the provider `fake`.
    """
    faults, notes = Faults(), list[str]()
    fake = _Keyed(
        target=make_target(TargetSpec(name=FAKE, provider=registry.get(f"provider.{FAKE}", Provider))), source=""
    )
    rows = _in_order(registry)
    keyed = [found for row in rows if (found := _keyed(row, env, notes, faults)) is not None]
    default = _default(keyed, fake, env, registry, notes, faults)
    settings = settings_in(env, faults, notes)
    kept = traced(stored(Plan(listeners=()), env, faults), env, faults)
    faults.check()
    by_word = {word: item for item in (fake, *keyed) for word in item.words}
    by_word.setdefault(FIRST, fake)
    routes = [_entry(f"/{word}", word, _backend(item), settings) for word, item in by_word.items()]
    rule = treated(Rule(name="0", backends=()), (settings,))
    unified = unified_entries(f"{NAMESPACE}/models", by_model=rule, model_list=rule)
    listener = Listener(name=DEFAULT_LISTENER, gateway=GATEWAY, port=DEFAULT_PORT, entries=(*unified, *routes))
    return Plan(
        listeners=(listener,),
        models=_models(default, [*keyed, fake]),
        admission=admission({GATEWAY: [settings.admission or AdmissionSettings()]})[0],
        default_model=default.target.default_model,
        notes=(*_summary(default, keyed, rows), *notes),
        ledger=kept.ledger,
        store=kept.store,
        observing=kept.observing,
        needs_fake=True,
    )


def _in_order(registry: Registry) -> list[Provider]:
    """Return the rows that an environment can speak for, the likelier default first."""
    found = [row for row in providers(registry) if row.key_env or row.base_url_env or row.auth != "key"]
    return sorted(found, key=lambda row: (ORDER.index(row.key) if row.key in ORDER else len(ORDER), row.key))


def _keyed(provider: Provider, env: Mapping[str, str], notes: list[str], faults: Faults) -> _Keyed | None:
    """Return a provider's target, if the environment holds its credential and says where it is."""
    variable, url = first(provider.base_url_env, env)
    try:
        held = in_environment(provider, env)
    except Unusable as error:
        faults.add(Place("environment", path=error.variable), str(error))
        return None
    if held is None and not wanted(provider) and url:
        held = Found(source=variable)
    if held is None:
        if url:
            notes.append(f"{variable} is set and has no effect without {wanted(provider)}.")
        return None
    said = {item.name: first(item.env, env)[1] for item in provider.variables}
    said = {**held.variables, **{name: value for name, value in said.items() if value}}
    try:
        target = make_target(
            TargetSpec(
                name=provider.key,
                provider=provider,
                base_url=url,
                variables=said,
                default_model=first(provider.model_env, env)[1],
                credential=held.credential,
                cloud=in_region(held.cloud, said.get("region", _region(provider))),
            )
        )
    except Missing as error:
        notes.append(f"{held.source} is set and has no effect without {_would_say(provider, error.variable)}.")
        return None
    except ValueError as error:
        faults.add(Place("environment", path=variable or held.source), str(error))
        return None
    return _Keyed(target=target, source=held.source)


def _region(provider: Provider) -> str:
    return next((item.default for item in provider.variables if item.name == "region"), "")


def _would_say(provider: Provider, variable: str) -> str:
    """Return the environment variables of which one would give a variable its value."""
    urls = provider.base_url_env[:1] if variable in names_in(provider.host) else ()
    own = next((item.env for item in provider.variables if item.name == variable), ())
    return " or ".join((*urls, *own))


def _default(
    keyed: list[_Keyed], fake: _Keyed, env: Mapping[str, str], registry: Registry, notes: list[str], faults: Faults
) -> _Keyed:
    word = env.get(CHOICE, "").strip()
    if not word:
        return keyed[0] if keyed else fake
    row = served_provider(registry, word)
    known = [provider.key for provider in (*_in_order(registry), fake.provider)]
    if row is None or row.key not in known:
        hint = closest(word, known)
        listed = f"expected one of: {', '.join(known)}"
        text = f"there is no provider of this name; {listed}"
        faults.add(Place("environment", path=CHOICE), text, hint if hint.startswith("did you mean") else "")
        return fake
    found = next((item for item in (*keyed, fake) if item.provider.key == row.key), None)
    if found is None:
        needed = wanted(row) or " or ".join(row.base_url_env)
        notes.append(f"{CHOICE} names {row.key}, and {needed} is not set: the built-in provider `fake` answers for it.")
    return found or fake


def _models(default: _Keyed, all_: list[_Keyed]) -> tuple[ModelRoute, ...]:
    """Return the routes of the unified addresses: configured models by their names, families, `provider/model`, and the
    default for everything else. Of two that claim one name the first wins.
    """
    routes: dict[str, AiBackend] = {}
    for item in (default, *all_):
        if item.target.default_model:
            routes.setdefault(item.target.default_model, _backend(item))
    for item in all_:
        for family in item.provider.families:
            routes.setdefault(family, _backend(item))
    for item in all_:
        for word in item.words:
            routes.setdefault(f"{word}/*", _backend(item, strips=f"{word}/"))
    routes["*"] = _backend(default)
    return tuple(ModelRoute(pattern=pattern, backend=backend) for pattern, backend in routes.items())


def _summary(default: _Keyed, keyed: list[_Keyed], rows: list[Provider]) -> list[str]:
    """Return what answers where, the default first."""
    if not keyed:
        missing = next((wanted(row) for row in rows if row.key == FIRST), "")
        if not missing:
            return [f"The built-in provider `fake` answers under /{FIRST} and /{FAKE}."]
        return [
            f"{missing} is not set: the built-in provider `fake` answers under /{FIRST} and for every model of /v1."
        ]
    notes = []
    for item in sorted(keyed, key=lambda item: item is not default):
        what = f"/{item.provider.key}"
        what += " and the models of /v1 go" if item is default else " goes"
        how = f" with the key of {item.source}" if item.target.credential or item.target.cloud else ""
        notes.append(f"{what} to {item.target.endpoint.label}{how}.")
    notes[0] = notes[0].removesuffix(".") + f"; /{FAKE} needs no key."
    if all(item.provider.key != FIRST for item in keyed):
        notes.append(f"/{FIRST} has no key of its own: the built-in provider `fake` answers there.")
    if default.provider.key == FAKE:
        notes.append("The built-in provider `fake` answers for the models of /v1 that no other provider claims.")
    return notes


def _backend(item: _Keyed, strips: str = "") -> AiBackend:
    target = item.target
    if strips:
        target = msgspec.structs.replace(target, strips=strips)
    return AiBackend(name=f"{NAMESPACE}/{target.name}", groups=((target,),))


def _entry(path: str, route: str, backend: AiBackend, settings: TrafficSettings) -> Entry:
    rule = Rule(name="0", backends=(WeightedBackend(weight=1, backend=backend),))
    return Entry(
        hostname="",
        match=Match(path=PathMatch(value=path)),
        route=f"{NAMESPACE}/{route}",
        rule=treated(rule, (settings,)),
    )
