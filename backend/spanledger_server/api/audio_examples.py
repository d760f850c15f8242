"""What the OpenAPI document shows as answers about audio; a test holds their members equal to the real ones.

Never: read by anything but the document.
"""

from __future__ import annotations

from typing import Any, Final

_BOUNDS: Final = {"from": "2026-11-20T12:00:00Z", "to": "2026-11-21T12:00:00Z"}
_BEFORE: Final = {"from": "2026-11-19T12:00:00Z", "to": "2026-11-20T12:00:00Z"}
_MEASURE: Final = {
    "metric": "dnsmos",
    "unit": "1",
    "meaning": "DNSMOS, 1 to 5: what listeners would say",
    "better": "more",
    "measured_of": "stages that were told of audio",
}
_VALUES: Final = {
    "measured": 812,
    "of": 1204,
    "coverage": 0.674419,
    "mean": 2.91,
    "p5": 2.04,
    "p50": 3.02,
    "p95": 3.31,
}
_CALLS: Final = {
    "calls": 610,
    "errors": 2,
    "total_cost": 1.83,
    "unpriced_calls": 0,
    "coverage": 1,
    "timed_calls": 610,
    "audio_minutes": 305.2,
    "cost_per_minute": 0.006,
    "characters": None,
    "duration_ms": {"p50": 812.0, "p95": 2210.0},
    "real_time_factor": {"p50": 0.03, "p95": 0.11},
}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "summary": {
        **_BOUNDS,
        "previous": _BEFORE,
        "kept_from": None,
        "spans_kept_from": None,
        "sampled": True,
        "at_least": False,
        "spans": 3010,
        "uncounted_spans": 0,
        "clips": {"value": 602.0, "low": 580.4, "high": 624.4, "kept": 301, "previous": 588.0},
        "failed_share": 0.003,
        "audio_minutes": {"value": 301.0, "low": 289.0, "high": 313.5, "previous": 290.2},
        "measures": [_MEASURE | _VALUES | {"previous_p50": 3.05}],
        "problems": [
            {
                "problem": "clipping",
                "metric": "clipped_ratio",
                "meaning": "more than 0.1 % of the samples are clipped",
                "clips": 31,
                "judged": 812,
                "share": 0.038,
                "previous_share": 0.012,
            }
        ],
        "not_measured": [{"what": "dnsmos", "reason": "over_budget", "spans": 392, "count": 784.0}],
        "calls": _CALLS
        | {"previous": {"calls": 590, "total_cost": 1.77, "audio_minutes": 295.0, "cost_per_minute": 0.006}},
    },
    "groups": {
        **_BOUNDS,
        "group_by": "service",
        **_MEASURE,
        "values": 1,
        "spans": [
            {
                "value": "captions",
                "spans": 3010,
                "count": 6020.0,
                "uncounted": 0,
                "failed_share": 0.001,
                "audio_minutes": 602.0,
                "took_s": _VALUES,
                "real_time_factor": _VALUES,
                "speed_factor": _VALUES,
                "measure": _VALUES,
            }
        ],
        "calls": [{"value": "captions", **_CALLS}],
    },
    "series": {
        **_BOUNDS,
        "timezone": "Europe/Berlin",
        **_MEASURE,
        "points": [
            {
                "from": "2026-11-20T12:00:00Z",
                "to": "2026-11-20T12:15:00Z",
                "complete": True,
                "clips": 6.0,
                **_VALUES,
            }
        ],
    },
    "distribution": {
        **_BOUNDS,
        **_MEASURE,
        "bins": [{"at_least": None, "below": 1.25, "share": 0.01, "previous_share": 0.02, "count": 8.0}],
    },
    "clips": {
        **_BOUNDS,
        **_MEASURE,
        "matched": 812,
        "items": [
            {
                "trace_id": "0af7651916cd43dd8448eb211c80319c",
                "span_id": "b7ad6b7169203331",
                "service": "captions",
                "name": "load_audio",
                "stage": "load_audio",
                "format": "wav",
                "source": None,
                "audio_id": None,
                "value": 1.42,
                "status": "ok",
                "stands_for": 2.0,
                "problems": ["poor_sound"],
                "skipped": ["loudness_lufs=too_short"],
                "measures": {"dnsmos": 1.42, "loudness_lufs": None},
                "start": "2026-11-21T09:41:07Z",
            }
        ],
        "next_cursor": None,
    },
    "differences": {
        **_BOUNDS,
        **_MEASURE,
        "inside": {"spans": 40, "count": 80.0},
        "outside": {"spans": 772, "count": 1544.0},
        "items": [
            {"attribute": "format", "value": "mp3", "inside_share": 0.8, "outside_share": 0.1, "spans": 109},
        ],
    },
}
_INNER: Final = {
    name: {key: member for key, member in each.items() if key not in ("from", "to", "timezone")}
    for name, each in EXAMPLES.items()
}
EXAMPLES["overview"] = {
    **_BOUNDS,
    "timezone": "UTC",
    "metric": "dnsmos",
    **{name: _INNER[name] for name in ("summary", "distribution", "series", "clips")},
    "groups": {key: member for key, member in _INNER["groups"].items() if key != "calls"},
    "calls": {"group_by": "model", "values": 1, "calls": [{"value": "whisper-1", **_CALLS}]},
}


def of(name: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route."""
    return {200: {"content": {"application/json": {"example": EXAMPLES[name]}}}}
