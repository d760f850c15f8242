"""The journal: a record is there whole or not at all, what has left the queue leaves it, and the dead's are found."""

import contextlib
import os
import random
import subprocess
import sys
import textwrap
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from spanledger.call import Entry
from spanledger.delivery import journal as journal_module
from spanledger.delivery import mounts
from spanledger.delivery.journal import HEAD, MAX_FRAME, SUFFIX, TAIL, WORDS, Journal
from spanledger.delivery.journal_left import BEING_MADE_S, journals_left
from spanledger.delivery.journal_record import FIELDS, MAX_RECORD, dump, load
from spanledger.delivery.ledger_record import ledger_record
from spanledger.delivery.outcome import Lost, Sent, TooLarge, TryAgain
from spanledger.delivery.recovery import recover
from spanledger.delivery.spool import Spool
from spanledger.pipeline import outcomes_of
from spanledger.usage import USAGE_FIELDS, Usage
from tests.sdk.making import adds_up, entry, environment, ledger_lane, program, working
from tests.sdk.receiver import attributes, http_receiver
from tests.sdk.test_delivery import numbers
from tests.support.ports import kept_port
from tests.support.thorough import examples

ROOM = 1 << 20


def journal(directory, max_bytes=ROOM, **more):
    return Journal(directory, max_bytes, lambda: b"the resource", **more)


def die(journal):
    """What a kill does to a journal: nothing is closed properly, and its lock goes."""
    words, ring, descriptor = journal._words, journal._map, journal._descriptor
    journal._words = journal._map = None
    words.release()
    ring.close()
    os.close(descriptor)


def left_in(directory, limit=1_000_000):
    """All that can be read of what dead processes left there, and how many entries cannot."""
    found, damaged = [], 0
    for left in journals_left(directory):
        while some := left.read(limit):
            found += some
        damaged += left.unreadable()
    return found, damaged


def files(directory):
    return sorted(directory.rglob("*" + SUFFIX))


# --- one record -------------------------------------------------------------------------------------------------------

TEXTS = st.text(max_size=12)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.binary(max_size=12),
    st.decimals(allow_nan=False),
    st.builds(object),
)
LISTS = st.lists(ODD, max_size=3)
VALUES = ODD | LISTS | st.dictionaries(TEXTS, ODD | LISTS, max_size=3) | st.lists(LISTS, max_size=2)
COUNTS = st.none() | st.integers(0, 1 << 70)
USAGES = st.builds(
    Usage,
    **{name: COUNTS for name in USAGE_FIELDS if name != "audio_seconds"},
    audio_seconds=st.none() | st.decimals(0, 10**6, places=6),
)
ENTRIES = st.builds(
    entry,
    st.integers(0, (1 << 64) - 1),
    parent_span_id=st.none() | st.integers(1, (1 << 64) - 1),
    operation=st.none() | TEXTS,
    response_id=st.none() | TEXTS,
    usage=st.none() | USAGES,
    cost_usd=st.none() | st.decimals(0, 10**6, places=12),
    time_to_first_chunk_s=st.none() | st.floats(0, 1e6),
    http_status=st.none() | st.integers(100, 599),
    batch=st.booleans(),
    stream=st.booleans(),
    context=st.dictionaries(st.sampled_from(["user.id", "user.tier", "session.id"]), TEXTS),
    attributes=st.none() | st.dictionaries(TEXTS, VALUES, max_size=4),
)


@given(ENTRIES)
@hypothesis_settings(max_examples=examples(150), deadline=None)
def test_an_entry_that_is_read_back_is_the_same_on_the_wire(made):
    read = load(dump(made), FIELDS, USAGE_FIELDS)
    assert ledger_record(read, None) == ledger_record(made, None)
    assert (read.cost_usd, read.usage) == (made.cost_usd, made.usage)


def test_every_field_of_an_entry_is_kept_but_those_that_are_only_for_metrics():
    apart = {"usage", "cost_usd", "context", "attributes"}
    assert {field.name for field in fields(Entry) if field.init} == {*FIELDS, *apart, "chunk_times"}
    values = entry(**{name: name for name in FIELDS if not name.endswith(("_id", "_ns"))})
    assert load(dump(values), FIELDS, USAGE_FIELDS) == values


