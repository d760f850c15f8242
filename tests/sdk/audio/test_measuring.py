"""The measuring process: what it costs, what happens when it dies, and that nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

import spanledger
from spanledger.audio import child, measuring
from spanledger.testing import capture
from tests.sdk.making import environment, program
from tests.sdk.receiver import attributes, http_receiver
from tests.support.waiting import until

CLIPS = Path(__file__).parent / "clips"
REASON = "audio.features_skipped_reason"
FIGURES = ["duration_s", "speed_factor", "real_time_factor", "bandwidth_hz", "loudness_lufs"]
FIGURES += [f"{name}_ratio" for name in ("clipped", "zero_frame", "silence", "speech")]
SPEECH = str(CLIPS / "arctic_a0007.wav")

TRACED = f"""
import os, sys, threading, time
import spanledger

def tell(name, audio={SPEECH!r}, rate=None):
    with spanledger.audio_pipeline(name) as pipeline:
        with pipeline.stage("load_audio") as stage:
            stage.audio(audio, rate)
"""


def run(code, address=""):
    done = program(TRACED + code, env={"SPANLEDGER_ENDPOINT": address, "SPANLEDGER_SHUTDOWN_TIMEOUT_S": "60"})
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


def spans(received, name="load_audio"):
    return [attributes(span) for span in received.spans() if span.name == name]


@pytest.fixture
def measurer(monkeypatch):
    """A measurer of the test's own."""
    monkeypatch.setattr(measuring._process, "measurer", None)
    yield measuring._measurer()
    measuring._stop(0)


def left_out(span):
    """Why its audio was not measured; whether this machine has a model to score it with does not matter."""
    reason = span.attributes.get(REASON, "").removeprefix("dnsmos=over_budget")
    return reason or None


def stage_told(audio=SPEECH, rate=None):
    with spanledger.stage("load_audio") as stage:
        stage.audio(audio, rate)


def test_a_program_that_just_ends_delivers_spans_and_metrics_with_what_was_measured():
    with http_receiver() as (received, address):
        run('spanledger.configure(service_name="s")\nwith spanledger.context(feature="f"): tell("a")', address)
        (stage,) = spans(received)
        found = {name: received.metrics(f"audio.{name}") for name in FIGURES}
    assert stage["audio.loudness_lufs"] == pytest.approx(-21.48, abs=0.01)
    assert all(found.values())
    (point,) = found["bandwidth_hz"][-1].histogram.data_points
    assert (point.count, point.sum) == (1, 8_000)
    assert attributes(point) == {"audio.stage": "load_audio", "audio.format": "wav", "spanledger.feature": "f"}
    assert found["loudness_lufs"][-1].gauge.data_points[0].as_double == stage["audio.loudness_lufs"]
    assert len(found["speed_factor"][-1].histogram.data_points) == 2


def test_a_program_with_a_provider_of_its_own_gets_its_spans_at_its_end_too():
    done = run(
        """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
tell("a")
"""
    )
    assert '"audio.loudness_lufs": -21.48' in done.stdout
    assert '"audio.id": "a"' in done.stdout


def test_nothing_is_left_behind_after_a_shutdown_and_it_can_begin_again():
    done = run(
        """
from spanledger.audio import measuring
import psutil
spanledger.configure(service_name="s", traces_exporter="none", metrics_exporter="none")
for _ in range(2):
    tell("a")
    assert spanledger.flush(60)
    assert len(psutil.Process().children()) == 1
    spanledger.shutdown()
    assert not psutil.Process().children()
    assert "spanledger-audio" not in [thread.name for thread in threading.enumerate()]
""",
        "http://127.0.0.1:9",
    )
    assert done.stdout == ""


