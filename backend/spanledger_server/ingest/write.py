"""Write a group of prepared requests in one transaction: new rows only, whatever comes again changes nothing.

Given a transaction and the requests, gives what was new, and the seconds in which something may have happened (for
the live page). Repetitions inside the group are dropped here; repetitions of what is stored, by anti-joins over the
stretch of time the group lies in.

Never: opens or commits the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from spanledger import semconv
from spanledger_server.ingest.prepare import Prepared, trace_hashes
from spanledger_server.ingest.same_call import Link, Told, Verdict, settle
from spanledger_server.ingest.stored import Stored
from spanledger_server.ingest.totals import Lines, Written, summed
from spanledger_server.ingest.windows import MINUTE_NS, windows
from spanledger_server.measures import TAKEN
from spanledger_server.otlp.columns import uuid_field
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Transaction

SQL = sqlfile.load(__package__)

SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 60 * MINUTE_NS
APART_NS: Final = 10 * MINUTE_NS  # rows further apart than this are looked for in windows of their own
SAME_CALL_NS: Final = 10 * MINUTE_NS  # two lines of one call end within this time of each other
OF_AUDIO: Final = '"audio.'  # how a name of its attributes begins, in the JSON that is stored
DIALOGUES: Final = pa.array([semconv.DIALOGUE_EVENT])
TOLD: Final = pa.array([semconv.CACHE_EVENT, semconv.RATE_LIMIT_EVENT, semconv.REQUEST_EVENT])

BEATEN = pa.schema([uuid_field("trace_id"), pa.field("span_id", pa.uint64()), pa.field("at_ns", pa.int64())])
_OF_PLACES: list[pa.Field[Any]] = [
    pa.field("trace_hash", pa.uint64()),
    pa.field("at_ns", pa.int64()),
    pa.field("of_lines", pa.bool_()),
]
PLACES = pa.schema(_OF_PLACES)
LINKS = pa.schema(
    [
        uuid_field("trace_id"),
        pa.field("span_id", pa.uint64()),
        pa.field("response_id", pa.string()),
        pa.field("at_ns", pa.int64()),
    ]
)


def write(tx: Transaction, group: Sequence[Prepared], stored: Stored, dirty: DirtyBuckets, now_ns: int) -> Written:
    """Write what is new of these requests.

    Args:
        tx: The writer's transaction.
        group: Requests in order of arrival.
        stored: What this process knows to be stored.
        dirty: Where minutes are marked for the rollups.
        now_ns: When refusals are counted.

    Returns:
        What is new, and the seconds in which it lies.
    """
    written = Written()
    stored.put_resources(tx, (request.resources for request in group))
    spans = _together(group, "traces", ("trace_id", "span_id"))
    if spans is not None:
        written.rows["traces"] = _write_spans(tx, spans, stored, dirty)
        written.seconds.update(_numbers(spans.column("end_ns"), SECOND_NS))
    logs = _together(group, "logs", ("record_id",))
    if logs is not None:
        written.rows["logs"] = _write_logs(tx, logs, dirty)
    points = _together(group, "metrics", ("series_id", "at_ns"))
    if points is not None:
        stored.put_series(tx, (request.series for request in group if request.series is not None))
        written.rows["metrics"] = _insert(tx, SQL["insert_new_points"], points, points.column("at_ns"))
        dirty.mark(tx, "metric", _numbers(points.column("at_ns"), MINUTE_NS))
    lines = [request.ledger for request in group if request.ledger is not None]
    if lines:
        _write_ledger(tx, pa.concat_tables(lines), stored, dirty, written)
    _index(tx, spans, group)
    _write_loss(tx, group, now_ns, written)
    return written


def _together(group: Sequence[Prepared], signal: str, key: Sequence[str]) -> pa.Table | None:
    """All rows of a signal, the first of each key only."""
    tables = [request.rows for request in group if request.signal == signal and request.rows is not None]
    return first_of_each(pa.concat_tables(tables), key) if tables else None


def first_of_each(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """The table with the first row of each key, in order."""
    positions = pa.array(range(table.num_rows), pa.int32())
    numbered = table.select(list(key)).append_column("position", positions)
    first = numbered.group_by(list(key), use_threads=False).aggregate([("position", "min")]).column("position_min")
    return table if len(first) == table.num_rows else table.take(first.combine_chunks().sort())


def _numbers(times_ns: pa.ChunkedArray[Any], width_ns: int) -> list[int]:
    """The distinct numbers of the buckets of this width that the times lie in."""
    found: list[Any] = pc.unique(pc.divide(times_ns, width_ns)).to_pylist()
    return found


def _insert(tx: Transaction, statement: str, rows: pa.Table, times_ns: pa.ChunkedArray[Any], **bound: Any) -> int:
    """How many of the rows were new."""
    inserted = 0
    first_ns, last_ns = pc.min(times_ns).as_py(), pc.max(times_ns).as_py()
    with tx.scan("incoming", rows):
        for window in windows(_numbers(times_ns, MINUTE_NS), apart_ns=APART_NS // MINUTE_NS):
            from_ns = max(window.from_ns * MINUTE_NS, first_ns)
            to_ns = min((window.to_ns + 1) * MINUTE_NS - 1, last_ns)
            inserted += tx.execute(statement, from_ns=from_ns, to_ns=to_ns, **bound)
    return inserted


def _write_spans(tx: Transaction, spans: pa.Table, stored: Stored, dirty: DirtyBuckets) -> int:
    commit_no = stored.next_commit(tx)
    inserted = _insert(tx, SQL["insert_new_spans"], spans, spans.column("start_ns"), commit_no=commit_no)
    dirty.mark(tx, "span", _numbers(spans.column("end_ns"), MINUTE_NS), added=True)
    _write_audio(tx, spans, dirty)
    return inserted


def _index(tx: Transaction, spans: pa.Table | None, group: Sequence[Prepared]) -> None:
    """Note where spans and lines lie: lines that came with their spans among these, others (some are late) apart."""
    places: list[tuple[Any, Any, bool]] = [
        (trace_hashes(lines.column("trace_id")), lines.column("at_ns"), request.signal != "traces")
        for request in group
        if (lines := request.ledger) is not None
    ]
    if spans is not None:
        places.append((spans.column("trace_hash"), spans.column("start_ns"), False))
    found = [
        pa.Table.from_arrays([hashes, times_ns, pa.repeat(of_lines, len(times_ns))], schema=PLACES)
        for hashes, times_ns, of_lines in places
    ]
    if found:
        with tx.scan("incoming_traces", pa.concat_tables(found)):
            tx.execute(SQL["index_traces"])


def _write_audio(tx: Transaction, spans: pa.Table, dirty: DirtyBuckets) -> None:
    heard = spans.filter(pc.match_substring(spans.column("attributes"), OF_AUDIO))
    if heard.num_rows:
        _insert(tx, SQL["insert_new_audio"], heard, heard.column("start_ns"), **TAKEN)
        hours = _numbers(heard.column("start_ns"), HOUR_NS)
        dirty.mark(tx, "audio", {*hours, *(hour + 1 for hour in hours)}, "1h")  # a trace goes on in the next


def _write_logs(tx: Transaction, logs: pa.Table, dirty: DirtyBuckets) -> int:
    inserted = _insert(tx, SQL["insert_new_logs"], logs, logs.column("at_ns"))
    told = logs.filter(pc.is_in(logs.column("event_name"), TOLD))
    if told.num_rows:
        dirty.mark(tx, "told", _numbers(told.column("at_ns"), MINUTE_NS))
    dialogues = logs.filter(pc.is_in(logs.column("event_name"), DIALOGUES))
    if dialogues.num_rows:
        _insert(tx, SQL["insert_new_dialogues"], dialogues, dialogues.column("at_ns"))
    return inserted


def _write_ledger(tx: Transaction, lines: pa.Table, stored: Stored, dirty: DirtyBuckets, written: Written) -> None:
    minutes = _numbers(lines.column("at_ns"), MINUTE_NS)
    standing: set[Told] = set()
    links: set[Link] = set()
    with tx.scan("incoming_lines", lines):
        for window in windows(minutes, apart_ns=2 * SAME_CALL_NS // MINUTE_NS):
            bounds = {
                "from_ns": window.from_ns * MINUTE_NS - SAME_CALL_NS,
                "to_ns": (window.to_ns + 1) * MINUTE_NS + SAME_CALL_NS,
            }
            standing.update(Told._make((*row, None)) for row in tx.tuples(SQL["standing_lines"], **bounds))
            if stored.any_links(tx):
                links.update(Link._make(row) for row in tx.tuples(SQL["known_links"], **bounds))
        if not standing and not links and _each_its_own_call(lines):
            tx.execute(SQL["insert_lines"], commit_no=stored.next_commit(tx))
            new = lines
        else:
            verdict = settle(_told(lines), standing, links)
            new = lines.take(pa.array(verdict.insert, pa.int64()))
            _carry_out(tx, new, verdict, stored, written)
            dirty.mark(tx, "cost", {line.at_ns // MINUTE_NS for line in verdict.delete})
    dirty.mark(tx, "cost", minutes, added=True)
    written.rows["ledger"] = new.num_rows
    written.lines += summed(new)
    written.seconds.update(_numbers(lines.column("at_ns"), SECOND_NS))


def _each_its_own_call(lines: pa.Table) -> bool:
    """Whether no two of these lines can tell of the same call."""
    if first_of_each(lines.select(["trace_id", "span_id"]), ("trace_id", "span_id")).num_rows < lines.num_rows:
        return False
    answered = lines.select(["trace_id", "response_id"]).filter(pc.is_valid(lines.column("response_id")))
    return first_of_each(answered, ("trace_id", "response_id")).num_rows == answered.num_rows


def _told(lines: pa.Table) -> list[Told]:
    columns = [lines.column(name).to_pylist() for name in Told._fields[:-1]]
    return [Told._make((*row, position)) for position, row in enumerate(zip(*columns, strict=True))]


def _carry_out(tx: Transaction, new: pa.Table, verdict: Verdict, stored: Stored, written: Written) -> None:
    if verdict.delete:
        beaten = [{"trace_id": line.trace_id, "span_id": line.span_id, "at_ns": line.at_ns} for line in verdict.delete]
        with tx.scan("beaten", pa.Table.from_pylist(beaten, BEATEN)):
            written.given_way += [Lines(*row) for row in tx.tuples(SQL["beaten_lines"])]
            tx.execute(SQL["delete_beaten_lines"])
    if verdict.insert:
        with tx.scan("decided_lines", new):
            tx.execute(SQL["insert_decided_lines"], commit_no=stored.next_commit(tx))
    if verdict.remember:
        with tx.scan("beaten_links", pa.Table.from_pylist([link._asdict() for link in verdict.remember], LINKS)):
            tx.execute(SQL["insert_links"])
        stored.links_were_added(tx)


def _write_loss(tx: Transaction, group: Iterable[Prepared], now_ns: int, written: Written) -> None:
    rows = [refused for request in group for refused in request.loss]
    if rows:
        for signal, _, reason, count in rows:
            written.refused[signal, reason] += count
        signals, services, reasons, records = (list(column) for column in zip(*rows, strict=True))
        tx.execute(
            SQL["insert_loss"], at_ns=now_ns, services=services, signals=signals, reasons=reasons, records=records
        )
