"""The decoders under mutation: coverage-guided for some seconds each, and mutated by Hypothesis always."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_server.errors import Malformed, TooLarge
from tests.backend.otlp.payloads import as_json, decode, log, request, span
from tests.support.thorough import examples

ROOT = Path(__file__).parents[3]
SECONDS = int(os.environ.get("SPANLEDGER_FUZZ_SECONDS", "2"))
TARGETS = [(signal, encoding) for signal in ("traces", "logs", "metrics") for encoding in ("protobuf", "json")]

ATTRIBUTES = {"gen_ai.usage.input_tokens": 5, "list": [1, {"a": "b"}], "bytes": b"x", "user.id": "ü"}
SEEDS = {
    "traces": request("traces", [span(ATTRIBUTES, trace_state="ot=th:8")]),
    "logs": request("logs", [log(ATTRIBUTES, event_name="e")]),
    "metrics": request("metrics", []),
}
_METRIC = SEEDS["metrics"].resource_metrics[0].scope_metrics[0].metrics.add(name="h", unit="s")
_METRIC.histogram.aggregation_temporality = 2
_METRIC.histogram.data_points.add(time_unix_nano=1, count=2, sum=3, bucket_counts=[1, 1], explicit_bounds=[1])


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed: no coverage-guided fuzzing"
)
@pytest.mark.skipif(SECONDS == 0, reason="SPANLEDGER_FUZZ_SECONDS is 0")
@pytest.mark.parametrize(("signal", "encoding"), TARGETS)
def test_a_decoder_survives_coverage_guided_fuzzing(signal: str, encoding: str) -> None:
    path = os.pathsep.join(map(str, (ROOT / "sdk", ROOT / "backend", ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "tests.backend.otlp.fuzz_decoders", signal, encoding, str(SECONDS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs is not None
    assert int(runs[1]) > 100


@pytest.mark.parametrize(("signal", "encoding"), TARGETS)
@given(data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_a_mutated_request_is_read_or_refused_and_nothing_else(signal: str, encoding: str, data: st.DataObject) -> None:
    body = bytearray(SEEDS[signal].SerializeToString() if encoding == "protobuf" else as_json(SEEDS[signal]))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body)))
        cut = data.draw(st.integers(0, 4))
        body[place : place + cut] = data.draw(st.binary(max_size=4))
    with contextlib.suppress(Malformed, TooLarge):
        decode(signal, bytes(body), encoding)


@pytest.mark.parametrize(("signal", "encoding"), TARGETS)
@given(body=st.binary(max_size=300))
@settings(max_examples=examples(60), deadline=None)
def test_random_bytes_are_read_or_refused_and_nothing_else(signal: str, encoding: str, body: bytes) -> None:
    with contextlib.suppress(Malformed, TooLarge):
        decode(signal, body, encoding)


@pytest.mark.parametrize(("signal", "encoding"), TARGETS)
def test_a_request_cut_off_anywhere_is_read_or_refused_and_nothing_else(signal: str, encoding: str) -> None:
    body = SEEDS[signal].SerializeToString() if encoding == "protobuf" else as_json(SEEDS[signal])
    for length in range(len(body)):
        try:
            decode(signal, body[:length], encoding)
        except (Malformed, TooLarge):
            continue
