"""What audio costs: the caller's time for telling of it, against a plain span; and the computing of its measures.

Run with ``python tests/benchmarks/bench_audio.py``. Wall time for the caller, processor time for the measures, best of
several rounds.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from opentelemetry.sdk.trace import TracerProvider

import spanledger
import spanledger.testing
from spanledger.audio.facts import listen
from spanledger.audio.quality import paired
from spanledger.audio.worker import answered

CLIP = Path(__file__).parents[1] / "sdk" / "audio" / "clips" / "arctic_a0007.wav"
SPEECH, RATE = soundfile.read(CLIP, dtype="float32")
ROUNDS = 7


def best(work: Callable[[], Any], times: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds for one `work`, best of several rounds."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        began = clock()
        for _ in range(times):
            work()
        rounds.append((clock() - began) / times)
    return min(rounds)


def minute(rate: int, kind: str) -> np.ndarray:
    """A minute of speech."""
    return np.resize(SPEECH * (32767 if kind.startswith("int") else 1), 60 * rate).astype(kind)


def callers() -> None:
    """The caller's time."""
    tracer = TracerProvider().get_tracer("plain")

    def plain() -> None:
        with tracer.start_as_current_span("audio pipeline"), tracer.start_as_current_span("load_audio"):
            pass

    def ours() -> None:
        with spanledger.audio_pipeline("a") as pipeline, pipeline.stage("load_audio"):
            pass

    with spanledger.testing.capture():
        print(f"{'two plain spans':44}{best(plain, 500) * 1e6:9.1f} µs")
        print(f"{'a pipeline with a stage':44}{best(ours, 500) * 1e6:9.1f} µs")
    print(f"{'telling a WAV file':44}{best(lambda: listen(CLIP, None, None).close(), 200) * 1e6:9.1f} µs")
    for rate, kind in ((16_000, "int16"), (16_000, "float32"), (48_000, "float32")):
        samples = minute(rate, kind)
        took = best(lambda samples=samples, rate=rate: listen(samples, rate, None), 20)
        print(f"{f'telling a minute of {kind} at {rate} Hz':44}{took * 1e6:9.1f} µs")
        took = best(lambda samples=samples, rate=rate: paired(samples, samples, rate), 20)
        print(f"{'  and a pair of it':44}{took * 1e6:9.1f} µs")


def computing() -> None:
    """The measuring process's time, for a minute of audio."""
    for rate in (16_000, 48_000):
        samples = minute(rate, "float32")
        asked = {"about": "samples", "dtype": "<f4", "shape": [1, len(samples)], "rate": rate, "spare": False}
        took = best(lambda asked=asked, samples=samples: answered(asked, samples.tobytes()), 1, time.process_time)
        print(f"{f'features of a minute at {rate} Hz':44}{took * 1e3:9.1f} ms  {took / 60:8.3%} of its length")
    content = io.BytesIO()
    soundfile.write(content, minute(16_000, "float32"), 16_000, format="FLAC")
    asked = {"about": "file", "measure": True, "known": False, "spare": False}
    took = best(lambda: answered(asked, content.getvalue()), 1, time.process_time)
    print(f"{'features of a minute of FLAC at 16000 Hz':44}{took * 1e3:9.1f} ms  {took / 60:8.3%} of its length")
    pair = minute(16_000, "float32")[: 30 * 16_000].tobytes()
    asked = {"about": "pair", "rate": 16_000, "dtypes": ["<f4", "<f4"], "first": len(pair)}
    took = best(lambda: answered(asked, pair + pair), 1, time.process_time)
    print(f"{'STOI, ESTOI, SI-SDR, SNR of half a minute':44}{took * 1e3:9.1f} ms  {took / 30:8.3%} of its length")


if __name__ == "__main__":
    callers()
    computing()
