"""A Grafana dashboard as a few facts, and the JSON that Grafana reads.

Knows the format and nothing of ours: what is shown stands in `tools/dashboards.py` and the files that it names.
Obeys: grafana.com/docs, "Dashboard JSON model", schema version 39 (Grafana 11; read 2026-11-21).

Queries are PromQL with five words of this file: `@node`, `@route` and `@model` are label matchers, for metrics that
have none of those labels, that of the route, or that of the model too; `@rate` and `@range` are windows.
"""

from typing import Literal

import msgspec

SCHEMA_VERSION = 39
COLUMNS = 24
"""Of Grafana's grid."""
WORDS = {
    "@node": 'namespace=~"$namespace"',
    "@route": 'namespace=~"$namespace", route=~"$route"',
    "@model": 'namespace=~"$namespace", route=~"$route", gen_ai_request_model=~"$model"',
    "@rate": "$__rate_interval",
    "@range": "$__range",
}

Kind = Literal["stat", "timeseries", "table"]
Json = dict[str, object]


class Query(msgspec.Struct, frozen=True):
    """One query of a panel; `legend` names its series, a column of a table."""

    expr: str
    legend: str = ""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One picture. `about` says what it means and when to worry."""

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"
    """Grafana's word: `s`, `percentunit`, `reqps`, `bytes`, `currencyUSD`."""
    kind: Kind = "timeseries"
    worry: float | None = None
    """From here on it is red; None = no value is bad in itself."""
    stacked: bool = False
    width: int = 8
    height: int = 8
    columns: tuple[tuple[str, str], ...] = ()
    """Of a table: legend of a query and unit of its column."""


class Row(msgspec.Struct, frozen=True):
    """A heading and the panels below it, left to right."""

    title: str
    panels: tuple[Panel, ...]


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """A page. Its uid is in its address: a link to it outlives a change of its title."""

    uid: str
    title: str
    about: str
    rows: tuple[Row, ...]


def expression(query: str) -> str:
    """Return a query as Grafana gets it, its words replaced."""
    for word, stands_for in WORDS.items():
        query = query.replace(word, stands_for)
    return query


def render(dashboard: Dashboard, *, tag: str, models_of: str, routes_of: str, places_of: str) -> bytes:
    """Return the dashboard's file. The variables take their values from the labels of three metrics."""
    panels: list[Json] = []
    top = 0
    for row in dashboard.rows:
        number = len(panels) + 1
        panels.append(
            {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": _place(0, top, 24, 1)}
            | {"panels": []}
        )
        top = _fill(panels, row, top + 1)
    variables = [
        _source(),
        _variable("namespace", f"label_values({places_of}, namespace)"),
        _variable("route", f'label_values({routes_of}{{namespace=~"$namespace"}}, route)'),
        _variable("model", f'label_values({models_of}{{namespace=~"$namespace"}}, gen_ai_request_model)'),
    ]
    links = {"type": "dashboards", "title": "Sluice", "tags": [tag], "asDropdown": True, "keepTime": True}
    page: Json = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": [tag],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [links | {"includeVars": True, "targetBlank": False, "icon": "dashboard", "url": "", "tooltip": ""}],
        "annotations": {"list": []},
        "templating": {"list": variables},
        "panels": panels,
    }
    return msgspec.json.format(msgspec.json.encode(page), indent=1) + b"\n"


def _fill(panels: list[Json], row: Row, top: int) -> int:
    """Lay the panels of a row out from `top` downwards; return where the next row begins."""
    left = height = 0
    for panel in row.panels:
        if left + panel.width > COLUMNS:
            left, top, height = 0, top + height, 0
        panels.append(_panel(panel, len(panels) + 1, _place(left, top, panel.width, panel.height)))
        left, height = left + panel.width, max(height, panel.height)
    return top + height


def _place(left: int, top: int, width: int, height: int) -> Json:
    return {"x": left, "y": top, "w": width, "h": height}


_PROMETHEUS: Json = {"type": "prometheus", "uid": "${datasource}"}


def _panel(panel: Panel, number: int, place: Json) -> Json:
    body: Json = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _PROMETHEUS,
        "gridPos": place,
        "targets": [_target(panel, query, index) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _OPTIONS[panel.kind],
    }
    if panel.kind == "table":
        body["transformations"] = [
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": True}}},
        ]
        body["options"] = _OPTIONS["table"] | {"sortBy": [{"displayName": panel.queries[0].legend, "desc": True}]}
    return body


_CALCULATED: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[Kind, Json] = {
    "stat": {"reduceOptions": _CALCULATED, "colorMode": "value", "graphMode": "area", "textMode": "auto"},
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["mean", "max"], "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
}


def _target(panel: Panel, query: Query, index: int) -> Json:
    once = panel.kind != "timeseries"
    return {
        "refId": chr(ord("A") + index),
        "datasource": _PROMETHEUS,
        "editorMode": "code",
        "expr": expression(query.expr),
        "legendFormat": query.legend or "__auto",
        "instant": once,
        "range": not once,
        "format": "table" if panel.kind == "table" else "time_series",
        "exemplar": False,
    }


def _defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.worry is not None:
        steps.append({"color": "red", "value": panel.worry})
    defaults: Json = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
    }
    if panel.kind == "timeseries":
        defaults["min"] = 0
        defaults["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stacked else 8,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off" if panel.worry is None else "dashed"},
        }
    return defaults


def _overrides(panel: Panel) -> list[Json]:
    """Name and unit of each column of a table; Grafana calls them `Value #A` and so on."""
    units = dict(panel.columns)
    return [
        {
            "matcher": {"id": "byName", "options": f"Value #{chr(ord('A') + index)}"},
            "properties": [
                {"id": "displayName", "value": query.legend},
                {"id": "unit", "value": units.get(query.legend, panel.unit)},
            ],
        }
        for index, query in enumerate(panel.queries)
        if panel.kind == "table"
    ]


def _source() -> Json:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}


def _variable(name: str, query: str) -> Json:
    """A list to choose from. `All` also stands for series that have no such label."""
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _PROMETHEUS,
        "definition": query,
        "query": {"query": query, "refId": name},
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "sort": 1,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }
