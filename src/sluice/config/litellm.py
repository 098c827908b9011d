"""The configuration of LiteLLM's proxy to the short form: models, groups, fallbacks, retries, clocks, the master key.

PURE: text in, text out. Guarantee: every setting of the file is either carried over or named, with its path, in the
notes and in the head of what comes out; no secret of the file is in either, only the name of a variable for it.

    model_list                 llm.models; one `model_name` of several deployments, or with fallbacks: llm.virtualModels
    weight, else rpm, else tpm routing.failover: `weight` of a target beside those of its priority
    order, fallbacks           routing.failover: what comes later in LiteLLM has a higher `priority`
    fallbacks                  llm.policies.retry.codes too: LiteLLM falls back after a 401, 403 or 404 as well
    model_name: "x/*"          a pattern; what LiteLLM cuts off or puts before the model's name, a transformation does
    model_group_alias          llm.policies.ai.modelAliases
    num_retries, retry_after   llm.policies.retry
    timeout, request_timeout   llm.policies.timeouts.request; stream_timeout: firstToken; of a deployment: attempt and
                               firstToken of the model's own `timeouts`
    allowed_fails, cooldown    health of each model; disable_cooldowns: no rests
    master_key                 llm.policies.apiKey
    prices per token           config.modelCatalog, per million

Source: see litellm_words. `sluice import litellm` writes the text; it is meant to be read before it is served.
"""

from typing import Final

import yaml

from sluice.config.faults import Faults, Place
from sluice.config.frozen import Frozen
from sluice.config.litellm_models import Models, Named
from sluice.config.litellm_reader import ENVIRON, Given, Note, Notebook, short
from sluice.config.litellm_words import BY_HEALTH, FALLBACK_CODES, SHUFFLE, STRATEGIES
from sluice.config.source import Source, read
from sluice.config.units import duration_text

MIN_REST_S: Final = 1.0
WIDTH: Final = 110
MASTER: Final = "LITELLM_MASTER_KEY"


class Imported(Frozen):
    """What a file came to."""

    text: str
    """The short form, in YAML; its head says what was not carried over."""
    notes: tuple[Note, ...]
    variables: tuple[str, ...]
    """Of the environment, that it needs."""
    models: int
    virtual_models: int


def import_litellm(source: Source) -> Imported:
    """Return the short form of a LiteLLM file.

    Raises:
        ConfigError: it is no YAML, no configuration of LiteLLM's proxy, or none of its models can be served.
    """
    faults = Faults()
    documents = read(source, faults)
    faults.check()
    if not documents or not isinstance(documents[0].value, dict) or "model_list" not in documents[0].value:
        where = documents[0].place() if documents else Place(source.name, 1)
        faults.add(where, "the section `model_list` is missing", "LiteLLM's proxy has one")
        faults.check()
    notebook = Notebook(documents[0])
    form = _Form(Given(documents[0].value, (), notebook), notebook).made()
    if not form.models:
        faults.add(documents[0].place("model_list"), "none of these models can be served", _why(notebook))
        faults.check()
    plain = form.plain()
    body = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)
    variables = tuple(sorted({*_variables(plain)}))
    return Imported(
        text=_head(source, notebook, variables) + body,
        notes=notebook.notes,
        variables=variables,
        models=len(form.models),
        virtual_models=len(form.virtual),
    )


class _Short(Frozen):
    """The short form on its way."""

    config: dict[str, object]
    models: list[dict[str, object]]
    virtual: list[dict[str, object]]
    policies: dict[str, object]

    def plain(self) -> dict[str, object]:
        llm = {"models": self.models, "virtualModels": self.virtual, "policies": self.policies}
        made = {"config": self.config, "llm": {name: value for name, value in llm.items() if value}}
        return {name: value for name, value in made.items() if value}


