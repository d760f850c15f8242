"""Prices, lines priced anew and bills on the command line, against a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.cli.test_commands import run
from tests.support.inside import Inside
from tests.support.telemetry import NS, ledger_event, ledger_request

PRICES = 'as_of: 2026-11-01\nprices:\n  - provider: acme\n    model: a\n    rates: {input_mtok: "1"}\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("prices"))
    usage = {"gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 0}
    try:
        running.start()
        now_ns = time.time_ns()
        events = [ledger_event(cost=None, model="own", at_ns=now_ns - age * NS, **usage) for age in (10, 20)]
        events.append(ledger_event(cost="2", model="billed", at_ns=now_ns - 2 * 86_400 * NS))
        assert running.send("logs", ledger_request(*events)).status_code == 200
        yield running
    finally:
        running.stop()


def day() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * 86_400))


def test_prices_are_searched_and_shown(server: Inside):
    found = run(server, "prices", "gpt-5-mini", "--provider", "openai")
    assert found.returncode == 0
    assert "$0.25      $2  $0.025" in found.stdout
    assert run(server, "prices", "search", "gpt-5-mini", "--provider", "openai").stdout == found.stdout
    assert "no model of this name" in run(server, "prices", "nobody-knows-it").stdout
    assert "genai-prices" in run(server, "prices", "show", "openai", "gpt-5-mini").stdout
    items = json.loads(run(server, "prices", "gpt-5-mini", "--json").stdout)["items"]
    assert {item["source"] for item in items} == {"genai-prices"}
    narrow = run(server, "prices", "gpt-5", COLUMNS="60")
    assert narrow.returncode == 0


def test_a_model_without_a_price_gets_one_and_its_lines_are_priced_anew(server: Inside):
    missing = run(server, "prices", "missing").stdout
    assert "own" in missing
    assert "prices add" in missing
    added = run(server, "prices", "add", "openai", "own", "input_mtok=0.75", "output_mtok=1")
    assert "in $0.75, out $1, from the beginning on" in added.stdout
    assert "prices add" not in run(server, "prices", "missing").stdout
    dry = run(server, "reprice", "--from", "now-1h")
    assert dry.returncode == 0
    assert "— → $1.50" in dry.stdout
    assert "2 of 2 lines would change (2 now with a price)" in dry.stdout
    (told,) = json.loads(run(server, "reprice", "--list", "--json").stdout)["items"]
    assert f"--apply --run {told['run']} corrects the lines" in dry.stdout
    run(server, "prices", "add", "openai", "another", "input_mtok=1")
    stale = run(server, "reprice", "--apply", "--run", told["run"])
    assert (stale.returncode, "prices are others than the dry run's" in stale.stderr) == (1, True)
    dry = run(server, "reprice", "--from", "now-1h", "-f", "model:own", "--json")
    done = run(server, "reprice", "--apply", "--run", json.loads(dry.stdout)["run"])
    assert "2 of 2 lines corrected" in done.stdout
    assert "no call waits for a price" in run(server, "prices", "missing").stdout
    again = json.loads(run(server, "reprice", "--from", "now-1h", "--apply", "--json").stdout)
    assert (again["state"], again["changed"]) == ("done", 0)
    listed = run(server, "reprice", "--list").stdout
    assert listed.count("corrects") == 2
    assert run(server, "reprice", "--run", again["run"]).returncode == 0
    assert "needs a dry run that is done" in run(server, "reprice", "--apply", "--run", again["run"]).stderr
    assert "has ended" in run(server, "reprice", "--cancel", again["run"]).stderr


def test_a_price_is_set_replaced_and_deleted(server: Inside):
    made = json.loads(run(server, "prices", "set", "openai", "gpt-5", "input_mtok=1", "--json").stdout)
    assert run(server, "prices", "set", "openai", "gpt-5", "input_mtok=2", "--id", made["id"]).returncode == 0
    assert "r" in run(server, "prices", "show", "openai", "gpt-5").stdout
    assert "holds again" in run(server, "prices", "delete", made["id"]).stdout
    assert run(server, "prices", "delete", made["id"]).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("prices", "add", "openai", "gpt-5", "input_mtok=1"), 2, "has a price"),
        (("prices", "set", "openai", "gpt-5", "input_mtok"), 2, "is not UNIT=USD"),
        (("prices", "set", "openai", "gpt-5", "parsecs=1"), 2, "not a unit"),
        (("prices", "set", "openai", "gpt-5", "input_mtok=1", "--from", "soon"), 2, "valid_from"),
        (("reprice",), 2, "--from"),
        (("reprice", "--from", "then"), 2, "from"),
        (("reprice", "--run", "nobody"), 1, "no run"),
        (("reconcile",), 2, "FILE"),
        (("reconcile", "--show", "nobody"), 1, "no reconciliation"),
    ],
)
def test_what_is_wrong_is_told(server: Inside, arguments: tuple[str, ...], code: int, said: str):
    done = run(server, *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_price_file_is_taken_in_place_of_the_one_before(server: Inside, tmp_path: Path):
    file = tmp_path / "acme.yml"
    file.write_text(PRICES)
    assert "1 added, 0 changed" in run(server, "prices", "refresh", str(file)).stdout
    file.write_text(PRICES.replace('"1"', "1.5") + "    colour: red\n")
    wrong = run(server, "prices", "refresh", str(file))
    assert wrong.returncode == 2
    assert "acme.yml:5" in wrong.stderr
    assert "acme.yml:6" in wrong.stderr


def test_a_bill_is_held_against_the_ledger_and_the_exit_code_tells(server: Inside, tmp_path: Path):
    bill = tmp_path / "bill.csv"
    bill.write_text(f"date,model,amount\n{day()},billed,2.00\n")
    fine = run(server, "reconcile", str(bill), "--provider", "openai")
    assert (fine.returncode, fine.stdout.splitlines()[0]) == (0, "we saw 100.0 % of the bill")
    bill.write_text(f"date,model,amount\n{day()},billed,2.50\n{day()},other,1\n")
    off = run(server, "reconcile", str(bill), "--provider", "openai")
    assert off.returncode == 3
    assert "calls that the ledger lacks: $1.00" in off.stdout
    assert "other" in off.stdout
    lenient = run(server, "reconcile", str(bill), "--tolerance", "50", "--json")
    assert lenient.returncode == 0
    shown = run(server, "reconcile", "--show", json.loads(lenient.stdout)["id"], "--all")
    assert shown.stdout.startswith("we saw 57.1 % of the bill")
    assert run(server, "reconcile", "--list").stdout.count("bill.csv") == 3
    bill.write_text("a,b\n1,2\n")
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(2**30 + 1)
    assert "pack it with gzip" in run(server, "reconcile", str(huge)).stderr
    refused = run(server, "reconcile", str(bill))
    assert refused.returncode == 2
    assert "columns=date=DAY" in refused.stderr
