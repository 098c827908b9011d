"""The row: everything that Sluice knows of a provider before an operator overrides it, and how its paths are filled in.

PURE. Templates (hosts, paths, queries) hold variables in braces: `{model}` is the request's, the others are the row's.
"""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote

import msgspec

from sluice.errors import BadRequest
from sluice.providers.credential import HeaderPlacement, Secret
from sluice.providers.quirks import MODEL_NAMES

_VARIABLE = re.compile(r"\{([a-z_]+)\}")


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A dialect that a provider speaks, and where. Paths may hold `{model}`, and the row's variables."""

    dialect: str
    """Module id of the dialect."""
    path: str
    """Below the base path; one that begins with `//` stands at the root of the host, without the first slash."""
    stream_path: str = ""
    """Where streams are asked for, if elsewhere. May hold a query."""
    models: tuple[str, ...] = ("*",)
    """Names of models, at this provider, that are served so: exact, `prefix*` or `*suffix`."""
    not_models: tuple[str, ...] = ()
    """Names that are not, though `models` means them."""
    placement: HeaderPlacement | None = None
    """Where the key goes here; None = where the provider has it otherwise."""
    quirk: str = ""
    """Name in `providers.quirks.QUIRKS` of what is special about the body."""
    model_name: str = ""
    """Name in `providers.quirks.MODEL_NAMES` of how a model is called in the path."""


class Operated(msgspec.Struct, frozen=True, kw_only=True):
    """An operation beside chat that is not asked for in the client's own form, or elsewhere, or of some models only."""

    operation: str
    """A route type: `embeddings`, `rerank`, `messages_token_count`, `content_token_count`."""
    path: str
    """As `Served.path`. May hold `{model}`, and the row's variables."""
    host: str = ""
    """Template of another host than chat's; it counts as long as no operator says where the provider is."""
    form: str = ""
    """Name in `operations.forms` or `operations.token_count` of the body; empty = the client's own."""
    dialect: str = ""
    """Of token counts: the dialect of the request inside; empty = the client's own."""
    models: tuple[str, ...] = ("*",)
    not_models: tuple[str, ...] = ()
    quirk: str = ""
    model_name: str = ""
    """These four as in `Served`."""


class KeyRule(msgspec.Struct, frozen=True, kw_only=True):
    """A key that begins like this goes elsewhere."""

    begins: str
    placement: HeaderPlacement
    headers: tuple[tuple[str, str], ...] = ()
    """Headers that go with it."""


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of the row's templates, and where an operator says its value."""

    name: str
    default: str = ""
    """Empty = it has to be said, if a template asks for it."""
    settings: tuple[str, ...] = ()
    """Its names in manifests and in the short form."""
    env: tuple[str, ...] = ()
    """Environment variables that may hold it, first one wins."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """What is different about a row where variables have certain values. None = nothing."""

    when: Mapping[str, tuple[str, ...]]
    """Variable -> patterns as in `Served.models`. All have to fit; an empty value fits none."""
    host: str | None = None
    base_path: str | None = None
    query: str | None = None
    serves: tuple[Served, ...] | None = None
    paths: Mapping[str, str] | None = None
    operations: tuple[Operated, ...] | None = None
    headers: tuple[tuple[str, str], ...] | None = None
    asks_usage: bool | None = None


_VARYING = ("host", "base_path", "query", "serves", "paths", "operations", "headers", "asks_usage")


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Who serves which dialects, where, and with which credential.

    `host`, paths and `query` may hold variables in braces; an operator's settings give them their values
    (`config`, the `Target`'s `variables`). `host` empty means that the operator has to say where.
    """

    key: str
    """The provider's key in configuration: `openai` in `ai.provider.openai: {}`."""
    aliases: tuple[str, ...] = ()
    """Other words for it: in the short form, as a prefix route, before a model's name."""
    telemetry_name: str
    """`gen_ai.provider.name` and the label `gen_ai_system`."""
    serves: tuple[Served, ...]
    """In order of preference. A client's own dialect is preferred to all of them."""
    host: str = ""
    port: int = 443
    tls: bool = True
    base_path: str = "/v1"
    query: str = ""
    """Of every request, without its `?`."""
    paths: Mapping[str, str] = {}
    """Operation (a route type: `embeddings`, `rerank`, `messages_token_count`, `content_token_count` ...) -> path below
    the base path, where it is not the client's own. `//` as in `Served.path`."""
    operations: tuple[Operated, ...] = ()
    """Operations of which more has to be said than a path. Those in `paths` come first: operators write there."""
    variables: tuple[Variable, ...] = ()
    variants: tuple[Variant, ...] = ()
    """Of those that fit, each changes the row, in this order."""
    headers: tuple[tuple[str, str], ...] = ()
    """On every request."""
    auth: Literal["key", "aws", "google"] = "key"
    """What signs a request when no key is given."""
    placement: HeaderPlacement = HeaderPlacement()
    key_rules: tuple[KeyRule, ...] = ()
    key_env: tuple[str, ...] = ()
    """Environment variables that may hold the key, first one wins."""
    base_url_env: tuple[str, ...] = ()
    model_env: tuple[str, ...] = ()
    """Environment variables that may hold the model for requests that name none."""
    base_url_ends: tuple[str, ...] | None = None
    """None: a base URL holds the base path (OpenAI's habit). Else: this vendor's base URLs end before the base path,
    which is added; one of these ends, should a URL have it, is cut off first."""
    families: tuple[str, ...] = ()
    """Names of models that are its own: the unified addresses send them here."""
    asks_usage: bool = True
    """Whether `stream_options.include_usage` may be added to a stream that did not ask for it."""

    @property
    def module_id(self) -> str:
        return f"provider.{self.key}"


