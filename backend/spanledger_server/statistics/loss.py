"""What became of everything: sent, stored, refused, dropped, sampled away and still on the way, by service and signal.

Given a snapshot and a window, lays the senders' own counters beside what is stored here, what was refused here, and
what OpenTelemetry Collectors between tell of themselves. A Collector's counters know no services: they are put to a
service only where no other can be meant, and are added up by signal otherwise. Stored items count by their own time,
counters by when they were told, so what may differ is given as a tolerance.

Never: a zero where a sender has not told, or a loss that is put to a service by guessing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from spanledger_server.statistics import passages, senders
from spanledger_server.statistics.passages import Passage
from spanledger_server.statistics.senders import SQL, Process
from spanledger_server.store.database import Reader

SIGNALS: Final = {"traces": "spans", "logs": "logs", "metrics": "metrics"}  # ours -> the senders'
BETWEEN: Final = {"spans": "spans", "ledger": "logs", "logs": "logs", "metrics": "metrics"}  # -> the Collectors'
NO_SERVICE: Final = "unknown_service"  # OpenTelemetry's word for it
FOLDED: Final = "cardinality_limit"  # these were stored, in an overflow series
SDK: Final = "sdk"
BACKEND: Final = "backend"

SILENT: Final = "its SDK does not tell what it sent"
NEWER: Final = "stored or on its way since the processes last told"
UNTOLD: Final = "more is stored than was told: a process ended before it could tell"
SHARED: Final = "Collectors between kept or dropped as much or more, of several services, and do not say whose"
MISSING: Final = "nobody on the way tells of these"


@dataclass(slots=True)
class Account:
    """Items of one service and signal, or of one signal. `told` has what senders say; empty when they said nothing.

    Attributes:
        told: Outcome -> items.
        stored: Items here.
        here: Items refused here, by reason; those that were folded are stored.
        drops: Where -> reason -> items.
        waiting: Where -> items that are on the way.
        held: Items that processes which tell no more had not sent yet.
        sampled: Spans that a Collector chose not to keep.
        untold: Stored items of which the senders may not have told.
    """

    signal: str
    told: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    here: Counter[str] = field(default_factory=Counter)
    drops: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    waiting: Counter[str] = field(default_factory=Counter)
    held: int = 0
    sampled: int = 0
    untold: int = 0
    reason: str | None = None

    @property
    def known(self) -> bool:
        """Whether its senders told."""
        return bool(self.told)

    @property
    def dropped(self) -> int:
        """Items lost anywhere that is known."""
        return sum(reasons.total() for reasons in self.drops.values())

    @property
    def refused(self) -> int:
        """Items refused by whoever was asked to take them."""
        return max(sum(count for reason, count in self.here.items() if reason != FOLDED), self.told["refused"])

    @property
    def sent(self) -> int:
        """All that was given to be sent; a process that was killed may have told less than it had delivered."""
        return max(self.told["recorded"], self.told["sent"] + self.told["refused"] + self.drops[SDK].total())

    @property
    def unexplained(self) -> int:
        """What is missing; below zero where more is stored than was told."""
        explained = self.stored + self.refused + self.dropped + self.sampled + self.waiting.total()
        return self.sent - explained

    def entry(self) -> dict[str, Any]:
        """As ``GET /api/v1/loss`` has it."""
        reasons = Counter(self.here)
        for found in self.drops.values():
            reasons += found
        told: dict[str, Any] = dict.fromkeys(("sent", "delivered", "dropped", "sampled", "on_the_way", "unexplained"))
        if self.known:
            told |= {"sent": self.sent, "delivered": self.told["sent"], "dropped": self.dropped}
            told |= {"sampled": self.sampled, "on_the_way": self.waiting.total(), "unexplained": self.unexplained}
        return {
            "signal": self.signal,
            **told,
            "stored": self.stored,
            "refused": self.refused,
            "tolerance": self.untold + self.held + self.waiting.total() if self.known else None,
            "reason": self._reason(),
            "drops": {where: dict(sorted((+found).items())) for where, found in sorted(self.drops.items()) if +found},
            "waiting": dict(sorted((+self.waiting).items())),
            "reasons": dict(sorted(reasons.items())),
        }

    def _reason(self) -> str | None:
        if not self.known:
            return SILENT
        missing = self.unexplained
        if not missing:
            return None
        if abs(missing) <= self.untold + self.held + self.waiting.total():
            return NEWER
        return UNTOLD if missing < 0 else self.reason or MISSING


def report(reader: Reader, from_ns: int, to_ns: int, now_ns: int) -> dict[str, list[dict[str, Any]]]:
    """All that ``GET /api/v1/loss`` answers: `services`, `signals` and `collectors`."""
    between = passages.passages(reader, from_ns, to_ns, now_ns)
    accounts = _accounts(reader, from_ns, to_ns, now_ns)
    totals = []
    for signal in dict.fromkeys(BETWEEN.values()):
        rows = [one for (_, of_it), one in accounts.items() if BETWEEN.get(of_it) == signal]
        on_the_way = [one for one in between if one.signal == signal]
        if rows:
            total = _sum(signal, rows)
            _join(total, on_the_way)
            totals.append(total.entry())
        _put_to_a_service(rows, on_the_way)
    services = [{"service": key[0], **one.entry()} for key, one in sorted(accounts.items(), key=lambda item: item[0])]
    return {"services": services, "signals": totals, "collectors": [one.entry() for one in between]}


def _accounts(reader: Reader, from_ns: int, to_ns: int, now_ns: int) -> dict[tuple[str, str], Account]:
    """One for each service and signal of which anything is known, without the Collectors between."""
    accounts: dict[tuple[str, str], Account] = {}

    def account(service: str | None, signal: str) -> Account:
        return accounts.setdefault((service or NO_SERVICE, signal), Account(signal))

    told = senders.processes(reader, from_ns, to_ns)
    bound = {"from_ns": from_ns, "to_ns": to_ns}
    for row in reader.rows(SQL["stored_items"], **bound):
        account(row["service"], row["signal"]).stored += row["items"]
    for row in reader.rows(SQL["refused_items"], **bound):
        account(row["service"], SIGNALS.get(row["signal"], row["signal"])).here[row["reason"]] += row["items"]
    for process in told:
        for signal in (*process.counts, *process.dropped):
            account(process.service, signal)
    for (service, _), one in accounts.items():
        _tell(one, [process for process in told if (process.service or NO_SERVICE) == service], now_ns)
    for row in _untold(reader, told, from_ns, to_ns):
        account(row["service"], row["signal"]).untold += row["items"]
    return accounts


def _tell(account: Account, told: Iterable[Process], now_ns: int) -> None:
    """Add what the processes of its service say."""
    signal, recovered = account.signal, 0
    for process in told:
        account.told.update(process.counts.get(signal, {}))
        account.drops[SDK].update(process.dropped.get(signal, {}))
        recovered += process.counts[signal]["recovered"]
        if signal == "metrics":
            continue  # they leave in order: what waited when a process told has come before what it told
        if process.lives(now_ns):
            account.waiting[SDK] += max(process.held(signal), 0)
        else:
            account.held += process.held(signal)
    if account.known:
        account.held = max(account.held - recovered, 0)
        left = min(account.held, max(account.unexplained, 0))
        if left and signal == "ledger":  # in the spool or the journal of a process that has ended
            account.waiting[SDK] += left
            account.held -= left


def _untold(reader: Reader, told: Sequence[Process], from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    stretches = senders.untold(told, from_ns)
    if not stretches:
        return []
    services, began, ended = zip(*stretches, strict=True)
    bounds = {"first_ns": min(began), "to_ns": to_ns}
    return reader.rows(SQL["stored_untold"], services=list(services), began=list(began), ended=list(ended), **bounds)


def _sum(signal: str, rows: Sequence[Account]) -> Account:
    """All services' items of a signal; unknown as soon as one of them is."""
    total = Account(signal)
    for one in rows:
        total.told.update(one.told)
        total.stored += one.stored
        total.here.update(one.here)
        total.waiting.update(one.waiting)
        total.held += one.held
        total.untold += one.untold
        for where, reasons in one.drops.items():
            total.drops[where].update(reasons)
    if not all(one.known for one in rows):
        total.told.clear()
    return total


def _put_to_a_service(rows: Sequence[Account], between: Sequence[Passage]) -> None:
    """Join the Collectors to the only service whose items can be meant, if there is only one."""
    meant = [one for one in rows if not one.known or one.unexplained > 0]
    if len(meant) == 1:
        _join(meant[0], between)
        return
    kept_back = any(one.drops() or one.queued() or one.sampled for one in between)
    for one in meant:
        one.reason = SHARED if kept_back else None
        _end(one)


def _join(account: Account, between: Sequence[Passage]) -> None:
    """Explain what is missing by what the Collectors tell; what waits in them may have come since they told."""
    if not account.known:
        return
    for one in between:
        if found := one.drops():
            account.drops[one.service].update(found)
        account.sampled += one.sampled
    for one in between:
        if waits := min(one.queued(), max(account.unexplained, 0)):
            account.waiting[one.service] += waits
    _end(account)


def _end(account: Account) -> None:
    """What a process had not sent when it ended, and nobody has, ended with it."""
    if account.known and (lost := min(account.held, max(account.unexplained, 0))):
        account.drops[SDK]["process_ended"] += lost
        account.held -= lost
