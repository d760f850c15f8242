"""What OpenTelemetry Collectors between tell of themselves: taken, refused, sent, dropped, queued, sampled away.

Given a snapshot and a window, gives one `Passage` for each Collector and signal. Their counters know no services; who
asks for those of one service lays them beside what its programs sent (`loss`).

Never: an item that an exporter to somewhere else has, or what an ended process of a Collector held in its queue twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from spanledger_server.statistics.senders import told
from spanledger_server.store.database import Reader

SILENT_NS: Final = 300 * 10**9  # one that has not told for so long has ended, or cannot be heard
SIGNALS: Final = {"spans": "spans", "log_records": "logs", "metric_points": "metrics"}  # a Collector's words -> ours
DATA_TYPES: Final = {"traces": "spans", "logs": "logs", "metrics": "metrics"}
ELSEWHERE: Final = ("jaeger", "prometheus", "debug", "file", "kafka", "zipkin", "tempo", "loki")  # views, not ways here
COUNTERS: Final = {  # a Collector's counter -> outcome, signal
    f"otelcol_{counter}_{items}": (outcome, signal)
    for counter, outcome in (
        ("receiver_accepted", "accepted"),
        ("receiver_refused", "refused"),
        ("receiver_failed", "refused"),
        ("exporter_sent", "sent"),
        ("exporter_send_failed", "send_failed"),  # tried again as often as it is told to, and then given up
        ("exporter_enqueue_failed", "not_queued"),
    )
    for items, signal in SIGNALS.items()
}
QUEUE: Final = "otelcol_exporter_queue_size"
CAPACITY: Final = "otelcol_exporter_queue_capacity"
UNDECIDED: Final = "otelcol_processor_tail_sampling_sampling_traces_on_memory"
DECIDED: Final = "otelcol_processor_tail_sampling_count_spans_sampled"  # by policy, and each policy sees every span
SAMPLING: Final = "otelcol_processor_tail_sampling_global_count_traces_sampled"


@dataclass(slots=True)
class Way:
    """What one exporter did with one signal."""

    sent: int = 0
    dropped: int = 0
    queued: int = 0
    capacity: int = 0


@dataclass(slots=True)
class Passage:
    """One Collector's items of one signal.

    Attributes:
        service: The Collector's name.
        host: Where it runs, if it says so.
        signal: spans, logs or metrics.
        accepted: Items taken.
        refused: Items whose senders were told to come back.
        ways: By exporter.
        sampled: Spans that it decided not to keep.
        deciding: Spans of traces that it has not decided on.
        undecided: Spans of traces that it had not decided on when it was killed.
    """

    service: str
    host: str | None
    signal: str
    accepted: int = 0
    refused: int = 0
    ways: dict[str, Way] = field(default_factory=lambda: defaultdict(Way))
    sampled: int = 0
    deciding: int = 0
    undecided: int = 0

    @property
    def home(self) -> list[Way]:
        """The exporters that lead here."""
        return [way for name, way in self.ways.items() if not any(word in name for word in ELSEWHERE)]

    def drops(self) -> Counter[str]:
        """What it lost on the way here, by reason."""
        lost = Counter({"send_failed": sum(way.dropped for way in self.home), "killed_undecided": self.undecided})
        return +lost

    def queued(self) -> int:
        """What waits in it on the way here."""
        return sum(way.queued for way in self.home) + self.deciding

    def entry(self) -> dict[str, Any]:
        """As ``GET /api/v1/loss`` has it."""
        ways = {
            name: {"sent": way.sent, "dropped": way.dropped, "queued": way.queued, "capacity": way.capacity or None}
            for name, way in sorted(self.ways.items())
        }
        taken = {"accepted": self.accepted, "refused": self.refused, "exporters": ways}
        decided = {"sampled": self.sampled, "deciding": self.deciding, "undecided": self.undecided}
        return {"service": self.service, "host": self.host, "signal": self.signal} | taken | decided


@dataclass(slots=True)
class _Process:
    """One process of a Collector: counters by (signal, outcome), exporters' by (signal, exporter), levels."""

    began_ns: int
    told_ns: int
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    given: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    decided: Counter[str] = field(default_factory=Counter)
    samples: bool = False
    has_decided: bool = False
    on_memory: int = 0

    def take(self, row: Mapping[str, Any]) -> None:
        self.began_ns, self.told_ns = min(self.began_ns, row["began_ns"]), max(self.told_ns, row["told_ns"])
        name, exporter = row["name"], row["exporter"] or ""
        if name in COUNTERS:
            outcome, signal = COUNTERS[name]
            into = self.given[signal, exporter] if exporter else self.taken
            into[outcome if exporter else (signal, outcome)] += row["items"]  # type: ignore[index]  # as `into` is keyed
        elif name in (QUEUE, CAPACITY) and row["data_type"] in DATA_TYPES:
            self.given[DATA_TYPES[row["data_type"]], exporter]["queued" if name == QUEUE else "capacity"] = row["level"]
        elif name == DECIDED:
            self.decided[row["policy"] or ""] += row["items"]
        elif name == UNDECIDED:
            self.samples, self.on_memory = True, row["level"]
        elif name == SAMPLING:
            self.samples = self.has_decided = True

    def deciding(self) -> int:
        """Spans of traces that it has not decided on; 0 where it counts only traces, and so does not say."""
        if not self.on_memory or (self.has_decided and not self.decided):
            return 0
        return max(self.taken["spans", "accepted"] - max(self.decided.values(), default=0), 0)