def served(rows: tuple[Served, ...], client: str, model: str) -> Served | None:
    """Choose how to ask for a model: in the client's own dialect if the provider speaks it, else in the first that
    fits. None = this model is not served at all."""
    fitting = [row for row in rows if _fits_any(row.models, model) and not _fits_any(row.not_models, model)]
    return next((row for row in fitting if row.dialect == client), fitting[0] if fitting else None)


def operated(provider: Provider, operation: str, model: str) -> Operated | None:
    """Return how an operation is asked for that is not simply the client's own, one path below the base path."""
    if path := provider.paths.get(operation):
        return Operated(operation=operation, path=path)
    rows = (row for row in provider.operations if row.operation == operation)
    return next((r for r in rows if _fits_any(r.models, model) and not _fits_any(r.not_models, model)), None)


def fits(pattern: str, name: str) -> bool:
    """Whether a name is meant by a pattern: exact, `prefix*`, `*suffix`, or `*`."""
    if pattern.startswith("*"):
        return name.endswith(pattern[1:])
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def chosen(provider: Provider, variables: Mapping[str, str]) -> Provider:
    """Return the row with the changes of every variant that these values call for."""
    for variant in provider.variants:
        said = ((variables.get(name, ""), patterns) for name, patterns in variant.when.items())
        if all(value and _fits_any(patterns, value) for value, patterns in said):
            changed = {name: value for name in _VARYING if (value := getattr(variant, name)) is not None}
            provider = msgspec.structs.replace(provider, **changed)
    return provider


def path_of(served: Served, model: str, *, stream: bool, variables: Mapping[str, str], base: str = "") -> str:
    """Return where to ask for a model: `base` (ready for a request line) and the row's path, every value in it
    percent-encoded whole: `:` is `%3A`, `/` is `%2F`. A stream's path may hold a query.

    Raises:
        BadRequest: the path holds the model, and its name is empty or one that a path would swallow (`..`).
    """
    template = (stream and served.stream_path) or served.path
    return below(base, template, {**variables, "model": name_in_path(served, model)})


def name_in_path(row: Served | Operated, model: str) -> str:
    """Return what a model is called in a row's path."""
    return MODEL_NAMES[row.model_name](model) if row.model_name else model


def below(base: str, template: str, variables: Mapping[str, str]) -> str:
    """Return the path of an operation (`Provider.paths`): below `base` (ready for a request line), or at the root.

    Raises:
        BadRequest: as `path_of`.
    """
    if "{model}" in template and not variables.get("model", "").strip("."):
        raise BadRequest("The name of the model cannot be part of an address.", param="model")
    path = filled(template, variables)
    return path[1:] if path.startswith("//") else f"{base}{path}"


def filled(template: str, variables: Mapping[str, str]) -> str:
    """Return a path or query with its variables replaced by their percent-encoded values; a name that is no variable
    stays as it is."""

    def value(match: re.Match[str]) -> str:
        said = variables.get(match[1])
        return match[0] if said is None else quote(said, safe="@", errors="surrogatepass")

    return _VARIABLE.sub(value, template)


def placed(
    provider: Provider, key: Secret, row: Served | None = None
) -> tuple[HeaderPlacement, tuple[tuple[str, str], ...]]:
    """Return where a key goes when no operator says so, and the headers that go with it."""
    bare = HeaderPlacement().bare(key)
    rule = next((rule for rule in provider.key_rules if bare.startswith(rule.begins)), None)
    if rule is not None:
        return rule.placement, rule.headers
    return (row and row.placement) or provider.placement, ()


def names_in(template: str) -> set[str]:
    """Return the variables of a template, `model` not among them."""
    return set(_VARIABLE.findall(template)) - {"model"}


def _fits_any(patterns: tuple[str, ...], name: str) -> bool:
    return any(fits(pattern, name) for pattern in patterns)
