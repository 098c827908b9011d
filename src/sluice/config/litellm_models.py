"""LiteLLM's `model_list` and fallbacks to `llm.models` and `llm.virtualModels`.

PURE. A name with one deployment and no fallbacks is a model. Any other is a virtual model, whose targets are internal
models `NAME/1`, `NAME/2` …, in the order of the file; then come those of its fallbacks. Patterns cannot be virtual.
Those of one priority share requests by `weight`, else `rpm`, else `tpm`, as with LiteLLM, and step in for each other.
"""

import math
import re
from collections.abc import Sequence
from typing import Final

from sluice.config.faults import Path
from sluice.config.frozen import Frozen
from sluice.config.litellm_deployment import SHARES, Deployment, deployment
from sluice.config.litellm_reader import Given, Notebook, short
from sluice.config.litellm_words import EVERYTHING

_WEIGHTS: Final = 1000
"""What a weight of 1 comes to: LiteLLM's may have a point, ours are whole numbers."""
_MOST_WEIGHT: Final = 1_000_000
_NAME: Final = re.compile(r"(\*|\*?[^*]+|[^*]+\*)\Z")
"""What a name of `llm.models` may be: a star stands alone, or at one end."""
_EVERYTHING_NUMBER: Final = -1


class Named(Frozen):
    """A setting, and where it stands."""

    value: object
    path: Path


