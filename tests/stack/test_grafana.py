"""The dashboards for Grafana: whole, honest, and each query answered by a real Prometheus over a real stack."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from spanledger_examples import prometheus
from spanledger_server.api.pages import PLACES
from tests.stack.prometheus import configured, each_prometheus, program, running, series
from tests.stack.stack import OTLP, Stack
from tests.support.inside import Inside
from tests.support.server import ROOT, environment
from tests.support.telemetry import ledger_event, ledger_request, span, span_request
from tests.support.waiting import until

GRAFANA = ROOT / "dashboards/grafana"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GRAFANA.glob("*.json"))
}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
SOURCES = yaml.safe_load((GRAFANA / "provisioning/datasources/spanledger.yaml").read_text(encoding="utf-8"))
UIDS = {source["uid"]: source["type"] for source in SOURCES["datasources"]}
STANDS_FOR = {"$__rate_interval": "30s", "$__range": "1m", "$service": ".*", "$model": ".*"}
BUILT_IN = {"__rate_interval", "__range", "__all", "__field", "__from", "__to"}
NOT_WHEN_WELL = {  # what can only be seen while something is lost that this test does not lose
    ("services", "Kept from us"),
    ("collector", "Thrown away undecided"),
}


def each_board() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", BOARDS)


def built() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("grafana_build", GRAFANA / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: dict[str, str] = module.boards()
    return made


def queries(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Title of the panel, and PromQL with something in place of its variables."""
    for panel in board["panels"]:
        for target in panel["targets"]:
            if "expr" in target:
                expr = target["expr"]
                for variable, value in STANDS_FOR.items():
                    expr = expr.replace(variable, value)
                yield panel["title"], expr


def test_the_files_are_what_the_boards_make() -> None:
    assert built() == {name: (GRAFANA / f"{name}.json").read_text(encoding="utf-8") for name in BOARDS}


def test_there_is_one_for_each_subject_with_a_uid_of_its_own() -> None:
    assert BOARDS.keys() == {"services", "cost", "audio", "backend", "collector"}
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)


@each_board()
def test_grafanas_own_types_know_every_key(name: str) -> None:
    register_default_plugins()
    kept = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(copy.deepcopy(BOARDS[name]))))
    assert list(lost(BOARDS[name], kept)) == []


def lost(given: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Where `kept` lacks something of `given`, or has another value."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            yield from lost(value, kept[key], f"{place}.{key}") if key in kept else [f"{place}.{key}"]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for one, other in zip(given, kept, strict=True):
            yield from lost(one, other, f"{place}[]")
    elif given != kept:
        yield f"{place}: {given!r} became {kept!r}"


@each_board()
def test_every_panel_says_what_it_shows_in_which_unit_and_that_there_is_no_data(name: str) -> None:
    titles = set()
    for panel in BOARDS[name]["panels"]:
        assert panel["title"] not in titles
        titles.add(panel["title"])
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["noValue"] == "no data"
        assert panel["fieldConfig"]["defaults"].get("custom", {}).get("spanNulls", False) is False
    zeros = [expr for title, expr in queries(BOARDS[name]) if "vector(0)" in expr and "ALERTS" not in expr]
    assert zeros == [], "a zero that nobody measured"


@each_board()
def test_panels_stand_beside_each_other_within_the_page(name: str) -> None:
    places = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    assert len({panel["id"] for panel in BOARDS[name]["panels"]}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@each_board()
def test_every_data_source_variable_and_page_is_there_and_no_machine_is_named(name: str) -> None:
    board = BOARDS[name]
    text = json.dumps(board)
    used = re.findall(r'"datasource": \{"type": "([^"]+)", "uid": "([^"]+)"\}', text)
    assert used
    assert all(UIDS[uid] == kind for kind, uid in used)
    variables = {each["name"] for each in board["templating"]["list"]}
    asked = set(re.findall(r"\$\{?(\w+)", text)) - BUILT_IN
    assert asked <= variables
    assert {"pages"} <= variables
    links = [each["url"] for each in board["links"] if each["type"] == "link"]
    links += [each["url"] for panel in board["panels"] for each in panel["fieldConfig"]["defaults"].get("links", ())]
    for link in links:
        assert link.startswith("${pages}/")
        assert link.removeprefix("${pages}").partition("?")[0] in PLACES
    assert set(re.findall(r"https?://[^\"/ ]+", text)) == {"http://localhost:8321"}


def test_traces_are_found_from_points_of_charts_in_our_store_and_in_jaeger() -> None:
    (source,) = (each for each in SOURCES["datasources"] if each["uid"] == "prometheus")
    exemplars = source["jsonData"]["exemplarTraceIdDestinations"]
    assert {UIDS[each["datasourceUid"]] for each in exemplars} == {"jaeger"}
    assert {each["name"] for each in exemplars} == {"trace_id"}
    tokens = [str(each["secureJsonData"]) for each in SOURCES["datasources"] if "secureJsonData" in each]
    assert len(tokens) == 2
    assert all("${BACKEND_TOKEN}" in token for token in tokens)
    with_dots = [panel for _, panel in PANELS for target in panel["targets"] if target.get("exemplar")]
    assert len(with_dots) > 5


@each_prometheus()
def test_every_query_is_promql(tmp_path: Path, which: str) -> None:
    rules = [
        {"record": f"board:{name}:query{number}", "expr": expr}
        for name, board in BOARDS.items()
        for number, (_, expr) in enumerate(queries(board))
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "boards", "rules": rules}]}))
    promtool = program(which, prometheus.PROMTOOL)
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_what_is_asked_of_our_api_is_answered_with_these_columns(shared_server: Inside) -> None:
    alert = {"labels": {"alertname": "A", "severity": "info"}, "annotations": {"summary": "b"}}
    with shared_server.client() as client:
        assert client.post("/api/v2/alerts", json=[alert]).status_code == 200
        shared_server.send("logs", ledger_request(ledger_event(cost="0.5")))
        asked = [target for _, panel in PANELS for target in panel["targets"] if "url" in target]
        assert len(asked) == 3
        for target in asked:
            rows = until(lambda target=target: rows_of(client, target), called=target["url"])
            for column in target["columns"]:
                kind = str if column["type"] == "string" else float | int
                assert isinstance(rows[0][column["selector"]], kind | None)


