"""The dashboards for Grafana: `python dashboards/grafana/build.py` makes boards/*.yaml into the JSON beside this file.

A board is a list of panels that flow from left to right, 24 columns wide: a figure, a chart, a table of the newest
values, or a table of what our API answers. Every panel says what it shows and in which unit; where there is no data it
says so, and lines have gaps. `link` leads from a series to our page with that filter and that time.

Never: a query for something that none of our parts tells Prometheus, or the address of one machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
COLUMNS: Final = 24
PROMETHEUS: Final = {"type": "prometheus", "uid": "prometheus"}
OURS: Final = {"type": "yesoreyeram-infinity-datasource", "uid": "spanledger-api"}

Json = dict[str, Any]


def _choice(name: str, label: str, query: str) -> Json:
    """A variable: some, one or all values of a label."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": PROMETHEUS,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


PAGES: Final = "http://localhost:8321"
VARIABLES: Final = {
    "service": _choice("service", "Service", "label_values(target_info, job)"),
    "model": _choice(
        "model",
        "Model",
        'label_values(gen_ai_client_operation_duration_seconds_count{job=~"$service"}, gen_ai_response_model)',
    ),
    "pages": {
        "name": "pages",
        "label": "Our pages",
        "type": "textbox",
        "query": PAGES,
        "current": {"text": PAGES, "value": PAGES},
    },
}


def _targets(ask: str | Json, *, instant: bool) -> list[Json]:
    queries = ask.items() if isinstance(ask, dict) else [("", ask)]
    return [
        {
            "refId": chr(ord("A") + place),
            "datasource": PROMETHEUS,
            "expr": expr,
            "legendFormat": legend,
            "range": not instant,
            "instant": instant,
            "exemplar": "_bucket" in expr and not instant,
            "format": "table" if instant else "time_series",
        }
        for place, (legend, expr) in enumerate(queries)
    ]


def _panel(kind: str, told: Json, width: int, height: int, defaults: Json | None = None) -> Json:
    shown: Json = {"unit": told.get("unit", "none"), "noValue": "no data", **(defaults or {})}
    if "link" in told:
        url = f"${{pages}}{told['link']}&from=${{__from:date:iso}}&to=${{__to:date:iso}}"
        shown["links"] = [{"title": "Open in spanledger", "url": url, "targetBlank": True}]
    return {
        "type": kind,
        "description": told["about"],
        "gridPos": {"w": told.get("width", width), "h": height},
        "fieldConfig": {"defaults": shown, "overrides": []},
    }


def figure(told: Json) -> Json:
    """One number; red from `bad_above` on."""
    steps: list[Json] = [{"color": "green", "value": None}]
    if "bad_above" in told:
        steps.append({"color": "red", "value": told["bad_above"]})
    return _panel("stat", told, 4, 4, {"thresholds": {"mode": "absolute", "steps": steps}}) | {
        "datasource": PROMETHEUS,
        "targets": _targets(told["ask"], instant=False),
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "graphMode": "area",
        },
    }


def chart(told: Json) -> Json:
    """Lines over time, or areas on each other; from zero, unless it can be below."""
    custom: Json = {"spanNulls": False, "showPoints": "auto", "fillOpacity": 8}
    if told.get("stacked"):
        custom |= {"fillOpacity": 30, "stacking": {"mode": "normal"}}
    return _panel("timeseries", told, 8, 8, {"custom": custom} | ({} if told.get("signed") else {"min": 0})) | {
        "datasource": PROMETHEUS,
        "targets": _targets(told["ask"], instant=False),
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def table(told: Json) -> Json:
    """The newest value of each series, the largest first."""
    return _panel("table", told, 8, 8) | {
        "datasource": PROMETHEUS,
        "targets": _targets(told["ask"], instant=True),
        "options": {"sortBy": [{"displayName": "Value", "desc": True}]},
        "transformations": [{"id": "organize", "options": {"excludeByName": {"Time": True}}}],
    }


def api(told: Json) -> Json:
    """What our API answers; `columns` are members of each row, with their unit, or `text`."""
    made = _panel("table", told, 12, 8)
    made["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
        for name, unit in told["columns"].items()
        if unit != "text"
    ]
    query = {
        "refId": "A",
        "datasource": OURS,
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": "table",
        "url": told["path"],
        "url_options": {
            "method": "GET",
            "params": [{"key": key, "value": value} for key, value in told["parameters"].items()],
        },
        "root_selector": told["root"],
        "columns": [
            {"selector": name, "text": name, "type": "string" if unit == "text" else "number"}
            for name, unit in told["columns"].items()
        ],
    }
    return made | {"datasource": OURS, "targets": [query]}


KINDS: Final = {"figure": figure, "chart": chart, "table": table, "api": api}


def _placed(panels: Sequence[Json]) -> Iterator[Json]:
    x = y = height = 0
    for number, told in enumerate(panels, start=1):
        kind = next(name for name in KINDS if name in told)
        panel = {"id": number, "title": told[kind], **KINDS[kind](told)}
        size = panel["gridPos"]
        if x + size["w"] > COLUMNS:
            x, y, height = 0, y + height, 0
        yield panel | {"gridPos": {"x": x, "y": y, **size}}
        x, height = x + size["w"], max(height, size["h"])


def board(name: str, told: Json) -> Json:
    """A dashboard; its second link leads to the page of ours that goes deeper."""
    return {
        "uid": f"spanledger-{name}",
        "title": told["title"],
        "description": told["about"],
        "tags": ["spanledger"],
        "schemaVersion": 41,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [VARIABLES[each] for each in (*told["variables"], "pages")]},
        "links": [
            {
                "title": "Dashboards",
                "type": "dashboards",
                "tags": ["spanledger"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            },
            {"title": "Open in spanledger", "type": "link", "url": f"${{pages}}{told['page']}", "targetBlank": True},
        ],
        "panels": list(_placed(told["panels"])),
    }


def boards() -> dict[str, str]:
    """The text of every dashboard, by the name of its file."""
    made = {}
    for path in sorted((HERE / "boards").glob("*.yaml")):
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        made[path.stem] = json.dumps(board(path.stem, told), indent=1, ensure_ascii=False) + "\n"
    return made


def main() -> None:
    """Write all of them."""
    for name, text in boards().items():
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