class _Form:
    """One file on its way; settings that stand in two sections count where LiteLLM's router has them."""

    def __init__(self, top: Given, notebook: Notebook) -> None:
        self._top, self._notebook = top, notebook
        self._router, self._module = top.inner("router_settings"), top.inner("litellm_settings")
        self._general = top.inner("general_settings")

    def made(self) -> _Short:
        strategy = str(self._router.take("routing_strategy") or SHUFFLE)
        if text := STRATEGIES.get(strategy, BY_HEALTH):
            self._router.note("routing_strategy", f"not carried over: {text}")
        models = Models(self._notebook, health=self._health(), shuffles=strategy == SHUFFLE)
        models.read(self._top.take("model_list"), self._credentials())
        models.route(self._named("fallbacks"), self._named("default_fallbacks"))
        aliases = self._aliases()
        policies = self._policies(models, aliases)
        config: dict[str, object] = {}
        if self._module.flag("json_logs"):
            config["logging"] = {"format": "json"}
        if models.prices:
            config["modelCatalog"] = [{"inline": {"providers": models.prices}}]
        self._environment()
        for section in (self._router, self._module, self._general, self._top):
            section.rest()
        return _Short(config=config, models=models.entries, virtual=models.virtual, policies=policies)

    def _policies(self, models: Models, aliases: dict[str, object]) -> dict[str, object]:
        found: dict[str, object] = {}
        if key := self._general.secret("master_key", MASTER):
            found["apiKey"] = {"keys": [{"name": "master", "key": key}]}
        else:
            self._notebook.add(
                ("general_settings",), "without `master_key` everybody may ask: it listens on this machine only"
            )
        if aliases:
            found["ai"] = {"modelAliases": aliases}
        if clocks := self._clocks():
            found["timeouts"] = clocks
        if retry := self._retry(models):
            found["retry"] = retry
        most = self._general.number("global_max_parallel_requests")
        if most:
            found["admission"] = {"maxConcurrent": int(most)}
        return found

    def _either(self, name: str, other: str = "") -> float | None:
        """Return a number of the router's, else of the module's; both are taken."""
        mine, theirs = self._router.number(name), self._module.number(other or name)
        return mine if mine is not None else theirs

    def _clocks(self) -> dict[str, object]:
        whole, first = self._either("timeout", "request_timeout"), self._either("stream_timeout")
        clocks = {"firstToken": first, "request": whole}
        return {name: duration_text(seconds) for name, seconds in clocks.items() if seconds}

    def _retry(self, models: Models) -> dict[str, object]:
        """`attempts` counts those at other targets too: there are enough to come to the last of the fallbacks."""
        section = self._router if "num_retries" in self._router else self._module
        number, pause = self._either("num_retries"), self._either("retry_after")
        found: dict[str, object] = {}
        if number is not None:
            found["attempts"] = min(max(int(number), models.longest - 1), 255)
            if found["attempts"] != int(number):
                section.note("num_retries", "`attempts` is more: it counts those at other targets too")
        if pause:
            found["backoff"] = duration_text(pause)
        if models.falls_back:
            found["codes"] = list(FALLBACK_CODES)
        return found

    def _health(self) -> dict[str, object]:
        fails, rest = self._either("allowed_fails"), self._either("cooldown_time")
        if self._router.flag("disable_cooldowns"):
            return {"eviction": {"consecutiveFailures": 0}}
        found: dict[str, object] = {}
        if rest is not None:
            found["duration"] = duration_text(max(rest, MIN_REST_S))
        if fails is not None:
            found["consecutiveFailures"] = int(fails) + 1
        return {"eviction": found} if found else {}

    def _named(self, name: str) -> Named:
        """Return a setting of the router, else of the module."""
        section = self._router if name in self._router else self._module
        return Named(value=section.take(name), path=(*section.path, name))

    def _aliases(self) -> dict[str, object]:
        aliases = self._router.inner("model_group_alias")
        found: dict[str, object] = {}
        for name in aliases.names():
            value = aliases.take(name)
            model = value.get("model") if isinstance(value, dict) else value
            if isinstance(model, str) and "*" not in name:
                found[short(name)] = short(model)
            else:
                aliases.note(name, "not carried over: an alias names one model")
        return found

    def _credentials(self) -> dict[str, dict[str, object]]:
        """Return `credential_list` by name."""
        found: dict[str, dict[str, object]] = {}
        entries = self._top.take("credential_list")
        for index, item in enumerate(entries if isinstance(entries, list) else []):
            given = Given(item, ("credential_list", index), self._notebook)
            name, values = str(given.take("credential_name") or ""), given.take("credential_values")
            given.take("credential_info")
            given.rest()
            if isinstance(values, dict):
                found[name] = values
        return found

    def _environment(self) -> None:
        """`environment_variables`: they have to be set before the process starts."""
        variables = self._top.inner("environment_variables")
        for name in variables.names():
            if not str(variables.take(name)).startswith(f"{ENVIRON}{name}"):
                variables.note(name, "not carried over: set it in the environment of the process")


class _Dumper(yaml.SafeDumper):
    """Lists are indented, and what stands in two places is written twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _variables(value: object) -> set[str]:
    """Return the variables that a plain value names."""
    if isinstance(value, str):
        return {value[1:]} if value.startswith("$") and not value.startswith("$$") else set()
    if isinstance(value, dict):
        return {name for item in value.values() for name in _variables(item)}
    return {name for item in value for name in _variables(item)} if isinstance(value, list) else set()


def _head(source: Source, notebook: Notebook, variables: tuple[str, ...]) -> str:
    lines = [f"Made of {source.name}, a configuration of LiteLLM's proxy. `sluice check -f FILE` shows what it serves."]
    if variables:
        lines += ["", "It needs in the environment:", *(f"  {name}" for name in variables)]
    if notebook.notes:
        lines += ["", "Not carried over, or not quite:", *(f"  {note}" for note in notebook.notes)]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _why(notebook: Notebook) -> str:
    return next((note.text for note in notebook.notes if note.text.startswith("left out")), "")