class Name(str):
    __slots__ = ()


def test_what_a_program_gives_that_is_no_plain_value_is_kept_as_it_would_be_sent():
    made = entry(
        request_model=Name("m"),
        context=MappingProxyType({"user.id": Name("ada")}),
        attributes=MappingProxyType({"a": Decimal("1.5"), "b": (Name("x"), {"y": object}), 7: "seven"}),
    )
    assert ledger_record(load(dump(made), FIELDS, USAGE_FIELDS), None) == ledger_record(made, None)


def test_a_text_that_is_cut_on_the_wire_is_cut_before_an_entry_is_too_large_and_a_huge_one_is_no_record():
    made = entry(attributes={"prompt": "x" * 1_000_000})
    assert ledger_record(load(dump(made), FIELDS, USAGE_FIELDS), None) == ledger_record(made, None)
    assert dump(entry(attributes={f"k{n}": "x" * 1_000 for n in range(100)})) == b""
    assert len(dump(entry(attributes={f"k{n}": "x" * 1_000 for n in range(60)}))) <= MAX_RECORD


def test_another_version_of_the_sdk_reads_what_it_knows():
    made = entry(5, cost_usd=Decimal("0.1"))
    values = dump(made)
    newer = load(values, ("a_new_name", *FIELDS[1:]) if FIELDS[0] == "kind" else FIELDS, USAGE_FIELDS)
    assert newer.span_id == 5
    renamed = tuple("seconds_of_sleep" if name == "characters" else name for name in USAGE_FIELDS)
    assert load(values, FIELDS, renamed) == made


@given(
    st.binary(max_size=80)
    | st.builds(lambda e, at, by: flipped(dump(e), at, by), ENTRIES, st.floats(0, 1), st.integers(1, 255))
)
@hypothesis_settings(max_examples=examples(300), deadline=None)
def test_garbage_in_the_place_of_a_record_is_a_value_error_and_nothing_worse(garbage):
    with contextlib.suppress(ValueError):
        load(garbage, FIELDS, USAGE_FIELDS)


def flipped(data, where, by):
    at = min(int(where * len(data)), len(data) - 1)
    return data[:at] + bytes((data[at] ^ by,)) + data[at + 1 :]


@pytest.mark.parametrize(
    "hostile",
    [
        b"(" + b"\xff\xff\xff\x7f" + b"N",  # two thousand million values
        b"(\x01\x00\x00\x00" * 5_000,
        b"l\xff\xff\xff\x7f\x01\x00",
        b"l\x00\x00\x00\x80",
        b"s\xff\xff\xff\xff",
        b"c" + b"\x00" * 60,  # code
        b"r\x00\x00\x00\x00",  # a reference
        b"{" + b"{0N0",  # a mapping as a key
        b"u\x01\x00\x00\x00\xff",
        b"",
    ],
)
def test_hostile_records_are_refused(hostile):
    with pytest.raises(ValueError):
        load(hostile, FIELDS, USAGE_FIELDS)


# --- the file ---------------------------------------------------------------------------------------------------------


def test_what_was_kept_and_has_not_left_the_queue_is_found_by_the_next_process_in_order(tmp_path):
    one = journal(tmp_path)
    kept = [one.keep(entry(number)) for number in range(1, 11)]
    one.done(kept[:4])
    assert left_in(tmp_path) == ([], 0), "it is alive"
    die(one)
    found, damaged = left_in(tmp_path)
    assert (found, damaged) == ([entry(number) for number in range(5, 11)], 0)
    (left,) = journals_left(tmp_path)
    assert left.resource == b"the resource"


def test_the_ring_goes_round_many_times_and_no_old_record_comes_back(tmp_path):
    one = journal(tmp_path, 1 << 16)
    waiting = []
    for number in range(1, 2_001):
        waiting.append(one.keep(entry(number)))
        if len(waiting) > 50:
            one.done(waiting[:30])
            waiting = waiting[30:]
    assert one.books().missed == 0
    die(one)
    found, damaged = left_in(tmp_path)
    assert [one.span_id for one in found] == list(range(2_001 - len(waiting), 2_001))
    assert damaged == 0


