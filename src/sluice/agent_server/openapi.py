"""`/openapi.json`, made of the routes themselves: what is not served is not described. OpenAPI 3.1.

Obeys: spec.openapis.org/oas/v3.1.1 (read 2026-11-21).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

from sluice import __version__

_Json = dict[str, Any]
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_PROBLEM: _Json = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("type", "title", "detail", "code", "param")}
    | {"status": {"type": "integer"}},
}
_REF = "#/components/schemas/{name}"


def described(routes: Iterable[BaseRoute], protocols: Mapping[object, str]) -> _Json:
    """Return the description of these routes. Those below `/agents/NAME` are the same again and are left out."""
    paths: dict[str, _Json] = {}
    kinds: list[Any] = []
    for route in routes:
        if isinstance(route, Route) and route.include_in_schema:
            path = _PARAMETER.sub(r"{\1}", route.path)
            for method in sorted((route.methods or set()) - {"HEAD"}):
                takes = getattr(route.endpoint, "takes", None)
                kinds += [] if takes is None else [takes]
                tag = protocols.get(route.endpoint, "none")
                paths.setdefault(path, {}).setdefault(method.lower(), _operation(route, method, path, tag, takes))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    bodies = {id(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    for operations in paths.values():
        for operation in operations.values():
            if (takes := operation.pop("takes", None)) is not None:
                operation["requestBody"] = {"content": {"application/json": {"schema": bodies[id(takes)]}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice agent server", "version": __version__},
        "paths": paths,
        "components": {"schemas": {**components, "Problem": _PROBLEM}},
    }


def _operation(route: Route, method: str, path: str, tag: str, takes: Any) -> _Json:
    name = getattr(route.endpoint, "__name__", "").replace("_", " ").strip()
    text = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
    operation: _Json = {
        "operationId": f"{method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', path)}".rstrip("_"),
        "summary": text or f"{tag}: {name}",
        "tags": [tag],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(route.path)
        ],
        "responses": {
            "200": _answer(path),
            "default": _told("application/problem+json", {"$ref": _REF.format(name="Problem")}),
        },
    }
    if takes is not None:
        operation["takes"] = takes
    elif method in ("POST", "PUT", "PATCH"):
        operation["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
    return operation


def _answer(path: str) -> _Json:
    if path.endswith("/stream"):
        return _told("text/event-stream", {"type": "string"})
    return _told("application/json", {})


def _told(media: str, schema: _Json) -> _Json:
    return {"description": media, "content": {media: {"schema": schema}}}


def page(description: _Json) -> bytes:
    """Return the description as a page for people: nothing is fetched, nothing runs."""
    rows = []
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            rows.append((operation["tags"][0], method.upper(), path, operation["summary"]))
    groups = dict.fromkeys(row[0] for row in rows)
    body = "".join(
        f"<h2>{_safe(group)}</h2><table>"
        + "".join(
            f"<tr><td class=m>{method}</td><td><code>{_safe(path)}</code></td><td>{_safe(text)}</td></tr>"
            for tag, method, path, text in rows
            if tag == group
        )
        + "</table>"
        for group in groups
    )
    title = _safe(f"{description['info']['title']} {description['info']['version']}")
    return _PAGE.replace("TITLE", title).replace("BODY", body).encode()


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>TITLE</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem }
table { border-collapse: collapse; width: 100% }
td { padding: .25rem .75rem .25rem 0; border-top: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere }
.m { width: 5rem; font-weight: 600 }
</style>
<h1>TITLE</h1>
<p>Each of these is also served below <code>/agents/NAME/</code>, for that agent.
Machines read <a href="openapi.json">openapi.json</a>.</p>
BODY
</html>
"""
