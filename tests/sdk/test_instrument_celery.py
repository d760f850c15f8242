"""Tasks: a program that sends one and a pre-fork worker that runs it, both with nothing but instrumentation."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spanledger import semconv
from tests.sdk.making import environment, eventually
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
            eventually(lambda: len(received.spans()) == 3 and received.records(semconv.LEDGER_EVENT), 40)
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
