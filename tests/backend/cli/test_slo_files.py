"""Files of objectives that are imported again: what would change is told first, and all of it does or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.backend.cli.test_commands import refused, run, said
from tests.support.inside import Inside


@pytest.fixture
def file(server: Inside, tmp_path: Path) -> Path:
    """Four objectives of the shop, that are kept already."""
    kept = tmp_path / "slos.yaml"
    kept.write_text(said(None, "slo", "defaults", "audio", "--service", "shop"))
    said(server, "slo", "import", str(kept))
    return kept


def own(name: str, **more: Any) -> dict[str, Any]:
    indicator = {"kind": "span", "filter": {}, "good": {"status": "ok"}}
    return {"name": name, "service": "shop", "indicator": indicator, "target": 0.9, "window": "7d"} | more


def composite(name: str, *parts: str) -> dict[str, Any]:
    return own(name, indicator={"kind": "composite", "parts": [{"slo": part} for part in parts]})


def generations(server: Inside) -> dict[str, int]:
    return {one["name"]: one["generation"] for one in json.loads(said(server, "slo", "list", "--json"))["slos"]}


def test_a_dry_run_tells_what_would_change_and_changes_nothing(server: Inside, file: Path):
    documents = list(yaml.safe_load_all(file.read_text()))
    documents[0]["spec"]["objectives"][0]["target"] = 0.99
    documents.append(documents[1] | {"metadata": {"name": "another"}})
    file.write_text("---\n".join(yaml.safe_dump(one) for one in documents))
    before = generations(server)
    told = said(server, "slo", "import", str(file), "--replace", "--dry-run").replace("\u202f", " ").splitlines()
    changed = next(number for number, line in enumerate(told) if "would be changed" in line)
    assert told[changed].startswith("shop-availability would be changed: 99 % of shop")
    assert told[changed + 1].startswith("  target 0.999 → 0.99")
    assert sum("would stay as it is" in line for line in told) == 3
    assert sum("would be kept" in line for line in told) == 1
    done = run(server, "slo", "import", str(file), "--dry-run")
    assert done.returncode == 2
    assert "--replace" in done.stderr
    assert generations(server) == before


def test_a_file_takes_the_place_of_what_has_its_names_and_the_rest_stays(server: Inside, file: Path):
    refused(run(server, "slo", "import", str(file)), 2, "a name that no other objective has")
    assert said(server, "slo", "import", str(file), "--replace").count("is as it was") == 4
    assert set(generations(server).values()) == {1}
    file.write_text(file.read_text().replace("99.9", "99.5").replace("0.999", "0.995"))
    told = said(server, "slo", "import", str(file), "--replace")
    assert (told.count("is changed"), told.count("is as it was")) == (1, 3)
    assert sorted(generations(server).values()) == [1, 1, 1, 2]
    audited = json.loads(said(server, "audit", "--action", "slo.changed", "--json"))["items"]
    assert len(audited) == 1


def test_one_mistake_leaves_all_as_it_was(server: Inside, tmp_path: Path):
    client: httpx.Client
    with server.client() as client:
        assert client.post("/api/v1/slos", json=own("a")).status_code == 201
        wrong = [own("a", target=0.8), own("b", target=3)]
        answer = client.post("/api/v1/slos?replace=true", json=wrong)
        assert answer.status_code == 422, answer.text
        twice = client.post("/api/v1/slos?replace=true", json=[own("a", target=0.8), own("a", target=0.7)])
        assert twice.status_code == 422, twice.text
        kept = client.get("/api/v1/slos").json()["slos"]
    assert [(one["name"], one["target"], one["generation"]) for one in kept] == [("a", 90, 1)]


def test_what_is_replaced_makes_no_circle_of_the_composites_that_stand_on_it(server: Inside):
    with server.client() as client:
        for one in (own("a"), composite("ab", "a")):
            assert client.post("/api/v1/slos", json=one).status_code == 201
        circle = client.post("/api/v1/slos?replace=true", json=composite("a", "ab"))
        assert circle.status_code == 422
        assert "ab" in circle.text
        fine = client.post(
            "/api/v1/slos?replace=true", json=[composite("abc", "ab", "c"), own("c"), own("a", target=0.8)]
        )
        assert [one["change"] for one in fine.json()["slos"]] == ["created", "created", "changed"]


def test_downtime_takes_times_that_are_relative_to_now_in_whole_minutes(server: Inside, file: Path):
    told = said(server, "slo", "downtime", "shop-latency", "--from", "now-1h", "--to", "now", "--reason", "moved")
    assert "is left out" in told
    (kept,) = json.loads(said(server, "slo", "adjustments", "shop-latency", "--json"))["adjustments"]
    assert kept["from"].endswith(":00Z")
    assert kept["to"].endswith(":00Z")
    assert "now" not in kept["from"] + kept["to"]
    refused(
        run(server, "slo", "downtime", "shop-latency", "--from", "now-soon", "--to", "now", "--reason", "x"), 2, "from"
    )