def test_records_that_leave_out_of_turn_are_free_when_those_before_them_are(tmp_path):
    one = journal(tmp_path)
    kept = [one.keep(entry(number)) for number in range(1, 7)]
    one.done([kept[4], kept[1], kept[2]])
    assert one._tail == 0
    one.done([kept[0]])
    assert one._tail == kept[2][2]
    one.done([kept[3]])
    assert one._tail == kept[4][2]
    die(one)
    assert [one.span_id for one in left_in(tmp_path)[0]] == [6]


def test_a_thread_that_is_interrupted_between_the_journal_and_the_queue_blocks_nothing_for_long(tmp_path):
    one = journal(tmp_path, 1 << 16)
    for number in range(1, 5_001):
        kept = one.keep(entry(number))
        if number != 10:  # a KeyboardInterrupt came
            one.done([kept])
    books = one.books()
    assert (books.written, books.missed, books.held_bytes) == (5_000, 0, 0)
    assert not one._out_of_turn
    one.close()
    assert not files(tmp_path)


def test_an_empty_journal_begins_again_in_front_and_a_kill_in_the_middle_of_that_finds_nothing(tmp_path):
    one = journal(tmp_path)
    kept = [one.keep(entry(number)) for number in range(1, 7)]
    one.done(kept[:3])
    assert one._head == kept[5][2]
    one.done(kept[3:])
    assert one._head == one._tail == ROOM
    again = one.keep(entry(7))
    assert again[1] == ROOM
    one.done([again])
    assert one.books().held_bytes == 0
    one._words[TAIL] = again[2]  # of the two writes the second was not made
    die(one)
    assert left_in(tmp_path) == ([], 0)


def test_a_full_journal_counts_what_it_has_no_room_for_and_goes_on_when_there_is_room(tmp_path):
    one = journal(tmp_path, 1 << 16)
    kept = [one.keep(entry(number)) for number in range(1, 501)]
    books = one.books()
    assert (books.state, books.written + books.missed) == ("on", 500)
    assert books.missed > 0
    assert books.held_bytes <= books.max_bytes
    assert [item.span_id for item, start, end in kept if start == end] == list(range(books.written + 1, 501))
    one.done(kept)
    assert one.books().held_bytes == 0
    assert one.keep(entry(501))[2] > 0
    one.close()


def test_entries_from_many_threads_and_from_a_handler_in_the_middle_of_one_are_all_there(tmp_path, monkeypatch):
    one = journal(tmp_path, 8 << 20)
    interruptions = iter(range(1_000_000, 2_000_000))
    here = threading.local()

    def interrupted(data, start=0):
        """As a signal's handler or a finalizer would, between finding the place and writing there."""
        if not getattr(here, "inside", False) and data not in seen:
            seen.add(data)
            here.inside = True
            one.keep(entry(next(interruptions)))
            here.inside = False
        return zlib.crc32(data, start)

    seen = set()
    one.done([one.keep(entry(0))])
    monkeypatch.setattr(journal_module, "zlib", SimpleNamespace(crc32=interrupted))
    numbers = [range(first, first + 500) for first in range(1, 4_000, 1_000)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda mine: [one.keep(entry(number)) for number in mine], numbers))
    assert one.books().missed == 0
    die(one)
    found, damaged = left_in(tmp_path)
    ids = [made.span_id for made in found]
    assert (len(ids), len(set(ids)), damaged) == (4_000, 4_000, 0)
    assert {number for number in ids if number < 1_000_000} == {number for mine in numbers for number in mine}


@pytest.fixture(scope="module")
def a_journal(tmp_path_factory):
    """The bytes of a small journal with twelve entries, two of them gone."""
    directory = tmp_path_factory.mktemp("journal")
    one = journal(directory, 1 << 16)
    kept = [one.keep(entry(number)) for number in range(1, 13)]
    one.done(kept[:2])
    head, data_at = one._head, one._data_at
    die(one)
    (path,) = files(directory)
    return path.read_bytes(), data_at + head, kept


