"""How the server itself does: why it is not ready, and its own counters.

Given the running parts, reads what they count.

Never: a counter of its own, or a question to the store that waits for a writer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from spanledger.version import __version__
from spanledger_server.api.health import Sample
from spanledger_server.clock import Clock
from spanledger_server.errors import SpanledgerError
from spanledger_server.ingest.accept import Ingest
from spanledger_server.ingest.admission import Admission
from spanledger_server.loops import TickLoop
from spanledger_server.store.database import Database

FAILING_FOR_NS = 30 * 10**9  # a failed commit counts against readiness this long when nobody tries again


@dataclass(slots=True)
class Vitals:
    """The parts, once they run."""

    database: Database
    ingest: Ingest
    admission: Admission
    clock: Clock
    loop: TickLoop | None = None
    stopping: bool = False
    refused: dict[int, int] = field(default_factory=dict)  # requests that the gate answered itself, by status

    def unready(self) -> list[str]:
        """The reasons not to send anything here; none when all is well."""
        reasons = []
        if self.stopping:
            reasons.append("the server is stopping")
        if self.loop is None:
            reasons.append("the server is starting")
        failing = self.failing()
        if failing is not None:
            reasons.append(failing)
        try:
            self.database.size_bytes()
        except SpanledgerError as error:
            reasons.append(str(error))
        return reasons

    def told_to_come_back(self) -> int:
        """How many requests were refused for want of room, or because they could not be committed."""
        return self.admission.turned_away + self.ingest.counters.busy

    def failing(self) -> str | None:
        """Why data could not be stored lately: the newest attempt failed."""
        failed_ns = self.ingest.counters.failed_ns
        if failed_ns is not None and self.clock.now_ns() - failed_ns < FAILING_FOR_NS:
            return "the last commit failed; senders keep their data and try again"
        return None

    def samples(self) -> Iterator[Sample]:
        """Everything for /metrics."""
        yield Sample("spanledger_info", "gauge", "The version that runs.", 1, (("version", __version__),))
        yield from self._ingest()
        yield from self._process()
        for status, count in sorted(self.refused.items()):
            labels = (("status", str(status)),)
            yield Sample(
                "spanledger_gate_refused_total", "counter", "Requests refused before any route.", count, labels
            )
        for task in self.loop.tasks if self.loop is not None else ():
            labels = (("task", task.name),)
            yield Sample(
                "spanledger_task_failures_total", "counter", "Turns of a task that failed.", task.failures, labels
            )
        for task in self.loop.tasks if self.loop is not None else ():
            labels = (("task", task.name),)
            yield Sample("spanledger_task_seconds", "gauge", "How long a task's last turn took.", task.seconds, labels)

    def _ingest(self) -> Iterator[Sample]:
        counters = self.ingest.counters
        yield Sample("spanledger_requests_total", "counter", "Requests committed.", counters.requests)
        yield Sample("spanledger_rows_total", "counter", "Rows committed.", counters.rows)
        yield Sample("spanledger_bytes_total", "counter", "Bytes of requests committed.", counters.bytes)
        yield Sample("spanledger_refused_records_total", "counter", "Records refused.", counters.refused_records)
        yield Sample("spanledger_busy_total", "counter", "Requests told to come back by the writer.", counters.busy)
        turned_away = self.admission.turned_away
        yield Sample(
            "spanledger_turned_away_total", "counter", "Requests told to come back for want of room.", turned_away
        )
        yield Sample("spanledger_commits_total", "counter", "Transactions of the writer.", counters.groups)
        yield Sample(
            "spanledger_commit_seconds_total", "counter", "Time in those transactions.", counters.commit_seconds
        )
        yield Sample("spanledger_queue_requests", "gauge", "Requests that wait for the writer.", self.ingest.queued())
        yield Sample("spanledger_queue_bytes", "gauge", "Bytes being decoded or waiting.", self.admission.inside_bytes)

    def _process(self) -> Iterator[Sample]:
        yield Sample("spanledger_store_bytes", "gauge", "Size of the database.", self.database.size_bytes())
        yield Sample("spanledger_store_wal_bytes", "gauge", "Size of its log.", self.database.wal_bytes())
        process = psutil.Process()
        with process.oneshot():
            times = process.cpu_times()
            yield Sample("process_resident_memory_bytes", "gauge", "Memory in use.", process.memory_info().rss)
            yield Sample("process_cpu_seconds_total", "counter", "CPU time used.", times.user + times.system)
            yield Sample("process_threads", "gauge", "Threads.", process.num_threads())