def rows_of(client: httpx.Client, target: dict[str, Any]) -> list[dict[str, Any]]:
    """What a panel would show of our API."""
    parameters = {each["key"]: each["value"] for each in target["url_options"]["params"]}
    answer = client.get(target["url"], params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()[target["root_selector"]]
    return found


@pytest.mark.slow
@each_prometheus()
def test_every_query_is_answered_over_a_running_stack(stack: Stack, tmp_path: Path, which: str) -> None:
    binary = program(which)
    stack.backend.start()
    stack.add_gateway(GATEWAY_DECISION_WAIT="1s", GATEWAY_WAIT_AFTER_ROOT="100ms", GATEWAY_KEEP_RATIO="0.5").start()
    stack.add_agent(AGENT_HOST_METRICS_EVERY="1s").start()
    refused = stack.add_agent(GATEWAY_TOKEN="wrong").start()
    backend = stack.backend.url.removeprefix("http://")
    targets = {
        "spans": [f"127.0.0.1:{stack.gateway.prometheus_port}"],
        "collectors": [f"127.0.0.1:{each.metrics_port}" for each in (*stack.agents, stack.gateway)],
        "backend": [backend],
    }
    tokens = dict.fromkeys(("backend-token", "alerts-token"), stack.backend.token)
    speaking = subprocess.Popen(
        [sys.executable, "-m", "tests.stack.speaks", "120"],
        env=environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{stack.agent.http_port}", OTEL_METRIC_EXPORT_INTERVAL="500"
        ),
        cwd=ROOT,
    )
    left = {(name, title, expr) for name, board in BOARDS.items() for title, expr in queries(board)}
    left = {each for each in left if each[:2] not in NOT_WHEN_WELL}
    try:
        with running(binary, tmp_path, configured(tmp_path, targets, backend, tokens)) as client:

            def answered() -> bool:
                go_wrong(stack, refused.http_port)
                left.difference_update([each for each in left if series(client, each[2])])
                return not left

            try:
                until(answered, 75)
            except AssertionError:
                pytest.fail("nothing for\n" + "\n".join(map(str, sorted(left))))
    finally:
        speaking.terminate()
        speaking.wait(20)


def go_wrong(stack: Stack, refused_port: int) -> None:
    """What panels about trouble need: something dropped, something refused, somebody unknown, an alert that fires."""
    broken = span()
    broken.end_time_unix_nano = broken.start_time_unix_nano - 1
    httpx.post(f"http://127.0.0.1:{refused_port}/v1/traces", content=span_request(span()), headers=OTLP)
    httpx.post(f"http://127.0.0.1:{refused_port}/v1/logs", content=ledger_request(ledger_event()), headers=OTLP)
    stack.backend.send("traces", span_request(broken))
    httpx.get(f"{stack.backend.url}/api/v1/ledger")
    httpx.post(f"{stack.backend.url}/api/v2/alerts", json=[{"labels": {"alertname": "A"}}])
