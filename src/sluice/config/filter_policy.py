"""The filters of an HTTPRoute to the structs of the Plan.

PURE. Guarantee: filters that contradict each other, or the rule that they stand in, are faults at their places: two of
one kind, a redirect beside a rewrite or beside backends, a prefix to replace where none is matched.
Obeys: Gateway API 1.4, HTTPRouteRule.filters and HTTPBackendRef.filters (read 2026-11-21).
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import msgspec
from msgspec.structs import replace

from sluice.config.access_api import AccessSettings, ExternalSettings, ForwardBody, HttpService
from sluice.config.expressions import Placing
from sluice.config.faults import Faults
from sluice.config.filter_api import AuthFilter, Filter, MirrorFilter, PathModifier, RedirectFilter, RewriteFilter
from sluice.config.guard_api import ServiceTarget
from sluice.config.shaping_policy import cors
from sluice.config.transform_policy import header_change
from sluice.config.units import Size
from sluice.config.unserved import not_implemented
from sluice.policies.redirect import Redirect
from sluice.policies.rewrite import PathChange, Rewrite
from sluice.policies.shaping import NO_SHAPING, Shaping


def filtered(filters: Sequence[Filter], place: Placing, faults: Faults, *, prefixes: bool, forwards: bool) -> Shaping:
    """Return what a rule's filters come to, but for the mirrors. `place` leads to the list. `prefixes`: all matches of
    the rule are of the type PathPrefix; `forwards`: it has backends."""
    _check_together(filters, place, faults, forwards=forwards)
    found = NO_SHAPING
    for index, item in enumerate(filters):
        below = partial(place, index)
        if item.request_redirect is not None:
            _check_path(item.request_redirect.path, partial(below, "requestRedirect"), faults, prefixes=prefixes)
            found = replace(found, redirect=_redirect(item.request_redirect))
        elif item.url_rewrite is not None:
            _check_path(item.url_rewrite.path, partial(below, "urlRewrite"), faults, prefixes=prefixes)
            found = replace(found, rewrite=_rewrite(item.url_rewrite))
        elif item.cors is not None:
            found = replace(found, cors=cors(item.cors))
        else:
            found = _headers(found, item, below, faults)
    return found


def backend_filtered(filters: Sequence[Filter], place: Placing, faults: Faults) -> Shaping:
    """Return what the filters of a backendRef come to: headers, of the requests that go to it and of their answers."""
    _check_together(filters, place, faults, forwards=True)
    found = NO_SHAPING
    for index, item in enumerate(filters):
        if item.request_header_modifier is None and item.response_header_modifier is None:
            what = not_implemented(f"the filter {item.type} of a backendRef")
            faults.add(place(index, "type"), what, "it may stand in the filters of the rule")
        found = _headers(found, item, partial(place, index), faults)
    return found


def mirrors(filters: Sequence[Filter]) -> list[tuple[int, MirrorFilter]]:
    """Return the mirrors of a rule and their indexes; what a `backendRef` leads to is the route's to find out."""
    return [(index, item.request_mirror) for index, item in enumerate(filters) if item.request_mirror is not None]


def asking(spec: AuthFilter) -> AccessSettings:
    """Return the external authorization that a filter is: `extAuth`, in other words."""
    ref, http, size = spec.backend_ref, spec.http, spec.forward_body.max_size
    kind: Literal["Service", "AgentgatewayBackend"] = "Service" if ref.kind == "Service" else "AgentgatewayBackend"
    group: Literal["", "agentgateway.dev"] = "" if kind == "Service" else "agentgateway.dev"
    path = f"{msgspec.json.encode(http.path.rstrip('/')).decode()} + request.pathAndQuery" if http.path else None
    settings = ExternalSettings(
        backend_ref=ServiceTarget(name=ref.name, group=group, kind=kind, port=ref.port),
        http=HttpService(
            path=path,
            allowed_request_headers=("authorization", *http.allowed_headers),
            allowed_response_headers=http.allowed_response_headers,
        ),
        forward_body=ForwardBody(max_size=Size(size), allow_partial_message=True) if size else None,
    )
    return AccessSettings(ext_auth=settings)


def _headers(found: Shaping, item: Filter, place: Placing, faults: Faults) -> Shaping:
    asked, answered = item.request_header_modifier, item.response_header_modifier
    if asked is not None:
        change = header_change(asked, "request", partial(place, "requestHeaderModifier"), faults)
        return replace(found, request_headers=change)
    if answered is not None:
        change = header_change(answered, "response", partial(place, "responseHeaderModifier"), faults)
        return replace(found, response_headers=change)
    return found


def _check_together(filters: Sequence[Filter], place: Placing, faults: Faults, *, forwards: bool) -> None:
    kinds: list[str] = [item.type for item in filters]
    for index, kind in enumerate(kinds):
        if kind in kinds[:index] and kind not in ("RequestMirror", "ExtensionRef"):
            faults.add(place(index, "type"), f"two filters of the type {kind}", "one of them can say all of it")
    if "RequestRedirect" not in kinds:
        return
    at = place(kinds.index("RequestRedirect"), "type")
    if "URLRewrite" in kinds:
        faults.add(at, "a request that is redirected is not rewritten: RequestRedirect stands beside URLRewrite")
    if forwards:
        faults.add(at, "a rule with RequestRedirect has no backends", "its `path` and `hostname` say where to go")


def _check_path(path: PathModifier | None, place: Placing, faults: Faults, *, prefixes: bool) -> None:
    if path is not None and path.type == "ReplacePrefixMatch" and not prefixes:
        faults.add(place("path"), "ReplacePrefixMatch needs matches of the type PathPrefix, and the rule has others")


def _redirect(settings: RedirectFilter) -> Redirect:
    return Redirect(
        scheme=settings.scheme or "",
        hostname=settings.hostname or "",
        port=settings.port or 0,
        path=_path(settings.path),
        status=settings.status_code,
    )


def _rewrite(settings: RewriteFilter) -> Rewrite:
    return Rewrite(hostname=settings.hostname or "", path=_path(settings.path))


def _path(settings: PathModifier | None) -> PathChange | None:
    if settings is None:
        return None
    if settings.type == "ReplaceFullPath":
        return PathChange("full", settings.replace_full_path or "")
    return PathChange("prefix", settings.replace_prefix_match or "")
