"""What an operator changes in a chat request before it is sent: models by other names, members, messages, route types.

Config type and decisions; reading and writing bodies is the dialects'. Guarantee: a member that no layer mentions is
left as the client wrote it, byte for byte. Obeys: compat-agentgateway 1.2, 1.5 and 2.3.
"""

from typing import Literal

import msgspec

from sluice.policies.guards import NO_GUARDS, Guards, accumulated
from sluice.policies.prompt_caching import PromptCaching

RouteType = Literal[
    "completions",
    "messages",
    "responses",
    "generate_content",
    "models",
    "embeddings",
    "rerank",
    "messages_token_count",
    "content_token_count",
    "realtime",
    "detect",
    "passthrough",
]


class AiPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`policies.ai` of a backend, `spec.backend.ai` of a policy. An empty member says nothing."""

    routes: tuple[tuple[str, RouteType], ...] = ()
    """Path suffix -> type; the longest that fits wins, `*` is last."""
    aliases: tuple[tuple[str, str], ...] = ()
    """The client's name of a model (exact, or with a `*`) -> the name that is used. Exact before the longest
    pattern."""
    overrides: tuple[tuple[str, msgspec.Raw], ...] = ()
    """Member of the body -> JSON value, set in any case. A dotted name leads into nested objects."""
    defaults: tuple[tuple[str, msgspec.Raw], ...] = ()
    """Member of the body -> JSON value, set where the client sent none. A dotted name leads into nested objects."""
    prepend: tuple[tuple[str, str], ...] = ()
    """Messages before the client's: (role, text)."""
    append: tuple[tuple[str, str], ...] = ()
    """Messages after the client's."""
    transformations: tuple[tuple[str, str], ...] = ()
    """Member of the client's body -> CEL; computed after overrides, before defaults."""
    final_transformations: tuple[tuple[str, str], ...] = ()
    """Member of the provider's body -> CEL, after everything else."""
    prompt_caching: PromptCaching | None = None
    guards: Guards = NO_GUARDS
    """They add up over the layers: no layer drops another's."""


NOTHING = AiPolicy()


def merged(*layers: AiPolicy) -> AiPolicy:
    """Return what the layers come to, the strongest first: each member is decided on its own, and taken whole; guards
    add up.

    Messages before and after the client's are one member, `prompt`.
    """
    said = [layer for layer in layers if layer != NOTHING]
    if len(said) < 2:
        return said[0] if said else NOTHING
    prompt = next((layer for layer in said if layer.prepend or layer.append), NOTHING)
    return AiPolicy(
        routes=next((layer.routes for layer in said if layer.routes), ()),
        aliases=next((layer.aliases for layer in said if layer.aliases), ()),
        overrides=next((layer.overrides for layer in said if layer.overrides), ()),
        defaults=next((layer.defaults for layer in said if layer.defaults), ()),
        prepend=prompt.prepend,
        append=prompt.append,
        transformations=next((layer.transformations for layer in said if layer.transformations), ()),
        final_transformations=next((layer.final_transformations for layer in said if layer.final_transformations), ()),
        prompt_caching=next((layer.prompt_caching for layer in said if layer.prompt_caching is not None), None),
        guards=accumulated(*(layer.guards for layer in reversed(said))),
    )


def aliased(policy: AiPolicy, model: str) -> str:
    """Return the name that is used for a model."""
    best, name = "", model
    for pattern, target in policy.aliases:
        if pattern == model:
            return target
        if len(pattern) > len(best) and _fits(pattern, model):
            best, name = pattern, target
    return name


def patched(policy: AiPolicy, fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Return a body's members with overrides and defaults; the same object if there is nothing to change.

    Where a dotted name leads through something that is no object, an override puts an object in its place and a
    default gives way. An explicit null of the client's is something that the client sent.
    """
    if not policy.overrides and not policy.defaults:
        return fields
    result = dict(fields)
    for name, value in policy.overrides:
        _set(result, name.split("."), value, force=True)
    for name, value in policy.defaults:
        _set(result, name.split("."), value, force=False)
    return fields if result == fields else result


def route_type(policy: AiPolicy, path: str) -> RouteType | None:
    """Return the type that the operator gives to a path, None if they say nothing about it."""
    rows = [(len(suffix), kind) for suffix, kind in policy.routes if suffix != "*" and path.endswith(suffix)]
    rows += [(0, kind) for suffix, kind in policy.routes if suffix == "*"]
    return max(rows, key=lambda row: row[0])[1] if rows else None


def _fits(pattern: str, name: str) -> bool:
    head, star, tail = pattern.partition("*")
    return bool(star) and len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)


def _set(fields: dict[str, msgspec.Raw], way: list[str], value: msgspec.Raw, *, force: bool) -> None:
    """Set the member at the end of a way through objects; `force` replaces what the client sent."""
    name, *rest = way
    if not rest:
        if force or name not in fields:
            fields[name] = value
        return
    inner = _members(fields[name]) if name in fields else {}
    if inner is None:
        if not force:
            return
        inner = {}
    before = dict(inner)
    _set(inner, rest, value, force=force)
    if inner != before or name not in fields:
        fields[name] = msgspec.Raw(msgspec.json.encode(inner))


def _members(value: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """Return the members of a JSON object, None of anything else."""
    try:
        return msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
