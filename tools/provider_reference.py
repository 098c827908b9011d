"""The tables of docs/providers/, told from the rows: who speaks what, where, with which credential and variables."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from sluice.config.targets import providers
from sluice.dialects.dialect import Dialect
from sluice.providers.presets import PRESETS
from sluice.providers.provider import Provider, Served, chosen
from sluice.standard import STANDARD
from tools.markdown import code, table

PAGES = {
    "openai": "openai.md",
    "azure": "azure.md",
    "anthropic": "anthropic.md",
    "gemini": "gemini.md",
    "vertexai": "vertex.md",
    "bedrock": "bedrock.md",
    "custom": "custom.md",
    **{row.key: "presets.md" for row in PRESETS},
}
"""Provider -> its page. The built-in `fake` has none."""

FAMILIES = ("openai", "azure", "anthropic", "gemini", "vertexai", "bedrock")
"""Providers whose page has an address table and a table of variables."""

_CLOUD_ENV = {
    "key": {},
    "aws": {
        "AWS_ACCESS_KEY_ID": "with the secret key: requests are signed (SigV4)",
        "AWS_SECRET_ACCESS_KEY": "the secret key",
        "AWS_SESSION_TOKEN": "of temporary keys",
    },
    "google": {"GOOGLE_APPLICATION_CREDENTIALS": "key file of a service account; access tokens are bought with it"},
}
"""What a cloud's own tools read, by `Provider.auth`."""
_SIGNED_BY = {"key": (), "aws": ("AWS keys (SigV4)",), "google": ("a service account's access tokens",)}


def provider_table() -> str:
    """Return every provider: its words, what it is asked in, how it knows us, what the environment says of it."""
    order = list(PAGES)
    rows = sorted((row for row in providers(STANDARD) if row.key in PAGES), key=lambda row: order.index(row.key))
    return table(
        ("provider", "its words in files", "dialects", "credential", "environment: credential; address; model"),
        [
            (
                f"[{row.key}]({PAGES[row.key]})",
                code((row.key, *row.aliases)),
                ", ".join(dict.fromkeys(_title(served) for known in _forms(row) for served in known.serves))
                or "those of its `formats`",
                _credential(row),
                "; ".join(code(names) for names in _environment(row) if names),
            )
            for row in rows
        ],
    )


def preset_table() -> str:
    """Return the presets: word, dialects, base URL, the variable of the key."""
    return table(
        ("`provider`", "base URL", "dialects", "key"),
        [
            (
                code((row.key, *row.aliases)),
                f"`{_origin(row)}{row.base_path}`",
                ", ".join(_title(served) for served in row.serves),
                code(row.key_env) or "none",
            )
            for row in PRESETS
        ],
    )


def served_table(key: str) -> str:
    """Return where a provider is asked, in which dialect: as usual, then as settings change it."""
    row = STANDARD.get(f"provider.{key}", Provider)
    rows: list[Sequence[str]] = []
    hosts: list[Sequence[str]] = []
    seen: set[Sequence[str]] = set()
    for when, known in zip(["", *_whens(row)], _forms(row), strict=True):
        if when and msgspec.structs.replace(known, host=row.host) == row:
            hosts.append((when, f"`{known.host}`"))
            continue
        for served in known.serves:
            cells = (_models(served), _title(served), _address(known, served))
            if cells not in seen:
                rows.append((when, *cells))
            seen.add(cells)
    heads: Sequence[str] = ("when", "models", "dialect", "address")
    if not any(cells[0] for cells in rows):
        heads, rows = heads[1:], [cells[1:] for cells in rows]
    tables = [table(heads, rows), *([table(("when", "host"), hosts)] if hosts else [])]
    return "\n\n".join(tables)


def family_table() -> str:
    """Return whose models are told by their names, on the unified addresses of a gateway without a file."""
    rows = [row for row in providers(STANDARD) if row.families]
    return table(("provider", "names of models"), [(f"`{row.key}`", code(row.families)) for row in rows])


def environment_table(key: str) -> str:
    """Return the variables of a provider, and what each is for."""
    row = STANDARD.get(f"provider.{key}", Provider)
    rows: list[Sequence[str]] = [(code(row.key_env), "the key")] if row.key_env else []
    rows += [(f"`{name}`", what) for name, what in _CLOUD_ENV[row.auth].items()]
    usual = f"{_origin(row)}{row.base_path if row.base_url_ends is None else ''}"
    rows.append((code(row.base_url_env), f"where it is, in place of `{usual}`"))
    for variable in row.variables:
        if variable.env:
            default = f"; default `{variable.default}`" if variable.default else ""
            rows.append((code(variable.env), f"{code(variable.settings[:1])} of the files{default}"))
    rows.append((code(row.model_env), "the model of requests that name none"))
    return table(("variable, the first that is set", "meaning"), rows)


GENERATORS: dict[str, Callable[[], str]] = {
    "providers": provider_table,
    "presets": preset_table,
    "families": family_table,
    **{f"served-{key}": partial(served_table, key) for key in FAMILIES},
    **{f"environment-{key}": partial(environment_table, key) for key in FAMILIES},
}
"""The blocks of docs/providers/, for tools/docs.py."""


# -- one row ----------------------------------------------------------------------------------------------------------


def _forms(row: Provider) -> Iterator[Provider]:
    """The row as it is, then as each of its variants makes it."""
    yield row
    for variant in row.variants:
        yield chosen(row, {name: patterns[0].replace("*", "…") for name, patterns in variant.when.items()})


def _whens(row: Provider) -> Iterator[str]:
    settings = {variable.name: variable.settings[0] for variable in row.variables}
    for variant in row.variants:
        said = [
            f"`{settings[name]}` is set"
            if patterns == ("*",)
            else f"`{settings[name]}` is {_words([pattern.replace('*', '…') for pattern in patterns])}"
            for name, patterns in variant.when.items()
        ]
        yield ", ".join(said)


def _words(patterns: Sequence[str]) -> str:
    return " or ".join(f"`{pattern}`" for pattern in patterns)


def _models(served: Served) -> str:
    if served.not_models:
        return "others"
    return "all" if served.models == ("*",) else code(served.models)


def _address(row: Provider, served: Served) -> str:
    """One address, and the end of the stream's where that is another."""
    shown = f"`{_url(row, served.path)}`"
    if not served.stream_path:
        return shown
    place = served.path.partition("{model}")[0] + "{model}"
    return f"{shown}, streams `…{served.stream_path.removeprefix(place)}`"


def _url(row: Provider, path: str) -> str:
    below = path[1:] if path.startswith("//") else f"{row.base_path}{path}"
    return f"{_origin(row)}{below}{f'?{row.query}' if row.query else ''}"


def _origin(row: Provider) -> str:
    scheme, usual = ("https", 443) if row.tls else ("http", 80)
    return f"{scheme}://{row.host}{'' if row.port == usual else f':{row.port}'}"


def _title(served: Served) -> str:
    return STANDARD.get(served.dialect, Dialect).facts.title  # type: ignore[type-abstract]  # a protocol


def _credential(row: Provider) -> str:
    placements = [row.placement, *(rule.placement for rule in row.key_rules)]
    headers = (f"`{placement.name}: {placement.prefix}…`" for placement in placements)
    free = () if row.key_env or row.auth != "key" else ("none",)
    return ", or ".join(dict.fromkeys([*free, *_SIGNED_BY[row.auth], *headers]))


def _environment(row: Provider) -> tuple[Sequence[str], ...]:
    return ((*row.key_env, *_CLOUD_ENV[row.auth]), row.base_url_env, row.model_env)
