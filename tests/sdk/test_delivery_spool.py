import stat
import threading

import pytest

from spanledger.delivery.spool import Spool, is_alive, process_name
from tests.sdk.making import adds_up, entry, eventually, ledger_lane, program, working
from tests.sdk.receiver import http_receiver
from tests.sdk.test_delivery import numbers
from tests.support.ports import kept_port

DEAD = "999999999-1"


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path, "http://there", 1_000_000)


def files(directory):
    return sorted(directory.rglob("*.otlp"))


def test_when_the_queue_is_half_full_batches_go_to_disk_and_come_back_when_the_backend_does(tmp_path):
    port = kept_port()
    address = f"http://127.0.0.1:{port}"
    lane = ledger_lane(address, limit=100, batch_size=10, spool=Spool(tmp_path, address, 1_000_000))
    with working(lane) as worker:
        for number in range(1, 301):
            lane.put(entry(number))
            eventually(lambda: not lane.is_crowded())
        assert lane.books().spooled >= 250
        assert files(tmp_path)
        with http_receiver(port) as (received, _):
            assert worker.flush(20)
            assert numbers(received) == list(range(1, 301))
    assert lane.books().sent == 300
    assert not files(tmp_path)


def test_at_the_end_what_could_not_be_delivered_is_kept_and_the_next_process_delivers_it_first(tmp_path):
    port = kept_port()
    env = {"SPANLEDGER_SPOOL_DIR": str(tmp_path), "SPANLEDGER_ENDPOINT": f"http://127.0.0.1:{port}"}
    code = """
        import sys
        from spanledger import configure
        from spanledger.ledger import record
        from tests.sdk.making import entry
        handle = configure(service_name="shop")
        for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1, 51):
            record(entry(number))
    """
    first = program(code, env=env)
    assert first.returncode == 0, first.stderr
    assert sum(int(path.stem.split("_")[3]) for path in files(tmp_path)) == 50
    with http_receiver(port) as (received, _):
        second = program(
            """
            from spanledger import configure
            from spanledger.ledger import record
            from tests.sdk.making import entry
            handle = configure(service_name="shop")
            record(entry(51))
            assert handle.flush(20)
            print(handle.stats()["ledger"])
            """,
            env=env,
        )
        assert second.returncode == 0, second.stderr
        assert numbers(received) == list(range(1, 52))
        first_logs = next(message for signal, message in received.requests if signal == "logs")
        assert len(first_logs.resource_logs[0].scope_logs[0].log_records) == 50
    assert "'recorded': 1, 'recovered': 50, 'sent': 51" in second.stdout
    assert not files(tmp_path)


def test_settling_down_puts_on_disk_what_does_not_go_and_it_goes_when_somebody_is_there(tmp_path):
    port = kept_port()
    address = f"http://127.0.0.1:{port}"
    lane = ledger_lane(address, spool=Spool(tmp_path, address, 1_000_000))
    with working(lane, interval_s=3600.0) as worker:
        for number in range(1, 101):
            lane.put(entry(number))
        worker.settle_down(60.0)
        assert (lane.books().spooled, lane.books().waiting) == (100, 0)
        lane.put(entry(101))
        with http_receiver(port) as (received, _):
            assert worker.flush(60)
            assert numbers(received) == list(range(1, 102))
    assert not files(tmp_path)


def test_settling_down_puts_on_disk_what_is_under_way_and_nothing_of_it_is_counted_twice(tmp_path):
    asked, answers = threading.Event(), threading.Event()

    def late(signal, message):
        asked.set()
        answers.wait(60)

    with http_receiver() as (received, address):
        received.always = late
        lane = ledger_lane(address, spool=Spool(tmp_path, address, 1_000_000))
        with working(lane) as worker:
            lane.put(entry(1))
            assert asked.wait(60)
            worker.settle_down(0.0)
            assert (lane.books().spooled, lane.books().waiting) == (1, 0)
            assert len(files(tmp_path)) == 1
            answers.set()
            assert worker.flush(60)
        assert set(numbers(received)) == {1}
    assert (lane.books().recorded, lane.books().sent) == (1, 1)
    assert not files(tmp_path)


def test_files_are_private_and_each_receiver_has_a_directory_of_its_own(tmp_path, spool):
    other = Spool(tmp_path, "http://elsewhere", 1_000_000)
    assert spool.write(b"abc", 1)
    assert other.write(b"def", 1)
    written = files(tmp_path)
    assert len({path.parent for path in written}) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in written} == {0o700}


