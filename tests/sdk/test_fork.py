import ast
import sys

import pytest

from spanledger import semconv
from tests.sdk.making import program
from tests.sdk.receiver import attributes, grpc_receiver, http_receiver

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
RECEIVERS = [("http/protobuf", http_receiver), ("grpc", grpc_receiver)]

BEGIN = """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import spanledger
from spanledger.ledger import record
from tests.sdk.making import entry

def child_ends(number):
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0
"""


def run(code, address, protocol):
    done = program(BEGIN + code, env={"SPANLEDGER_ENDPOINT": address, "SPANLEDGER_PROTOCOL": protocol})
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


def ids(received):
    return sorted(int.from_bytes(record.span_id, "big") for record in received.records(semconv.LEDGER_EVENT))


@pytest.mark.parametrize(("protocol", "receiver"), RECEIVERS)
def test_parent_and_child_both_deliver_what_they_recorded_and_nothing_twice(protocol, receiver):
    with receiver() as (received, address):
        run(
            """
handle = spanledger.configure(service_name="s", interval_s=60)
for number in range(1, 101):
    record(entry(number))
assert handle.flush(20)                      # a connection is open when the process forks
for number in range(101, 201):
    record(entry(number))
child = os.fork()
if child == 0:
    assert handle.stats()["ledger"]["recorded"] == 0
    for number in range(201, 251):
        record(entry(number))
    assert handle.flush(20)
    found = handle.stats()["ledger"]
    os._exit(0 if (found["recorded"], found["sent"]) == (50, 50) else 1)
child_ends(child)
""",
            address,
            protocol,
        )
    assert ids(received) == list(range(1, 251))


@pytest.mark.parametrize(("protocol", "receiver"), RECEIVERS)
def test_twenty_forks_under_load_lose_and_repeat_nothing(protocol, receiver):
    with receiver() as (received, address):
        run(
            """
import itertools, threading
handle = spanledger.configure(service_name="s", interval_s=0.01, metrics_interval_s=0.1)
stop, parents = threading.Event(), itertools.count(1_000_000)
record(entry(next(parents)))
assert handle.flush(30)                      # what the first entry loads is there, and not loaded by each child
def load():
    while not stop.wait(0.0005):
        record(entry(next(parents)))
threads = [threading.Thread(target=load, daemon=True) for _ in range(2)]
for thread in threads: thread.start()
children = []
for child_number in range(20):
    child = os.fork()
    if child == 0:
        for number in range(100):
            record(entry(child_number * 100 + number + 1))
        os._exit(0 if handle.flush(30) else 1)
    children.append(child)
for child in children: child_ends(child)
stop.set()
for thread in threads: thread.join()
assert handle.flush(30)
""",
            address,
            protocol,
        )
    found = ids(received)
    assert found == sorted(set(found)), "nothing twice"
    assert [number for number in found if number < 1_000_000] == list(range(1, 2001))
    assert [number for number in found if number >= 1_000_000] == list(range(1_000_000, max(found) + 1))


@pytest.mark.parametrize(("protocol", "receiver"), RECEIVERS)
def test_a_fork_while_the_first_entry_loads_what_it_needs_leaves_the_child_able_to_load_it(protocol, receiver):
    with receiver() as (received, address):
        run(
            """
import sys
handle = spanledger.configure(service_name="s", interval_s=0.01)
record(entry(1))
while "genai_prices" not in sys.modules:     # the worker imports it now
    os.sched_yield()
child = os.fork()
if child == 0:
    import genai_prices.update_prices        # so may the program itself
    record(entry(2))
    os._exit(0 if handle.flush(40) else 1)
child_ends(child)
assert handle.flush(40)
""",
            address,
            protocol,
        )
    assert ids(received) == [1, 2]


def test_a_child_is_another_instance_of_the_service_and_counts_from_zero():
    with http_receiver() as (received, address):
        run(
            """
from spanledger.configure import tracer
handle = spanledger.configure(service_name="s")
record(entry(1))
tracer().start_span("parent").end()
assert handle.flush(20)
child = os.fork()
if child == 0:
    record(entry(2))
    tracer().start_span("child").end()
    os._exit(0 if handle.flush(20) else 1)
child_ends(child)
""",
            address,
            "http/protobuf",
        )
    instances = {}
    for signal, message in received.requests:
        if signal == "logs":
            for resource in message.resource_logs:
                instance = attributes(resource.resource)["service.instance.id"]
                for record in resource.scope_logs[0].log_records:
                    instances[int.from_bytes(record.span_id, "big")] = instance
    assert len(set(instances.values())) == 2
    for metric in received.metrics(semconv.METRIC_OPERATION_DURATION):
        assert [point.count for point in metric.histogram.data_points] == [1]


def test_children_of_multiprocessing_deliver_at_their_end():
    with http_receiver() as (received, address):
        run(
            """
import multiprocessing
handle = spanledger.configure(service_name="s", interval_s=60, shutdown_timeout_s=30)
def work(start):
    for number in range(10):
        record(entry(start + number))
fork = multiprocessing.get_context("fork")
workers = [fork.Process(target=work, args=(start,)) for start in (100, 200, 300)]
for worker in workers: worker.start()
for worker in workers: worker.join()
assert [worker.exitcode for worker in workers] == [0, 0, 0]
""",
            address,
            "http/protobuf",
        )
    assert ids(received) == [*range(100, 110), *range(200, 210), *range(300, 310)]


def test_a_fork_before_the_first_entry_and_without_configure_works_in_both():
    with http_receiver() as (received, address):
        done = run(
            """
import threading
record(entry(1))                              # begins to build the pipeline in a thread
child = os.fork()
if child == 0:
    record(entry(2))
    os._exit(0 if spanledger.flush(20) else 1)
child_ends(child)
assert spanledger.flush(20)
print([spanledger.stats()["ledger"]["sent"]])
""",
            address,
            "http/protobuf",
        )
    assert ast.literal_eval(done.stdout) == [1]
    assert ids(received) == [1, 2]


def test_a_child_forked_after_a_shutdown_stays_shut_down():
    with http_receiver() as (received, address):
        run(
            """
handle = spanledger.configure(service_name="s")
handle.shutdown()
child = os.fork()
if child == 0:
    record(entry(2))
    found = spanledger.stats()["ledger"]
    os._exit(0 if found["dropped"] == {"shutdown": 1} else 1)
child_ends(child)
""",
            address,
            "http/protobuf",
        )
    assert ids(received) == []