def test_a_killed_program_leaves_no_measuring_process():
    code = (
        textwrap.dedent(TRACED)
        + """
import psutil
spanledger.configure(traces_exporter="none", metrics_exporter="none")
tell("a")
spanledger.flush(60)
print(psutil.Process().children()[0].pid, flush=True)
threading.Event().wait()
"""
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, text=True)
    number = int(process.stdout.readline())
    assert psutil.pid_exists(number)
    process.kill()
    process.communicate()
    until(lambda: not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_server_measures_with_a_process_of_its_own():
    with http_receiver() as (received, address):
        run(
            """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
handle = spanledger.configure(service_name="s")
tell("parent")
assert handle.flush(60)
child = os.fork()
if child == 0:
    tell("child")
    os._exit(0 if handle.flush(60) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
tell("parent again")
assert handle.flush(60)
""",
            address,
        )
        found = spans(received)
    assert len(found) == 3
    assert len({span["audio.loudness_lufs"] for span in found}) == 1


def test_the_share_that_is_measured_can_be_chosen_and_the_rest_still_says_what_it_is():
    with http_receiver() as (received, address):
        run(
            f"""
spanledger.configure(service_name="s", audio_sample_ratio=0)
tell("a")
tell("b", {str(CLIPS / "goforward.flac")!r})
""",
            address,
        )
        found = spans(received)
    assert {span["audio.duration_s"] for span in found} == {4.0, 2.78625}
    assert {span[REASON] for span in found} == {"not_sampled"}
    assert not any("audio.loudness_lufs" in span for span in found)


def test_a_program_without_numpy_still_tells_what_a_wav_file_is():
    with http_receiver() as (received, address):
        run(
            """
import importlib.util
there = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "numpy" else there(name, *more)
spanledger.configure(service_name="s")
tell("a")
""",
            address,
        )
        (found,) = spans(received)
    assert (found["audio.duration_s"], found[REASON]) == (4.0, "not_installed")


def test_a_measuring_process_that_dies_costs_one_sound_and_the_next_starts_another(measurer, monkeypatch):
    with capture() as captured:
        stage_told()
        assert spanledger.flush(60)
        first = measurer.child.pid
        os.kill(first, signal.SIGKILL)
        stage_told()
        assert spanledger.flush(60)
        stage_told()
        assert spanledger.flush(60)
        assert measurer.child.pid != first
    assert [left_out(span) for span in captured.spans] == [None, "crashed", None]
    assert all(span.attributes["audio.duration_s"] == 4.0 for span in captured.spans)


def test_a_measuring_process_that_hangs_is_killed(measurer, monkeypatch):
    with capture() as captured:
        stage_told()
        assert spanledger.flush(60)
        monkeypatch.setattr(child, "TIMEOUT_S", 0.2)
        os.kill(measurer.child.pid, signal.SIGSTOP)
        stage_told()
        assert spanledger.flush(60)
    assert captured.spans[1].attributes[REASON] == "timed_out"


def test_a_python_that_cannot_be_started_is_not_tried_for_ever(measurer, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with capture() as captured:
        for _ in range(5):
            stage_told()
            assert spanledger.flush(60)
        assert measurer.child._failed_starts == child.TRIES
    assert {span.attributes[REASON] for span in captured.spans} == {"no_process"}


def test_more_sounds_than_can_wait_are_left_out_at_once(measurer):
    with capture() as captured:
        stage_told()
        assert spanledger.flush(60)
        os.kill(measurer.child.pid, signal.SIGSTOP)
        for _ in range(measuring.MOST_WAITING + 5):
            stage_told()
        os.kill(measurer.child.pid, signal.SIGCONT)
        assert spanledger.flush(60)
    reasons = [left_out(span) for span in captured.spans]
    assert 4 <= reasons.count("busy") <= 5
    assert reasons.count(None) + reasons.count("busy") == len(reasons)


def test_computing_stays_within_its_share_of_a_core(measurer, monkeypatch):
    measurer._budget.spend(measuring.BURST_S + 1)
    with capture() as captured:
        stage_told()
        stage_told(CLIPS / "goforward.flac")
        assert spanledger.flush(60)
        monkeypatch.setattr(measurer._budget, "_at", measurer._budget._at - 20)
        stage_told()
        assert spanledger.flush(60)
    wav, flac, later = (span.attributes for span in captured.spans)
    assert (wav[REASON], wav["audio.duration_s"]) == ("over_budget", 4.0)
    assert (flac[REASON], flac["audio.duration_s"]) == ("over_budget", 2.78625)
    assert later.get(REASON) in (None, "dnsmos=over_budget")


def test_a_stop_tells_those_that_wait_that_they_are_left_out(measurer):
    with capture() as captured:
        stage_told()
        assert spanledger.flush(60)
        os.kill(measurer.child.pid, signal.SIGSTOP)
        for _ in range(3):
            stage_told()
        measuring._stop(0.1)
    reasons = [left_out(span) for span in captured.spans]
    assert reasons.count("ending") >= 2
    assert len(reasons) == 4
    assert measurer._thread is None


def test_an_idle_measurer_ends_its_thread_and_process(measurer, monkeypatch):
    monkeypatch.setattr(measuring, "IDLE_S", 0.05)
    with capture() as captured:
        stage_told()
        assert spanledger.flush(60)
        until(lambda: measurer._thread is None and measurer.child.pid is None)
        stage_told()
        assert spanledger.flush(60)
    assert all("audio.loudness_lufs" in span.attributes for span in captured.spans)


def test_many_threads_telling_at_once_lose_nothing(measurer):
    samples = np.zeros(16_000, np.int16)

    def tell():
        for _ in range(10):
            stage_told(samples, 16_000)

    with capture() as captured:
        threads = [threading.Thread(target=tell) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert spanledger.flush(60)
    assert len(captured.spans) == 80
    reasons = {left_out(span) for span in captured.spans}
    assert all(reason == "busy" or reason.startswith("bandwidth_hz=silent,clipped_ratio=") for reason in reasons)
    assert spanledger.stats()["failures"] == {}
