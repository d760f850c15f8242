"""Tasks: a program that sends one and a pre-fork worker that runs it, both with nothing but instrumentation."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spanledger import semconv
from tests.sdk.making import environment, eventually, program
from tests.sdk.receiver import attributes, http_receiver

TASKS = """
import os
import celery
import spanledger

app = celery.Celery("tasks", broker="filesystem://")
folder = os.environ["QUEUE"]
folders = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "/control"}
app.conf.broker_transport_options = folders | {"polling_interval": 0.05}
app.conf.task_ignore_result = True

@spanledger.traced_cost(provider="openai", model="gpt-4o")
def ask():
    return {"id": "r1", "model": "gpt-4o", "usage": {"prompt_tokens": 11, "completion_tokens": 7}}

@app.task
def work():
    ask()
"""
SENDER = """
import spanledger
spanledger.configure(service_name="shop", metrics_exporter="none")
assert spanledger.instrument(include="celery").on == ("celery",)
import tasks
with spanledger.context(user_id="u7", user_tier="pro", session_id="s1", feature="search"):
    tasks.work.delay()
assert spanledger.flush(20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Celery's pre-fork pool is for Unix")
def test_a_task_in_a_forked_worker_is_in_the_trace_of_its_sender_with_everything_said_about_it(tmp_path):
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "queue" / "control").mkdir(parents=True)
    python = Path(sys.executable)
    worker = [python.parent / "opentelemetry-instrument", python, "-m", "celery", "--app", "tasks", "worker"]
    with http_receiver() as (received, address):
        env = environment(SPANLEDGER_ENDPOINT=address, QUEUE=str(tmp_path / "queue"), OTEL_METRICS_EXPORTER="none")
        sent = subprocess.run([python, "-c", SENDER], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert sent.returncode == 0, sent.stderr
        process = subprocess.Popen(
            [str(part) for part in [*worker, "--concurrency", "1", "--without-mingle", "--without-gossip"]],
            env=env | {"OTEL_SERVICE_NAME": "worker"},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            eventually(lambda: len(received.spans()) == 3 and received.records(semconv.LEDGER_EVENT), 120)
        finally:
            process.send_signal(signal.SIGQUIT)  # at SIGTERM Celery waits for five seconds
            said, _ = process.communicate(timeout=30)
    spans = {span.name: span for span in received.spans()}
    assert sorted(spans) == ["apply_async/tasks.work", "chat gpt-4o", "run/tasks.work"], said
    assert len({span.trace_id for span in spans.values()}) == 1
    assert spans["run/tasks.work"].parent_span_id == spans["apply_async/tasks.work"].span_id
    assert spans["chat gpt-4o"].parent_span_id == spans["run/tasks.work"].span_id
    (line,) = received.records(semconv.LEDGER_EVENT)
    for each in (*spans.values(), line):
        found = attributes(each)
        assert (found["user.id"], found["spanledger.user_tier"]) == ("u7", "pro")
        assert (found["session.id"], found["spanledger.feature"]) == ("s1", "search")


MEASURED = """
import types
import celery
from celery.worker import state
import spanledger

spanledger.configure(service_name="worker", metrics_interval_s=0.1)
assert spanledger.instrument(include="celery").on == ("celery",)
import spanledger.celery as ours

app = celery.Celery("tasks", broker="memory://")
app.amqp.queues.select(["celery", "idle"])

@app.task
def fail(how):
    raise ValueError("on purpose")

for _ in range(3):
    fail.delay("x")
fail.apply(("x",))
state.active_requests.update(taken := [type("R", (), {})() for _ in range(2)])
state.reserved_requests.update([*taken, waiting := type("R", (), {})()])
pool = types.SimpleNamespace(num_processes=4)
consumer = type("Consumer", (), {"app": app, "pool": pool, "hostname": "celery@here"})
celery.signals.worker_ready.send(sender=consumer)
(watch,) = ours._watches
while len(watch._lengths) < 2:
    watch._stop.wait(0.02)
assert spanledger.flush(20)
celery.signals.worker_shutdown.send(sender=None)
watch._thread.join(10)
assert not watch._thread.is_alive() and not ours._watches
"""


def points(received, name):
    (metric,) = received.metrics(name)[-1:]
    return [(attributes(point), point.as_int) for point in getattr(metric, metric.WhichOneof("data")).data_points]


def test_a_worker_tells_its_queues_its_pool_what_it_has_taken_and_how_long_tasks_ran():
    with http_receiver() as (received, address):
        done = program(MEASURED, env={"SPANLEDGER_ENDPOINT": address})
        assert done.returncode == 0, done.stderr
    lengths = {found["messaging.destination.name"]: length for found, length in points(received, "celery.queue.length")}
    assert lengths == {"celery": 3, "idle": 0}
    here = {"messaging.system": "celery", "celery.worker.name": "celery@here"}
    assert points(received, "celery.worker.pool.size") == [(here, 4)]
    tasks = {found["celery.task.state"]: count for found, count in points(received, "celery.worker.tasks")}
    assert tasks == {"active": 2, "reserved": 1}
    (duration,) = received.metrics("messaging.process.duration")[-1].histogram.data_points
    found = attributes(duration)
    assert (found["celery.task.name"], found["celery.task.state"], found["error.type"]) == (
        "tasks.fail",
        "failure",
        "ValueError",
    )
    assert not [span for span in received.spans() if "celery.queue" in span.name]


FORKED = """
import os, psutil, spanledger
spanledger.configure(service_name="shop")
assert spanledger.instrument(include="system_metrics").on == ("system_metrics",)
from spanledger.system import _followed
child = os.fork()
if child == 0:
    os._exit(_followed[0]._proc.pid != os.getpid())
assert os.waitpid(child, 0)[1] == 0
assert _followed[0]._proc.pid == os.getpid()
assert spanledger.flush(20)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_tells_its_own_memory_and_what_is_slow_to_find_out_is_left_out():
    with http_receiver() as (received, address):
        done = program(FORKED, env={"SPANLEDGER_ENDPOINT": address})
    assert done.returncode == 0, done.stderr
    assert received.metrics("process.memory.usage")
    assert received.metrics("system.cpu.utilization")
    assert not received.metrics("system.network.connections")
    assert not received.metrics("process.runtime.memory")


PREPARED = """
import os, sys
import spanledger
spanledger.configure(service_name="worker", metrics_exporter="none", traces_exporter="none")
spanledger.instrument(include="celery")
import celery.signals

@spanledger.traced_cost(provider="openai", model="gpt-4o")
def ask():
    return {"id": "r1", "model": "gpt-4o", "usage": {"prompt_tokens": 11, "completion_tokens": 7}}

def heavy():
    return sorted({"requests", "urllib3", "gzip"} & set(sys.modules))

print(heavy(), flush=True)
celery.signals.worker_init.send(sender=None)
before = set(sys.modules)
print(heavy(), flush=True)
child = os.fork()
if not child:
    ask()
    assert spanledger.flush(20)
    print(sorted(name for name in set(sys.modules) - before if not name.startswith("encodings")), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert spanledger.stats()["failures"] == {}
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the pre-fork pool is for Unix")
def test_what_the_first_delivery_needs_is_loaded_before_the_pool_forks_and_no_child_loads_it_again():
    with http_receiver() as (received, address):
        done = program(PREPARED, env={"SPANLEDGER_ENDPOINT": address})
    assert done.returncode == 0, done.stderr
    first, then, child = done.stdout.splitlines()
    assert "requests" not in first
    assert "requests" in then
    assert child == "[]"
    (line,) = received.records(semconv.LEDGER_EVENT)
    assert attributes(line)[semconv.GEN_AI_USAGE_INPUT_TOKENS] == 11
