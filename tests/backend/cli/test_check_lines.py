"""Whether all ledger lines of a trace are found by its id: looked at, told, and mended."""

from __future__ import annotations

import json
import random
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.cli import check
from spanledger_server.ingest.trace_index import TraceIndex
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.store.database import Database
from spanledger_server.traces import search
from tests.backend.ingest.requests import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    candidate,
    events,
    ingesting,
    request,
    span,
    trace_id,
    tuples,
)
from tests.backend.rows import insert, line

LINES = next(each for each in check.CHECKS if each.name == "lines_not_indexed")


def counted(database: Database) -> int:
    with database.reader() as reader:
        return LINES.count(reader)


def lost(database: Database) -> int:
    """Traces with lines that are not where they are looked for, by asking for each of them."""
    with database.reader() as reader:
        found = set()
        for (trace,) in reader.tuples("SELECT DISTINCT trace_id FROM ledger"):
            place = search.place(reader, [trace])
            from_ns, to_ns = place.lines(None, sure=True)
            for (at_ns,) in reader.tuples("SELECT at_ns FROM ledger WHERE trace_id = $trace", trace=trace):
                if at_ns >= place.near_ns and not from_ns <= at_ns < to_ns:
                    found.add(trace)
    return len(found)


def test_a_line_that_the_index_lost_is_told_and_mended(tmp_path: Path) -> None:
    file = tmp_path / "spanledger.duckdb"
    with ingesting(file) as (ingest, database):
        ingest.accept(events(candidate("event", 1, 1), candidate("event", 2, 2), candidate("event", 2, 3)), 1)
        ingest.accept(request("traces", [span(1, start_ns=NOON)]), 1)
        assert counted(database) == 0
        with database.transaction() as tx:
            tx.execute("DELETE FROM trace_index WHERE of_lines")
            tx.execute("DELETE FROM dirty_buckets")
        assert counted(database) == lost(database) == 1, "the other trace has spans in the same minute"
    told = CliRunner().invoke(check.check, [str(file)])
    assert told.exit_code == 3
    assert "✗ 1 traces of which not all ledger lines are found by their id" in told.output
    assert "`spanledger check --repair` makes rollups and the index of traces anew" in told.output
    mended = CliRunner().invoke(check.check, ["--repair", str(file)])
    assert "✓ no traces of which not all ledger lines are found by their id, 1 mended" in mended.output
    with ingesting(file) as (_, database):
        assert lost(database) == 0
        with database.reader() as reader:
            (summary,) = search.summaries(reader, [UUID(bytes=trace_id(2))])
        assert summary["calls"] == 2
        detail = tuples(database, "SELECT detail FROM audit WHERE action = 'store.repair'")
        assert json.loads(detail[0][0])["lines_not_indexed"] == 1


def test_a_damaged_block_is_told_with_the_file_and_the_way_out(tmp_path: Path) -> None:
    whole = tmp_path / "whole.duckdb"
    database = Database.open(whole)
    chance = random.Random(1)
    lines = [line(n, NOON - n * 10**9, user_id=chance.randbytes(99).hex()) for n in range(1, 4000)]
    insert(database, "ledger", lines)
    database.close()
    content = whole.read_bytes()
    told = []
    for position in range(3 * 4096 + 64, len(content), 262_144):  # one block at a time
        hurt = tmp_path / f"{position}.duckdb"
        hurt.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        done = CliRunner().invoke(check.check, [str(hurt)])
        assert done.exit_code in (1, 3), done.output  # nothing was rolled up
        told += [done.stderr] if done.exit_code == 1 else []
        assert done.exit_code == 3 or str(hurt) in done.stderr
        assert hurt.read_bytes()[position] == content[position] ^ 0xFF
    assert any("cannot be read whole: `spanledger restore` puts a backup in its place" in each for each in told)


@pytest.mark.parametrize("note", ["lines_indexed", "kept_from"])
def test_lines_that_no_index_promises_are_not_missed(note: str) -> None:
    with ingesting() as (ingest, database):
        ingest.accept(events(candidate("event", 1, 1), candidate("event", 2, 2, NOON + HOUR)), 1)
        with database.transaction() as tx:
            tx.execute("DELETE FROM trace_index")
            values = "($at_ns, NULL)" if note == "lines_indexed" else "('trace_index', $at_ns)"
            tx.execute(f"INSERT INTO {note} VALUES {values}", at_ns=NOON)
        assert counted(database) == lost(database) == 1


_AT = st.sampled_from([NOON, NOON + MINUTE - 1, NOON + MINUTE, NOON + HOUR, NOON + DAY, NOON - 9 * DAY])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("spans"), st.integers(1, 3), _AT),
        st.tuples(st.just("event"), st.integers(1, 3), _AT),
        st.tuples(st.just("sort"), st.just(0), _AT),
        st.tuples(st.just("lose"), st.integers(1, 3), _AT),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(steps=_STEPS)
def test_what_is_told_is_what_asking_for_every_trace_misses(steps: list[tuple[str, int, int]]) -> None:
    with ingesting() as (ingest, database):
        for number, (step, trace, at_ns) in enumerate(steps):
            if step == "spans":
                line = candidate("span", trace, number, at_ns)
                ingest.accept(request("traces", [span(number, at_ns, trace=trace)], candidates=[line]), 1)
            elif step == "event":
                ingest.accept(events(candidate("event", trace, number, at_ns)), 1)
            elif step == "sort":
                TraceIndex(database, run_rows=2).sort(at_ns + DAY)
            else:
                assert counted(database) == 0, "nothing was lost yet, or all of it was mended"
                with database.transaction() as tx:
                    lines = "(SELECT max(rowid) FROM trace_index WHERE rowid % 3 <> $trace)"
                    tx.execute(f"DELETE FROM trace_index WHERE rowid = {lines}", trace=trace - 1)
                assert counted(database) == lost(database)
                check.mark(database, DirtyBuckets(), NOON)
        assert counted(database) == lost(database) == 0
