"""What became of everything: sent, stored, refused and dropped, by service and signal.

Given a snapshot and a window, lays the senders' own counters (the metric ``spanledger.sdk.items``) beside what is
stored here and what was refused here, and beside those what OpenTelemetry Collectors between tell of themselves. Stored
items count by their own time, so the edges of a window may differ by what is under way.

Never: a zero where a sender has not told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from spanledger import semconv
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader

SQL = sqlfile.load(__package__)

LOOK_BACK_NS: Final = 600 * 10**9  # how long before the window the counter's value that increments start from may lie
SIGNALS: Final = {"traces": "spans", "logs": "logs", "metrics": "metrics"}  # ours -> the senders'
NO_SERVICE: Final = "unknown_service"  # OpenTelemetry's word for it
COUNTERS: Final = {  # a Collector's counter -> outcome, signal
    f"otelcol_{counter}_{items}": (outcome, signal)
    for counter, outcome in (
        ("receiver_accepted", "accepted"),
        ("receiver_refused", "refused"),
        ("receiver_failed", "refused"),
        ("exporter_sent", "sent"),
        ("exporter_send_failed", "dropped"),  # tried again as often as it is told to, and then given up
    )
    for items, signal in (("spans", "spans"), ("log_records", "logs"), ("metric_points", "metrics"))
}
FOLDED: Final = "cardinality_limit"  # these were stored, in an overflow series


@dataclass(slots=True)
class Account:
    """One service's items of one signal. `told` has what its sender says; empty when it said nothing."""

    told: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Passage:
    """One Collector's items of one signal: what it took and refused, what each of its exporters sent and dropped."""

    taken: Counter[str] = field(default_factory=Counter)
    exporters: dict[str, Counter[str]] = field(default_factory=dict)


def collectors(reader: Reader, from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    """One entry for each Collector and signal of which it told, as ``GET /api/v1/loss`` answers them."""
    passages: dict[tuple[str, str], Passage] = {}
    for row in _told(reader, list(COUNTERS), from_ns, to_ns):
        outcome, signal = COUNTERS[row["name"]]
        one = passages.setdefault((row["service"] or NO_SERVICE, signal), Passage())
        into = one.taken if row["exporter"] is None else one.exporters.setdefault(row["exporter"], Counter())
        into[outcome] += row["items"]
    return [
        {
            "service": service,
            "signal": signal,
            "accepted": one.taken["accepted"],
            "refused": one.taken["refused"],
            "exporters": {
                name: {"sent": found["sent"], "dropped": found["dropped"]}
                for name, found in sorted(one.exporters.items())
            },
        }
        for (service, signal), one in sorted(passages.items(), key=lambda item: item[0])
    ]


def _told(reader: Reader, metrics: list[str], from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    look_from_ns = from_ns - LOOK_BACK_NS
    return reader.rows(SQL["told_by_senders"], metrics=metrics, look_from_ns=look_from_ns, from_ns=from_ns, to_ns=to_ns)


def report(reader: Reader, from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    """One entry for each service and signal of which anything is known, as ``GET /api/v1/loss`` answers them."""
    accounts: dict[tuple[str, str], Account] = {}

    def account(service: str | None, signal: str) -> Account:
        return accounts.setdefault((service or NO_SERVICE, signal), Account())

    bound = {"from_ns": from_ns, "to_ns": to_ns}
    for row in _told(reader, [semconv.METRIC_SDK_ITEMS], from_ns, to_ns):
        if row["signal"] is None or row["outcome"] is None:
            continue
        one = account(row["service"], row["signal"])
        one.told[row["outcome"]] += row["items"]
        if row["outcome"] == "dropped" and row["items"]:
            one.reasons[row["reason"] or "unknown"] += row["items"]
    for row in reader.rows(SQL["stored_items"], **bound):
        account(row["service"], row["signal"]).stored += row["items"]
    for row in reader.rows(SQL["refused_items"], **bound):
        one = account(row["service"], SIGNALS.get(row["signal"], row["signal"]))
        one.refused += 0 if row["reason"] == FOLDED else row["items"]
        one.reasons[row["reason"]] += row["items"]
    return [
        _entry(service, signal, one) for (service, signal), one in sorted(accounts.items(), key=lambda item: item[0])
    ]


def _entry(service: str, signal: str, account: Account) -> dict[str, Any]:
    known = bool(account.told)
    return {
        "service": service,
        "signal": signal,
        "recorded": account.told["recorded"] if known else None,
        "sent": account.told["sent"] if known else None,
        "stored": account.stored,
        "refused": max(account.refused, account.told["refused"]),
        "dropped": account.told["dropped"] if known else None,
        "reasons": dict(sorted(account.reasons.items())),
    }