class Models:
    """One file's models: `read`, then `route`."""

    def __init__(self, notebook: Notebook, *, health: dict[str, object], shuffles: bool) -> None:
        """`shuffles`: LiteLLM's strategy is the one that weights are for."""
        self._notebook, self._health, self._shuffles = notebook, health, shuffles
        self._groups: dict[str, list[Deployment]] = {}
        self._members: dict[str, list[str]] = {}
        """Name in LiteLLM's file -> the entries of `llm.models` that answer for it."""
        self.entries: list[dict[str, object]] = []
        self.virtual: list[dict[str, object]] = []
        self.prices: dict[str, dict[str, dict[str, object]]] = {}
        self.falls_back = False
        self.longest = 1
        """Targets of the virtual model that has most."""

    def read(self, entries: object, credentials: dict[str, dict[str, object]]) -> None:
        """Take in `model_list`."""
        for number, item in enumerate(entries if isinstance(entries, list) else []):
            given = Given(item, ("model_list", number), self._notebook)
            name, params, info = (
                str(given.take("model_name") or ""),
                given.inner("litellm_params"),
                given.inner("model_info"),
            )
            if not name or not params.names():
                given.note("litellm_params" if name else "model_name", "left out: the entry has none")
                continue
            self._credential(params, credentials)
            for member in ("rpm", "tpm"):  # an older place for them
                if member in given:
                    given.note(
                        member, "not carried over: `litellm_params` of newer files has it, and it is no limit here"
                    )
                    given.take(member)
            given.rest()
            if not _NAME.match(name):
                given.note("model_name", "left out: a pattern has one star here, alone or at one end")
            elif name == "*" and params.is_("model", "*"):
                self._everything(params, info)
            elif found := deployment(short(name), params, info, number):
                self._groups.setdefault(name, []).append(found)

    def route(self, fallbacks: Named, default: Named) -> None:
        """Make the entries and the virtual models, by `fallbacks` and `default_fallbacks`."""
        chains = self._chains(fallbacks, default)
        self.falls_back = bool(chains)
        plain = {
            name for name, group in self._groups.items() if "*" in name or (len(group) == 1 and name not in chains)
        }
        for name, group in self._groups.items():
            if name in plain:
                self._plain(name, group, chains)
            else:
                names = self._free(name, len(group))
                self._members[name] = names
                for inner, found in zip(names, group, strict=True):
                    self._entry(inner, found, internal=True)
        for name in (name for name in self._groups if name not in plain):
            self._virtual(name, chains.get(name, []))

    # -- entries ------------------------------------------------------------------------------------------------------

    def _plain(self, name: str, group: Sequence[Deployment], chains: dict[str, list[str]]) -> None:
        for other in group[1:]:
            self._notebook.add(("model_list", other.number), "left out: a pattern has one deployment here")
        if name in chains:
            self._notebook.add(("model_list", group[0].number), "its fallbacks are left out: a pattern has none here")
        self._members[name] = [name]
        self._entry(name, group[0])

    def _entry(self, name: str, found: Deployment, *, internal: bool = False) -> None:
        entry: dict[str, object] = {"name": short(name), **found.entry}
        if internal:
            entry["visibility"] = "internal"
        if self._health:
            entry["health"] = self._health
        if "*" in name and (computed := _computed(name, found.model)):
            entry["transformation"] = {"model": computed}
        elif "*" not in name and "*" in found.model:
            self._notebook.add(
                ("model_list", found.number), "the name of one model leads to a pattern: it is asked as it is"
            )
        self.entries.append(entry)
        if found.rates:
            models = self.prices.setdefault(found.word, {"models": {}})["models"]
            models[found.model] = {"rates": dict(found.rates)}

    def _everything(self, params: Given, info: Given) -> None:
        params.take("model")
        params.rest()
        info.rest()
        text = (
            "any model of any provider: those of OpenAI, Anthropic and Gemini, by their names and with their variables"
        )
        params.note("model", text)
        for name, word in EVERYTHING:
            if name not in self._groups:
                found = Deployment(entry={"provider": word}, model="*", word=word, number=_EVERYTHING_NUMBER)
                self._groups[name] = [found]

    def _free(self, name: str, count: int) -> list[str]:
        """Return names that no entry has."""
        names: list[str] = []
        number = 0
        while len(names) < count:
            number += 1
            if f"{name}/{number}" not in self._groups:
                names.append(f"{name}/{number}")
        return names

    @staticmethod
    def _credential(params: Given, credentials: dict[str, dict[str, object]]) -> None:
        name = params.take("litellm_credential_name")
        for member, value in credentials.get(str(name), {}).items():
            if member not in params:
                params.put(member, value)
        if name is not None and str(name) not in credentials:
            params.note("litellm_credential_name", "`credential_list` has none of this name")

    # -- who is asked next --------------------------------------------------------------------------------------------

    def _chains(self, fallbacks: Named, default: Named) -> dict[str, list[str]]:
        """Return the names that are asked after each name."""
        chains: dict[str, list[str]] = {}
        for item in fallbacks.value if isinstance(fallbacks.value, list) else []:
            for name, others in item.items() if isinstance(item, dict) else ():
                chains[str(name)] = self._known(others, fallbacks.path)
        anywhere = chains.pop("*", [])
        always = self._known(default.value, default.path) or anywhere
        for name in self._groups:
            if always and name not in chains and name not in always and "*" not in name:
                chains[name] = always
        for name in chains:
            if name not in self._groups:
                self._notebook.add(fallbacks.path, f"`{name}` is no model of the file: it has no fallbacks")
        return {name: others for name, others in chains.items() if others and name in self._groups}

    def _known(self, names: object, path: Path) -> list[str]:
        """Return those names that something answers for; of the others it is noted."""
        found = []
        for name in names if isinstance(names, list) else []:
            if not isinstance(name, str):
                self._notebook.add(path, "a fallback that is no name is left out")
            elif self._fitting(name) or any(each.id == name for group in self._groups.values() for each in group):
                found.append(name)
            else:
                self._notebook.add(path, f"`{name}` is no model of the file, and left out")
        return found

    def _fitting(self, name: str) -> str:
        """Return the entry of `model_list` that a name leads to, a pattern too; empty if there is none."""
        if name in self._groups:
            return name
        for pattern in self._groups:
            stem, star, tail = pattern.partition("*")
            if star and name.startswith(stem) and name.endswith(tail) and len(name) >= len(stem) + len(tail):
                return pattern
        return ""

    def _virtual(self, name: str, fallbacks: Sequence[str]) -> None:
        group, names = self._groups[name], self._members[name]
        orders = sorted({found.order for found in group})
        chain = [
            (inner, orders.index(found.order), weight)
            for inner, found, weight in zip(names, group, self._weights(group), strict=True)
        ]
        for step, other in enumerate(fallbacks, len(orders)):
            inners = self._answering(other)
            weights = self._weights(self._groups[other]) if other in self._groups else [1] * len(inners)
            chain += [(inner, step, weight) for inner, weight in zip(inners, weights, strict=True)]
        unique = {inner: (priority, weight) for inner, priority, weight in reversed(chain)}
        ordered = [inner for inner, _, _ in sorted(chain, key=lambda each: each[1])]
        self.longest = max(self.longest, len(unique))
        targets: list[dict[str, object]] = []
        for inner in dict.fromkeys(ordered):
            priority, weight = unique[inner]
            share = {} if weight == 1 else {"weight": weight}
            targets.append({"model": short(inner), "priority": priority, **share})
        self.virtual.append({"name": short(name), "routing": {"failover": {"targets": targets}}})

    def _weights(self, group: Sequence[Deployment]) -> list[int]:
        """Return whole numbers for the shares of a name's deployments; 1 for each where nothing tells them apart."""
        member = next((name for name in SHARES if any(name in found.shares for found in group)), "")
        given = [found.shares.get(member) for found in group]
        shares = [share for share in given if share is not None]
        if len(group) == 1 or not self._shuffles or not any(shares):
            return [1] * len(group)
        if len(shares) < len(group):
            text = f"not all deployments of this name have a `{member}`: they share evenly"
            self._notebook.add(("model_list", group[0].number), text)
            return [1] * len(group)
        if member != "weight" and len({*shares}) > 1:
            text = f"the deployments of this name share its requests by `{member}`, as with LiteLLM"
            self._notebook.add(("model_list", group[0].number), text)
        whole = [round(share * _WEIGHTS) for share in shares]
        unit = max(math.gcd(*whole), 1)
        scale = min(1.0, _MOST_WEIGHT * unit / max(max(whole), 1))
        return [max(round(share / unit * scale), 1) if share else 0 for share in whole]

    def _answering(self, name: str) -> list[str]:
        """Return the entries that answer for a fallback; what only a pattern fits gets an entry of its own."""
        if name in self._members:
            return self._members[name]
        for other, group in self._groups.items():
            for found, inner in zip(group, self._members.get(other, ()), strict=False):
                if found.id == name:
                    return [inner]
        pattern = self._fitting(name)
        group = self._groups[pattern]
        stem, _, tail = pattern.partition("*")
        model = group[0].model.replace("*", name[len(stem) : len(name) - len(tail)]) if group[0].model else name
        settings = group[0].entry.get("params")
        params = {**(settings if isinstance(settings, dict) else {}), "model": model}
        (inner,) = self._free(name, 1)
        found = Deployment(
            entry={**group[0].entry, "params": params}, model=model, word=group[0].word, number=group[0].number
        )
        self._entry(inner, found, internal=True)
        self._members[name] = [inner]
        return [inner]


_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/@-]*")
"""What stands in a text of CEL as it is."""


def _computed(name: str, model: str) -> str:
    """Return the expression that makes the provider's name of a model out of the client's; empty = it is the same."""
    if not model or "*" not in model or model == name:
        return ""
    stem, _, tail = name.partition("*")
    before, _, after = model.partition("*")
    if tail or after or not _PLAIN.fullmatch(stem + before):
        return ""
    bare = f'llmRequest.model.stripPrefix("{stem}")' if stem else "llmRequest.model"
    return f'"{before}" + {bare}' if before else bare if stem else ""