def passages(reader: Reader, from_ns: int, to_ns: int, now_ns: int) -> list[Passage]:
    """What each Collector told within a window, by name, host and signal."""
    names = [*COUNTERS, QUEUE, CAPACITY, UNDECIDED, DECIDED, SAMPLING]
    running: dict[tuple[str, str], dict[int, _Process]] = defaultdict(dict)
    for row in told(reader, names, from_ns, to_ns):
        of_it = running[row["service"] or "", row["host"] or ""]
        of_it.setdefault(row["resource_id"], _Process(row["began_ns"], row["told_ns"])).take(row)
    found = []
    for (service, host), of_it in sorted(running.items()):
        signals = {signal for one in of_it.values() for signal, _ in (*one.taken, *one.given)}
        found += [_passage(service, host, signal, list(of_it.values()), now_ns) for signal in sorted(signals)]
    return [one for one in found if one.accepted or one.refused or any(way.sent or way.dropped for way in one.home)]


def _passage(service: str, host: str, signal: str, processes: list[_Process], now_ns: int) -> Passage:
    found = Passage(service, host or None, signal)
    for one in processes:
        replaced = any(other.began_ns > one.told_ns for other in processes)
        found.accepted += one.taken[signal, "accepted"]
        found.refused += one.taken[signal, "refused"]
        sampling = signal == "spans" and one.samples
        for (of_signal, exporter), counts in one.given.items():
            if of_signal != signal:
                continue
            way = found.ways[exporter]
            way.sent += counts["sent"]
            way.dropped += counts["send_failed"] + (counts["not_queued"] if sampling else 0)  # nobody sends it again
            if not replaced:  # else its successor has read its queue
                way.queued, way.capacity = way.queued + counts["queued"], max(way.capacity, counts["capacity"])
        if sampling:
            over = replaced or now_ns - one.told_ns > SILENT_NS
            found.undecided += one.deciding() if over else 0
            found.deciding += 0 if over else one.deciding()
    if signal == "spans" and any(one.samples for one in processes):
        kept_back = max(found.accepted - sum(way.sent + way.dropped + way.queued for way in found.home), 0)
        found.deciding = min(found.deciding, kept_back)
        found.undecided = min(found.undecided, kept_back - found.deciding)
        found.sampled = kept_back - found.deciding - found.undecided
    return found
