"""Speech as the Audio page looks at it: pipelines with stages, measures, problems and calls, over hours, made from no chance.

Given an instant, gives OTLP requests of what happened before it. Never: random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.browser import scene
from tests.support.server import Server
from tests.support.telemetry import ledger_event, ledger_request

HOUR_NS = 3600 * 10**9
FORMATS = ("wav", "wav", "wav", "mp3", "opus")


def _swing(number: int, step: float) -> float:
    """Between 0 and 1, without a pattern that the eye sees."""
    return (math.sin(number * step) * 43758.5453) % 1.0


def take(number: int, at_ns: int, *, hostile: bool = False) -> tuple[scene.Trace, LogRecord]:
    """One audio on its way: load, enhancement, validation, transcription; every fifth is an mp3 that sounds poor."""
    trace = scene.Trace("take", number, start_ns=at_ns)
    form = FORMATS[number % 5]
    poor, length = form == "mp3", 2 + 14 * _swing(number, 0.7)
    told = {"audio__duration_s": length, "audio__sample_rate_hz": 8000 if form == "opus" else 16000}
    told |= {"audio__channels": 1, "audio__format": form}
    work = 0.05 + length * (0.4 if number % 37 == 0 else 0.06 + 0.04 * _swing(number, 1.3))
    sound = {
        "audio__dnsmos": None if number % 4 == 0 else (1.7 if poor else 2.8) + 0.5 * _swing(number, 0.31),
        "audio__loudness_lufs": -38.0 if number % 19 == 0 else -21 - 6 * _swing(number, 0.9),
        "audio__clipped_ratio": 0.004 if number % 23 == 0 else 0.0,
        "audio__zero_frame_ratio": 0.03 if poor and number % 2 else 0.0,
        "audio__bandwidth_hz": 3900.0 if form == "opus" else 7000 + 900 * _swing(number, 2.1),
        "audio__silence_ratio": 0.2 + 0.2 * _swing(number, 0.53),
        "audio__speech_ratio": 0.8 + 0.15 * _swing(number, 0.27),
        "audio__analyzed_s": length,
        "audio__features_skipped_reason": "dnsmos=over_budget" if number % 4 == 0 else None,
    }
    compared = number % 3 == 0
    pair = {
        "audio__pesq": (2.1 if poor else 3.4) + 0.9 * _swing(number, 0.61) if compared else None,
        "audio__stoi": (0.78 if poor else 0.9) + 0.08 * _swing(number, 0.43) if compared else None,
        "audio__snr_db": (8 if poor else 18) + 7 * _swing(number, 0.77) if compared else None,
        "audio__quality_skipped_reason": None if compared or number % 7 else "over_budget",
    }
    speed = {"audio__speed_factor": length / work, "audio__real_time_factor": work / length}
    name = scene.HOSTILE if hostile else f"take-{number}"
    ms, context = work * 1000, {"spanledger__feature": "captions"}
    root = trace.add(
        "audio pipeline", "captions", 0, ms, audio__id=name, audio__source="upload", **told, **pair, **speed, **context
    )
    at = 0.0
    for stage, share in (("load_audio", 0.06), ("enhancement", 0.3), ("validation", 0.08), ("transcription", 0.54)):
        pace = {"audio__speed_factor": length / (work * share), "audio__real_time_factor": work * share / length}
        more = told | sound if stage in ("load_audio", "validation") else {}
        if stage == "transcription":
            more = {"audio__word_error_rate": (0.3 if poor else 0.05) * (0.5 + _swing(number, 0.37))}
        error = "TimeoutError: no answer" if stage == "transcription" and number % 61 == 0 else ""
        span = trace.add(stage, "captions", at, ms * share, root, error=error, audio__stage=stage, **more, **pace)
        at += ms * share
    for _, each in trace.spans:
        each.trace_state = "ot=th:8" if number % 2 else "ot=th:0"  # every second one stands for two
    seconds = {"spanledger.usage.audio_seconds": round(length, 3), "gen_ai.operation.name": "speech_to_text"}
    usage = {**seconds, "spanledger.feature": "captions"}
    event = ledger_event(
        cost=f"{length * 0.0001:.9f}",
        model="whisper-1",
        at_ns=at_ns + round(work * 10**9),
        duration_ms=round(ms * 0.5),
        trace_id=trace.trace_id,
        span_id=span.span_id,
        **usage,
    )
    return trace, event


def takes(now_ns: int, count: int, hours: float) -> Iterator[tuple[scene.Trace, LogRecord]]:
    """`count` of them over as many hours, the last half a minute ago; one has a hostile name."""
    for number in range(count):
        at_ns = now_ns - 30 * 10**9 - round(number / count * hours * HOUR_NS)
        yield take(number, at_ns, hostile=number == 5)


def send(server: Server, now_ns: int, count: int = 400, hours: float = 23) -> None:
    """All of it to a server."""
    made = list(takes(now_ns, count, hours))
    for body in scene.requests([trace for trace, _ in made]):
        assert server.send("traces", body).status_code == 200
    assert server.send("logs", ledger_request(*(event for _, event in made), service="captions")).status_code == 200