@given(st.data())
@hypothesis_settings(max_examples=examples(300), deadline=None)
def test_any_flipped_bit_or_truncation_leaves_a_run_of_whole_records_and_never_a_wrong_one(
    a_journal, tmp_path_factory, data
):
    whole, end, _ = a_journal
    directory = tmp_path_factory.mktemp("damaged")
    if data.draw(st.booleans(), label="truncated"):
        damaged = whole[: data.draw(st.integers(0, end) | st.integers(0, len(whole)))]
    else:
        damaged = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 3))):
            bit = data.draw(st.integers(0, 8 * end - 1) | st.integers(0, 8 * WORDS.size - 1))
            damaged[bit // 8] ^= 1 << bit % 8
    path = directory / ("1_1" + SUFFIX)
    path.write_bytes(damaged)
    found, unreadable = left_in(directory)
    ids = [made.span_id for made in found]
    assert all(made == entry(made.span_id) for made in found)
    assert ids == list(range(ids[0], ids[0] + len(ids))) if ids else True
    assert set(ids) <= set(range(1, 13))
    if 0 < len(ids) < 10 and ids[0] == 3 and damaged[: WORDS.size] == whole[: WORDS.size]:
        assert unreadable == 10 - len(ids)


def test_a_record_that_was_being_written_when_the_process_was_killed_is_not_there_and_its_neighbours_are(tmp_path):
    one = journal(tmp_path)
    one.keep(entry(1))
    torn = dump(entry(2))[:40]
    one._map[one._data_at + one._head : one._data_at + one._head + len(torn)] = torn
    die(one)
    assert left_in(tmp_path) == ([entry(1)], 0)


def test_a_journal_whose_process_was_killed_between_its_two_counts_is_whole(tmp_path):
    one = journal(tmp_path)
    one.keep(entry(1))
    before = list(one._words)
    one.keep(entry(2))
    for which, value in enumerate(before):
        if which != HEAD:
            one._words[which] = value
    die(one)
    assert left_in(tmp_path) == ([entry(1), entry(2)], 0)


@pytest.mark.parametrize(
    "content", [b"garbage", b"\xff" * 100_000, b"SLEDGER1" + b"\x00" * 56, b"SLEDGER1" + b"\xff" * 5_000]
)
def test_a_file_that_is_no_journal_is_set_aside_with_a_warning_and_never_looked_at_again(tmp_path, content, caplog):
    path = tmp_path / f"1_{os.urandom(4).hex()}{SUFFIX}"
    path.write_bytes(content)
    assert left_in(tmp_path) == ([], 0)
    assert "cannot read all of" in caplog.text
    assert path.with_suffix(".unreadable").read_bytes() == content
    assert left_in(tmp_path) == ([], 0)


def test_a_file_that_is_being_made_is_left_alone_and_one_that_was_never_finished_is_removed(tmp_path):
    path = tmp_path / ("1_1" + SUFFIX)
    path.write_bytes(bytes(1 << 16))
    assert left_in(tmp_path) == ([], 0)
    assert path.exists()
    os.utime(path, (0, path.stat().st_mtime - 2 * BEING_MADE_S))
    assert left_in(tmp_path) == ([], 0)
    assert not path.exists()


def test_files_are_private_and_gone_when_everything_has_left(tmp_path):
    one = journal(tmp_path / "new")
    kept = one.keep(entry(1))
    (path,) = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_blocks * 512 >= ROOM, "its room is reserved, so that no write into it can fail"
    one.done([kept])
    one.close()
    assert not files(tmp_path)
    assert one.keep(entry(2))[1:] == (0, 0)


def test_without_an_entry_there_is_no_file(tmp_path):
    one = journal(tmp_path / "new")
    one.look_after(0.0)
    one.done([])
    assert one.books().state == "unused"
    one.close()
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_is_read_only_is_told_by_its_permissions(tmp_path):
    tmp_path.chmod(0o500)
    one = journal(tmp_path)
    assert one.keep(entry(1))[1:] == (0, 0)
    assert one.books().state == "off"


def test_where_nothing_can_be_written_the_journal_is_off_says_why_and_entries_go_on(tmp_path, caplog):
    (tmp_path / "file").write_text("not a directory")
    one = journal(tmp_path / "file" / "below")
    for number in range(3):
        made = entry(number)
        assert one.keep(made) == (made, 0, 0)
    books = one.books()
    assert (books.state, books.missed) == ("off", 3)
    assert "NotADirectoryError" in books.reason
    one.close()


def test_a_disk_without_room_leaves_the_journal_off_and_no_file(tmp_path, monkeypatch):
    def full(descriptor, at, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    one = journal(tmp_path)
    assert one.keep(entry(1))[1:] == (0, 0)
    assert "No space left" in one.books().reason
    assert not files(tmp_path)


def test_where_room_cannot_be_reserved_it_is_written(tmp_path, monkeypatch):
    def unknown(descriptor, at, size):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unknown)
    one = journal(tmp_path, 3_000_000)
    assert one.keep(entry(1))[2] > 0
    (path,) = files(tmp_path)
    assert path.stat().st_size >= 3_000_000 + MAX_FRAME
    die(one)
    assert left_in(tmp_path) == ([entry(1)], 0)


# --- where it may lie -------------------------------------------------------------------------------------------------

MOUNTS = """\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:20 / /mnt/far\\040away rw - nfs4 server:/x rw
23 21 0:21 / /home rw - btrfs /dev/vdb rw
24 23 0:22 / /home/run rw - tmpfs tmpfs rw
25 21 0:23 / /fuse rw - fuse.sshfs host: rw
nonsense
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib/x", "ext4"),
        ("/mnt/far away/x", "nfs4"),
        ("/home/ada", "btrfs"),
        ("/home/run", "tmpfs"),
        ("/homely", "ext4"),
        ("/fuse/x", "fuse"),
    ],
)
def test_the_file_system_of_a_directory_is_read_off_the_mounts(tmp_path, directory, kind):
    mounted = tmp_path / "mountinfo"
    mounted.write_text(MOUNTS)
    assert mounts.kind_of(directory, mounted) == kind
    assert mounts.kind_of(directory, tmp_path / "none") == ""


@pytest.mark.parametrize("kind", ["btrfs", "nfs4", "fuse"])
def test_where_a_page_may_end_or_stop_the_program_there_is_no_journal(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(mounts, "kind_of", lambda directory: kind)
    one = journal(tmp_path / "new")
    assert one.keep(entry(1))[1:] == (0, 0)
    assert one.books().reason == f"file system {kind}"
    assert not (tmp_path / "new").exists()


def test_on_a_file_system_that_promises_nothing_it_stands_aside_while_there_is_hardly_space(tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "kind_of", lambda directory: "overlay")
    enough = True
    monkeypatch.setattr(mounts, "has_enough", lambda directory: enough)
    one = journal(tmp_path)
    first = one.keep(entry(1))
    enough = False
    one.look_after(10.0)
    assert one.keep(entry(2))[1:] == (0, 0)
    assert (one.books().state, one.books().missed) == ("off", 1)
    enough = True
    one.look_after(20.0)
    third = one.keep(entry(3))
    assert one.books().state == "on"
    one.done([first, third])
    one.close()
    assert not files(tmp_path)


def test_the_disk_is_asked_to_keep_it_as_often_as_was_said(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    one = journal(tmp_path, sync_s=5.0)
    one.keep(entry(1))
    for now_s in (100.0, 101.0, 104.9, 105.0, 106.0):
        one.look_after(now_s)
    assert synced == [one._descriptor] * 2
    never = journal(tmp_path)
    never.keep(entry(1))
    never.look_after(100.0)
    assert len(synced) == 2
    die(one)
    die(never)


# --- with a lane ------------------------------------------------------------------------------------------------------


def durable_lane(directory, address, **more):
    spool = Spool(directory, address, more.pop("spool_bytes", 1_000_000))
    field = more.pop("resource", b"")
    own = Journal(spool.directory, ROOM, lambda: field)
    return ledger_lane(address, spool=spool, journal=own, **more)


def test_what_a_killed_process_left_is_delivered_by_the_next_under_its_own_resource_and_only_once(tmp_path):
    with http_receiver() as (received, address):
        theirs = ledger_lane(address, service="theirs").encoder.resource_field()
        dead = durable_lane(tmp_path, address, resource=theirs)
        for number in range(1, 301):
            dead.put(entry(number))
        dead.settle(dead.next_batch(lambda: None), Sent(), 0.0, 0.0, 1.0)
        dead.next_batch(lambda: None)  # on its way when the process is killed: nobody knows what became of it
        die(dead.journal)
        lanes = [durable_lane(tmp_path, address, service="ours") for _ in range(2)]
        with working(lanes[0]) as first, working(lanes[1]) as second:
            lanes[0].put(entry(1_000))
            assert first.flush(20)
            assert second.flush(20)
        assert numbers(received) == [*range(65, 301), 1_000]
        of_theirs = [record for record in received.records() if int.from_bytes(record.span_id, "big") < 1_000]
        by_service = {
            attributes(resource.resource)["service.name"]: len(resource.scope_logs[0].log_records)
            for _, message in received.requests
            for resource in message.resource_logs
        }
    assert len(of_theirs) == 236
    assert set(by_service) == {"ours", "theirs"}
    assert sorted(lane.books().recovered for lane in lanes) == [0, 236]
    assert all(adds_up(lane.books()) for lane in lanes)
    assert not files(tmp_path)
    assert not list(tmp_path.rglob("*.otlp"))


def test_a_journal_for_which_the_spool_has_no_room_waits_until_there_is(tmp_path):
    with http_receiver() as (received, address):
        dead = durable_lane(tmp_path, address)
        for number in range(1, 101):
            dead.put(entry(number))
        die(dead.journal)
        lane = durable_lane(tmp_path, address, spool_bytes=2_000, batch_size=10)
        recover(lane, lambda: None)
        found = lane.books().recovered
        assert 0 < found < 100
        assert files(tmp_path)
        with working(lane) as worker:
            for _ in range(20):
                assert worker.flush(20)
                worker._next_recovery = 0.0
        assert numbers(received) == list(range(1, 101))
    assert lane.books().recovered == 100
    assert adds_up(lane.books())
    assert not files(tmp_path)


def test_what_of_a_journal_is_damaged_is_counted_and_the_rest_is_delivered(tmp_path, caplog):
    with http_receiver() as (received, address):
        dead = durable_lane(tmp_path, address)
        for number in range(1, 101):
            dead.put(entry(number))
        own = dead.journal
        start = 0
        for _ in range(60):
            start += 8 + int.from_bytes(own._map[own._data_at + start : own._data_at + start + 4], "little")
        own._map[own._data_at + start + 20] ^= 4
        die(own)
        lane = durable_lane(tmp_path, address)
        with working(lane) as worker:
            assert worker.flush(20)
        assert numbers(received) == list(range(1, 61))
    books = lane.books()
    assert (books.recovered, books.sent, books.dropped) == (100, 60, {"journal_damaged": 40})
    assert adds_up(books)
    assert "40 entries are damaged" in caplog.text


def test_an_entry_in_a_journal_that_makes_no_sense_is_counted_and_its_neighbours_are_delivered(tmp_path):
    with http_receiver() as (received, address):
        dead = durable_lane(tmp_path, address)
        for number in range(1, 11):
            dead.put(entry(number, end_ns="late" if number == 5 else 7))
        die(dead.journal)
        lane = durable_lane(tmp_path, address)
        with working(lane) as worker:
            assert worker.flush(20)
        assert numbers(received) == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert lane.books().dropped == {"journal_damaged": 1}


def test_the_metric_tells_what_was_recovered_and_what_the_journal_missed(tmp_path):
    lane = durable_lane(tmp_path, "http://127.0.0.1:1")
    lane.recovered(3)
    lane.journal._trusted = False
    lane.put(entry(1))
    told = outcomes_of(lane)
    assert told["ledger", "recovered", ""] == 3
    assert told["ledger", "missed", "journal"] == 1
    assert told["ledger", "recorded", ""] == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 12)),
        st.tuples(st.just("put a bad one"), st.none()),
        st.tuples(
            st.just("send"),
            st.sampled_from(
                [Sent(), Sent(refused=2), TryAgain("away", unreachable=True), TooLarge(), Lost("http_400")]
            ),
        ),
        st.tuples(st.just("spill"), st.none()),
    ),
    max_size=30,
)


class Unwritable:
    def __str__(self):
        raise RuntimeError("no text")


@given(STEPS)
@hypothesis_settings(max_examples=examples(60), deadline=None)
def test_at_every_moment_a_kill_would_leave_all_that_waits_in_memory_and_nothing_that_has_gone(tmp_path_factory, steps):
    directory = tmp_path_factory.mktemp("lane")
    lane = durable_lane(directory, "http://127.0.0.1:1", batch_size=4, limit=30)
    number = 0
    for what, with_what in steps:
        match what:
            case "put":
                for _ in range(with_what):
                    number += 1
                    lane.put(entry(number))
            case "put a bad one":
                lane.put(entry(0, response_id=Unwritable()))
            case "spill":
                lane.spill(lambda: None)
            case "send":
                batch = lane.next_batch(lambda: None)
                if batch is not None:
                    lane.settle(batch, with_what, 0.0, 0.5, 1.0)
    waiting = {made.span_id for made, _, _ in lane._queue if made.span_id}
    waiting |= {made.span_id for batch in lane._again for made in batch.items}
    under_way = {made.span_id for batch in lane._again for made, _, _ in batch.kept}  # a split batch leaves as a whole
    missed = {made.span_id for made, start, end in lane._queue if start == end}
    if lane.journal._map is None:
        assert not waiting
        return
    die(lane.journal)
    found, damaged = left_in(directory / lane.spool.directory.name)
    ids = [made.span_id for made in found]
    assert (damaged, len(ids)) == (0, len(set(ids)))
    assert waiting <= set(ids) <= waiting | under_way | missed


def test_at_the_end_what_cannot_be_delivered_goes_to_the_spool_and_leaves_no_journal(tmp_path):
    lane = durable_lane(tmp_path, "http://127.0.0.1:1")
    with working(lane):
        for number in range(10):
            lane.put(entry(number))
    assert lane.books().spooled == 10
    assert not files(tmp_path)
    assert len(list(tmp_path.rglob("*.otlp"))) == 1


# --- whole programs ---------------------------------------------------------------------------------------------------

BEGIN = """
import os, signal, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import spanledger
from spanledger.ledger import record
from tests.sdk.making import entry
"""


def run(code, address, directory, **more):
    env = {"SPANLEDGER_ENDPOINT": address, "SPANLEDGER_SPOOL_DIR": str(directory), "SPANLEDGER_JOURNAL": "true"} | more
    return program(BEGIN + textwrap.dedent(code), env=env)


def pick_up(address, directory):
    """The next start; gives what it says became of the ledger's entries."""
    done = run(
        """
        handle = spanledger.configure(service_name="next")
        assert handle.flush(30)
        print(handle.stats()["ledger"]["recovered"], handle.stats()["journal"]["state"])
        """,
        address,
        directory,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


THREADS = """
import collections, os, sys, threading, time
from pathlib import Path
from spanledger.delivery.journal import Journal
from tests.sdk.making import entry

sys.setswitchinterval(1e-5)
journal, queue = Journal(Path(sys.argv[1]), 1 << 16, lambda: b""), collections.deque()

def work(number):
    while True:
        while len(queue) > 100:
            time.sleep(0.0001)
        number += 1
        queue.append(journal.keep(entry(number)))
        os.write(1, b"returned %d\\n" % number)

for first in (10_000_000, 20_000_000, 30_000_000):
    threading.Thread(target=work, args=(first,), daemon=True).start()
while True:
    kept = [queue.popleft() for _ in range(min(len(queue), 30))]
    os.write(1, b"".join(b"sent %d\\n" % item.span_id for item, _, _ in kept))
    journal.done(kept)
    time.sleep(0.0002)
"""


def test_threads_that_write_round_and_round_lose_nothing_that_had_returned_when_they_are_killed(tmp_path):
    moments = random.Random(7)
    for _ in range(examples(4)):
        begin = [sys.executable, "-c", THREADS, str(tmp_path)]
        with subprocess.Popen(begin, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            told = [process.stdout.readline()]
            reader = threading.Thread(target=lambda to, lines: to.extend(lines), args=(told, process.stdout))
            reader.start()
            threading.Event().wait(moments.uniform(0.02, 0.2))
            process.kill()
            reader.join()
        words = [line.split() for line in told if line.endswith("\n")]
        returned, sent = ({int(number) for what, number in words if what == kind} for kind in ("returned", "sent"))
        found, damaged = left_in(tmp_path)
        left = {made.span_id for made in found}
        assert (damaged, len(left)) == (0, len(found))
        assert returned <= left | sent
        assert len(left - returned - sent) <= 3, "at most what each thread had begun"
        for path in files(tmp_path):
            path.unlink()


def test_a_child_has_a_journal_of_its_own_and_a_kill_of_either_loses_nothing(tmp_path):
    address = f"http://127.0.0.1:{kept_port()}"
    done = run(
        """
        handle = spanledger.configure(service_name="s", interval_s=60)
        for number in range(1, 101):
            record(entry(number))
        child = os.fork()
        for number in (range(101, 151) if child else range(201, 251)):
            record(entry(number))
        if child:
            os.waitpid(child, 0)
            assert handle.stats()["journal"]["written"] == 150
        else:
            assert handle.stats()["journal"]["written"] == 50
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        address,
        tmp_path,
    )
    assert done.returncode == -9, done.stderr
    assert len(files(tmp_path)) == 2
    with http_receiver(int(address.rpartition(":")[2])) as (received, _):
        assert pick_up(address, tmp_path) == ["200", "unused"]
        assert numbers(received) == [*range(1, 151), *range(201, 251)]
    assert not files(tmp_path)


def test_a_killed_sibling_is_picked_up_by_one_of_two_processes_at_once_and_a_living_one_by_none(tmp_path):
    with http_receiver() as (received, address):
        busy = """
            handle = spanledger.configure(service_name="s", interval_s=60)
            for number in range(1, 101):
                record(entry(number))
            print("ready", flush=True)
            input()
            """
        env = environment(SPANLEDGER_ENDPOINT=address, SPANLEDGER_SPOOL_DIR=str(tmp_path), SPANLEDGER_JOURNAL="true")
        begin = [sys.executable, "-c", BEGIN + textwrap.dedent(busy)]
        with subprocess.Popen(begin, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
            assert living.stdout.readline() == b"ready\n"
            assert pick_up(address, tmp_path) == ["0", "unused"]
            assert not received.records()
            living.kill()
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda _: pick_up(address, tmp_path)[0], range(2)))
        assert sorted(found) == ["0", "100"]
        assert numbers(received) == list(range(1, 101))


def test_stats_tell_of_the_journal_and_nothing_is_written_under_pytest_or_where_it_is_off(tmp_path):
    code = """
        before = spanledger.stats()["journal"]
        handle = spanledger.configure(service_name="s", interval_s=60)
        record(entry(2))
        assert handle.stats()["journal"].keys() == before.keys()
        found = handle.stats()["journal"]
        print(found["state"], found["reason"], found["written"], found["missed"])
        """
    address = f"http://127.0.0.1:{kept_port()}"
    home = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "home")}
    off = run(code, address, tmp_path / "off", SPANLEDGER_JOURNAL="false")
    assert off.stdout.split() == ["off", "setting", "0", "0"]
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    wrong = run(code, address, blocked)
    assert wrong.stdout.startswith("off NotADirectoryError")
    assert wrong.stdout.endswith(" 0 1\n")
    assert "keeps no journal" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    tried = run(code, address, "auto", PYTEST_VERSION="", **home)
    assert tried.stdout.split() == ["off", "setting", "0", "0"]
    assert not (tmp_path / "home").exists()
