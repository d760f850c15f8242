"""How good forecasts are on data that nobody made for them: error against naive ways, and what the 80 % interval holds.

M4 Hourly (48 hours ahead) and the Azure LLM traces of 2023 (the rest of an hour, in minutes, priced as one model), from the
directory that SPANLEDGER_TEST_DATA names; without it, only how long a forecast takes.
"""

from __future__ import annotations

import csv
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from spanledger_server.forecast.pace import WEEK, Z80, pace

DATA = Path(os.environ.get("SPANLEDGER_TEST_DATA", "/nonexistent"))
INPUT_USD, OUTPUT_USD = 1.25e-6, 10e-6
Naive = Callable[[Sequence[float], int], float]


def main() -> None:
    speed()
    if not DATA.is_dir():
        print("skipped: SPANLEDGER_TEST_DATA names no directory with m4 and azure-llm-2023")
        return
    m4()
    azure()


def speed() -> None:
    past = [2 + math.sin(hour / 4) for hour in range(8 * WEEK)]
    for hours in (24, 240, 744):
        began = time.perf_counter()
        for turn in range(10):
            pace([*past, float(turn)], hours)  # another one each time: what was computed is kept
        print(f"pace of {hours:>3} hours from eight weeks   {(time.perf_counter() - began) * 100:.1f} ms")


def series(path: Path) -> dict[str, list[float]]:
    with path.open() as file:
        return {row[0]: [float(value) for value in row[1:] if value] for row in list(csv.reader(file))[1:]}


def m4() -> None:
    train, test = (series(DATA / "m4" / f"Hourly-{name}.csv") for name in ("train", "test"))
    known = json.loads((DATA / "m4" / "baselines.json").read_text())["sample"]
    began, smape, mase, held, errors, naive = time.perf_counter(), [], [], 0, [], []
    for name, past in train.items():
        actual, found = test[name], pace(past[-8 * WEEK :], 48)
        pairs = list(zip(actual, found.expected, strict=True))
        smape.append(200 / 48 * sum(abs(a - e) / (abs(a) + abs(e)) for a, e in pairs if a or e))
        scale = statistics.fmean(abs(now - then) for now, then in zip(past[24:], past, strict=False))
        mase.append(statistics.fmean(abs(a - e) for a, e in pairs) / scale)
        held += within(found.spread, sum(found.expected), sum(actual))
        errors.append(abs(sum(actual) - sum(found.expected)) / sum(actual))
        naive.append(abs(sum(actual) - 2 * sum(past[-24:])) / sum(actual))
    print(f"M4 hourly, {len(train)} series, 48 hours, {time.perf_counter() - began:.1f} s")
    print(f"  ours            sMAPE {statistics.fmean(smape):6.2f}   MASE {statistics.fmean(mase):6.3f}")
    for name in ("snaive", "naive2", "naive"):
        print(f"  {name:<15} sMAPE {known[name]['sMAPE']:6.2f}   MASE {known[name]['MASE']:6.3f}")
    share = f"{held / len(train):.0%}"
    print(
        f"  totals: error {statistics.fmean(errors):.1%}, of two last days {statistics.fmean(naive):.1%}; 80 % held {share}"
    )
    backwards(train)


def backwards(train: dict[str, list[float]]) -> None:
    """Histories of every length, and horizons up to a fortnight, from the training values."""
    for length, hours in ((24, 24), (48, 48), (72, 96), (168, 168), (336, 336)):
        held, errors, naive = [], [], []
        for past in train.values():
            for start in (0, len(past) - length - hours):
                history, actual = past[start : start + length], sum(past[start + length : start + length + hours])
                found = pace(history, hours)
                held.append(within(found.spread, sum(found.expected), actual))
                errors.append(abs(actual - sum(found.expected)) / actual)
                naive.append(abs(actual - history[-1] * hours) / actual)
        told = f"error {statistics.fmean(errors):.1%}, of the last hour {statistics.fmean(naive):.1%}"
        print(f"  {length:>3} hours known, {hours:>3} ahead: {told}; 80 % held {statistics.fmean(held):.0%}")


def minutes(path: Path) -> list[float]:
    """USD of each whole minute."""
    spent: dict[int, float] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            minute = int(datetime.fromisoformat(row["TIMESTAMP"][:26]).timestamp() // 60)
            cost = int(row["ContextTokens"]) * INPUT_USD + int(row["GeneratedTokens"]) * OUTPUT_USD
            spent[minute] = spent.get(minute, 0.0) + cost
    return [spent.get(minute, 0.0) for minute in range(min(spent) + 1, max(spent))]


def azure() -> None:
    ways: dict[str, Naive] = {
        "ours": lambda past, hours: sum(pace(past, hours).expected),
        "last minute": lambda past, hours: past[-1] * hours,
        "same minutes before": lambda past, hours: sum(past[-hours:]) * hours / min(hours, len(past)),
    }
    for name in ("code", "conv"):
        spent = minutes(DATA / "azure-llm-2023" / f"{name}.csv")
        errors: dict[str, list[float]] = {way: [] for way in ways}
        held = []
        for known, past, actual in cuts(spent):
            for way, total in ways.items():
                errors[way].append(abs(actual - total(past, known)) / actual)
            found = pace(past, known)
            held.append(within(found.spread, sum(found.expected), actual))
        told = ", ".join(f"{way} {statistics.fmean(found):.1%}" for way, found in errors.items())
        print(f"Azure {name}, {len(spent)} minutes: error of totals: {told}; 80 % held {statistics.fmean(held):.0%}")


def cuts(spent: list[float]) -> Iterator[tuple[int, list[float], float]]:
    for known in range(5, len(spent) - 5, 2):
        for ahead in (5, 10, len(spent) - known):
            if known + ahead <= len(spent):
                yield ahead, spent[:known], sum(spent[known : known + ahead])


def within(spread: float | None, expected: float, actual: float) -> bool:
    reach = math.exp(Z80 * (spread or 0.0))
    return expected / reach <= actual <= expected * reach


if __name__ == "__main__":
    main()
