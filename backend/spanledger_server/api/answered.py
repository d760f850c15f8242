"""How answered requests look in answers: L's and M's names, in seconds or milliseconds, with their intervals.

Never: an interval where some spans do not say what they stand for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from spanledger_server.estimates import Estimate
from spanledger_server.statistics.requests import QUANTILES, SLOW_NS, Answered, Endpoint, Report

S: Final = 10**9
MS: Final = 10**6


def performance(found: Answered, unit_ns: int) -> dict[str, Any]:
    """The figures of some requests.

    Args:
        found: The requests.
        unit_ns: In what times are told: nanoseconds of a second or of a millisecond.
    """
    times = _quantiles(found)
    return {
        "total_requests": round(found.count.value),
        "avg_response_time": _times(found.mean_ns, unit_ns),
        **{name: _value(each, unit_ns) for name, each in times.items()},
        "errors": round(found.server_errors),
        "slow_requests": round(found.slow),
        "slow_above": SLOW_NS / unit_ns,
        **_quality(found, times, unit_ns),
    }


def requests(found: Report, period: str, most: int) -> dict[str, Any]:
    """All requests of a period with the endpoints that were asked most, times in seconds."""
    whole, times = found.whole, _quantiles(found.whole)
    ranked = sorted(found.endpoints.items(), key=lambda item: (-item[1].count.value, str(item[0])))
    return {
        "period": period,
        "request_count": round(whole.count.value),
        "avg_process_time": _times(whole.mean_ns, S),
        "error_count": round(whole.failed.value),
        "error_rate": whole.error_rate,
        "top_endpoints": [_endpoint(endpoint, each) for endpoint, each in ranked[:most]],
        "endpoints": len(ranked),
        **{name: _value(each, S) for name, each in times.items()},
        "server_errors": round(whole.server_errors),
        "slow_requests": round(whole.slow),
        "slow_above": SLOW_NS / S,
        "status_classes": {
            "none" if http_class is None else f"{http_class}xx": round(number)
            for http_class, number in sorted(whole.classes.items(), key=lambda item: item[0] or 0)
        },
        **_quality(whole, times, S),
    }


def _endpoint(endpoint: Endpoint, found: Answered) -> dict[str, Any]:
    service, path = endpoint
    return {
        "path": path,
        "service": service,
        "count": round(found.count.value),
        "avg_process_time": _times(found.mean_ns, S),
        "p95": _value(found.quantile_ns(0.95), S),
        "error_count": round(found.failed.value),
        "error_rate": found.error_rate,
    }


def _quantiles(found: Answered) -> dict[str, Estimate | None]:
    return {name: found.quantile_ns(q) for name, q in QUANTILES.items()}


def _quality(found: Answered, times: Mapping[str, Estimate | None], unit_ns: int) -> dict[str, Any]:
    """How sure the figures are: what they were made from, and between which bounds the truth lies 95 times of 100."""
    kept = found.sampled.spans
    known = kept - found.uncounted + found.told
    return {
        "interval": {
            "requests": interval(found.count),
            "errors": interval(found.failed),
            **{name: interval(each, unit_ns) for name, each in times.items()},
        },
        "sources": {"spans": kept, "uncounted_spans": found.uncounted, "told": found.told},
        "at_least": found.uncounted > 0,
        "coverage": known / (kept + found.told) if kept + found.told else None,
    }


def interval(found: Estimate | None, unit_ns: int = 1) -> dict[str, float | None] | None:
    """The bounds of an estimate; the upper one null where it is not known."""
    if found is None:
        return None
    return {"low": found.low / unit_ns, "high": found.high / unit_ns if math.isfinite(found.high) else None}


def _value(found: Estimate | None, unit_ns: int) -> float | None:
    return None if found is None else found.value / unit_ns


def _times(duration_ns: float | None, unit_ns: int) -> float | None:
    return None if duration_ns is None else duration_ns / unit_ns