def test_no_more_bytes_than_allowed_are_written(tmp_path):
    small = Spool(tmp_path, "http://there", 10)
    assert small.write(b"x" * 6, 1)
    assert not small.write(b"x" * 6, 1)
    assert small.write(b"x" * 4, 1)
    assert not Spool(tmp_path, "http://there", 0).write(b"", 1)


def test_files_are_compressed_and_those_of_an_older_version_are_read_as_they_are(tmp_path, spool):
    payload = b"\x0a" + b"the same again and again " * 400
    assert spool.write(payload, 400)
    (path,) = files(tmp_path)
    assert path.stat().st_size < len(payload) / 10
    file = spool.oldest()
    assert spool.read(file) == payload
    path.write_bytes(payload)
    assert spool.read(file) == payload


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-4], lambda data: data[:9] + b"?" + data[10:], lambda data: data[:1]]
)
def test_a_file_that_is_damaged_is_counted_as_lost(tmp_path, damage):
    with http_receiver() as (received, address):
        lane = ledger_lane(address, spool=Spool(tmp_path, address, 1_000_000))
        for number in range(50):
            lane.put(entry(number))
        assert lane.spill(lambda: None)
        (path,) = files(tmp_path)
        path.write_bytes(damage(path.read_bytes()))
        with working(lane) as worker:
            assert worker.flush(20)
        assert not received.records()
    assert lane.books().dropped == {"spool_lost": 50}


def test_a_directory_that_cannot_be_written_is_told_once_and_no_longer_tried(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    broken = Spool(blocked, "http://there", 1_000)
    assert not broken.write(b"x", 1)
    assert not broken.write(b"x", 1)
    assert len([record for record in caplog.records if "cannot keep ledger entries" in record.message]) <= 1


def test_files_of_dead_processes_are_taken_over_and_those_of_living_ones_are_not(tmp_path, spool):
    spool.write(b"mine", 3)
    (own,) = files(tmp_path)
    (own.parent / f"00000000000000000001_{DEAD}_1_7.otlp").write_bytes(b"theirs")
    (own.parent / "notes.txt").write_text("somebody else's")
    later = Spool(tmp_path, "http://there", 1_000)
    assert later.take_over() == 7
    file = later.oldest()
    assert file is not None
    assert (file.count, later.read(file), file.owner) == (7, b"theirs", process_name())
    later.remove(file)
    assert files(tmp_path) == [own]
    assert later.oldest() is None


def test_a_process_is_told_apart_from_a_later_one_with_the_same_number():
    assert is_alive(process_name())
    assert not is_alive(DEAD)
    assert not is_alive("nonsense")
    number, _, began = process_name().partition("-")
    assert not is_alive(f"{number}-{int(began) + 1}")


def test_a_file_that_somebody_deleted_is_counted_as_lost(tmp_path):
    with http_receiver() as (_, address):
        lane = ledger_lane(address, spool=Spool(tmp_path, address, 1_000_000))
        for number in range(5):
            lane.put(entry(number))
        assert lane.spill(lambda: None)
        for path in files(tmp_path):
            path.unlink()
        with working(lane) as worker:
            assert worker.flush(20)
    assert lane.books().dropped == {"spool_lost": 5}
    assert adds_up(lane.books())


def test_a_backend_that_comes_and_goes_gets_everything_exactly_once_or_more_but_never_less(tmp_path):
    port = kept_port()
    address = f"http://127.0.0.1:{port}"
    lane = ledger_lane(address, limit=200, batch_size=20, spool=Spool(tmp_path, address, 1_000_000))
    seen = set()
    with working(lane) as worker:
        stop = threading.Event()

        def produce():
            for number in range(1, 1001):
                lane.put(entry(number))
                eventually(lambda: not lane.is_crowded())
            stop.set()

        producer = threading.Thread(target=produce)
        producer.start()
        while not stop.is_set():
            with http_receiver(port) as (received, _):
                eventually(lambda received=received: len(received.requests) >= 2 or stop.is_set())
            seen |= set(numbers(received))
        producer.join()
        with http_receiver(port) as (received, _):
            assert worker.flush(20)
            seen |= set(numbers(received))
    assert seen == set(range(1, 1001))
    assert lane.books().recorded == 1000
    assert adds_up(lane.books())
