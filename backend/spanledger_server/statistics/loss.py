"""What became of everything: sent, stored, refused and dropped, by service and signal.

Given a snapshot and a window, lays the senders' own counters (the metric ``spanledger.sdk.items``) beside what is
stored here and what was refused here. Stored items count by their own time, so the edges of a window may differ by
what is under way.

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
FOLDED: Final = "cardinality_limit"  # these were stored, in an overflow series


@dataclass(slots=True)
class Account:
    """One service's items of one signal. `told` has what its sender says; empty when it said nothing."""

    told: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def report(reader: Reader, from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    """One entry for each service and signal of which anything is known, as ``GET /api/v1/loss`` answers them."""
    accounts: dict[tuple[str, str], Account] = {}

    def account(service: str | None, signal: str) -> Account:
        return accounts.setdefault((service or NO_SERVICE, signal), Account())

    bound = {"from_ns": from_ns, "to_ns": to_ns}
    look_from_ns = from_ns - LOOK_BACK_NS
    told = reader.rows(SQL["told_by_senders"], metric=semconv.METRIC_SDK_ITEMS, look_from_ns=look_from_ns, **bound)
    for row in told:
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
