"""An audio service and a real backend: spans with what was measured, metrics that can be asked for, and the bill."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from tests.end_to_end.backend import Backend

CLIP = Path(__file__).parents[1] / "sdk" / "audio" / "clips" / "arctic_a0007.wav"
PROGRAM = f"""
import spanledger
spanledger.configure(service_name="captions")

@spanledger.traced_cost(provider="groq", model="whisper-large-v3", operation="speech_to_text")
def transcribe(stage):
    spanledger.record_usage(audio_seconds=stage.facts.duration_s)
    return "go forward"

with spanledger.context(feature="captions"), spanledger.audio_pipeline("take-7", source="upload") as pipeline:
    with pipeline.stage("transcription") as stage:
        stage.audio({str(CLIP)!r})
        transcribe(stage)
"""


def test_a_pipeline_its_measures_and_its_bill_arrive(backend: Backend) -> None:
    backend.start()
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": backend.otlp_url, "SPANLEDGER_SPOOL_DIR": ""}
    environment["SPANLEDGER_SHUTDOWN_TIMEOUT_S"] = "60"  # the measuring process may be slow to start on a busy machine
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=60)

    (found,) = backend.get("/api/v1/traces")["items"]
    spans = {span["name"]: span["attributes"] for span in backend.get(f"/api/v1/traces/{found['trace_id']}")["spans"]}
    assert spans["audio pipeline"]["audio.id"] == "take-7"
    assert spans["transcription"]["audio.duration_s"] == 4
    assert round(float(spans["transcription"]["audio.loudness_lufs"]), 2) == -21.48

    names = {metric["name"] for metric in backend.get("/api/v1/metrics")["items"]}
    assert {"audio.speed_factor", "audio.real_time_factor", "audio.loudness_lufs"} <= names
    (line,) = backend.get("/api/v1/ledger")["items"]
    assert Decimal(str(line["cost_usd"])) == (Decimal("0.111") * 10 / 3600).quantize(Decimal("1e-12"))
