"""What the OpenAPI document shows as answers of the statistics; a test holds their members equal to the real ones.

Never: read by anything but the document.
"""

from __future__ import annotations

from typing import Any, Final

BOUNDS: Final = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-21T12:00:00Z"}
BEFORE: Final = {"from": "2026-10-01T00:00:00Z", "to": "2026-10-21T12:00:00Z"}
LATENCIES: Final = {
    "avg_latency": 812.4,
    "min_latency": 91.0,
    "max_latency": 9120.0,
    "p50_latency": 640.2,
    "p95_latency": 2210.7,
    "p99_latency": 4100.3,
}
CALLS: Final = {
    "total_requests": 45678,
    "success_count": 45120,
    "failure_count": 558,
    "success_rate": 0.987784,
    "error_rate": 0.012216,
    **LATENCIES,
    "total_cost": 12567.89,
    "coverage": 0.998,
    "priced_calls": 45500,
    "unpriced_calls": 91,
    "estimated_calls": 80,
    "free_calls": 7,
    "input_tokens": 91000000,
    "output_tokens": 11000000,
    "cached_input_tokens": 4000000,
    "total_tokens": 102000000,
}
TRACKED: Final = {
    "cache_hits": 812,
    "cache_misses": 188,
    "cache_hit_rate": 0.812,
    "cache_saved_cost": 31.25,
    "cache_saved_tokens": 410000,
    "rate_limit_denied": 12,
    "rate_limit_denial_rate": 0.006,
}
QUALITY: Final = {
    "interval": {
        "requests": {"low": 9712.0, "high": 10310.0},
        "errors": {"low": 88.0, "high": 131.0},
        "p50": {"low": 0.041, "high": 0.043},
        "p95": {"low": 0.31, "high": 0.36},
        "p99": {"low": 0.8, "high": 1.1},
    },
    "sources": {"spans": 1043, "uncounted_spans": 0, "told": 12},
    "at_least": False,
    "coverage": 1.0,
}
CACHE: Final = {
    "hits": 812,
    "misses": 188,
    "stores": 188,
    "hit_rate": 0.812,
    "saved_cost": 31.25,
    "saved_tokens": 410000,
    "coverage": {"saved_cost": 1, "saved_tokens": 0.97},
}
LIMITS: Final = {"decisions": 2000, "allowed": 1988, "denied": 12, "denial_rate": 0.006}

STATES: Final = {"priced_calls": 45500, "unpriced_calls": 91, "estimated_calls": 80, "free_calls": 7}
TOKENS: Final = {"input_tokens": 91000000, "output_tokens": 11000000, "cached_input_tokens": 4000000}

EXAMPLES: Final[dict[str, Any]] = {
    "costs": {
        "period": "month",
        "group_by": "model",
        **BOUNDS,
        "timezone": "UTC",
        "currency": "USD",
        "total_cost": 12567.89,
        "calls": 45678,
        **STATES,
        "coverage": 0.998,
        **TOKENS,
        "previous": {
            **BEFORE,
            "total_cost": 11204.1,
            "calls": 41002,
            "unpriced_calls": 12,
            "coverage": 0.999707,
            "complete": True,
            "change": 1363.79,
            "change_percent": 12.1722,
        },
        "breakdown": [
            {
                "category": "gpt-5",
                "cost": 8234.56,
                "percentage": 65.5206,
                "count": 40210,
                **STATES,
                **TOKENS,
                "slot": 1,
                "folded": None,
                "previous_cost": 7100.02,
                "change_percent": 15.9794,
            }
        ],
        "trend": [
            {
                "date": "2026-11-01",
                "cost": 398.45,
                "calls": 2104,
                "unpriced_calls": 3,
                "complete": True,
                "by": {"gpt-5": 398.45},
            }
        ],
        "source": "rollup",
        "projection": {
            "estimated_monthly": 13500.0,
            "budget_status": "on_track",
            "days_until_budget_limit": 15,
            "interval": {"p10": 13100.0, "p50": 13500.0, "p90": 14020.0},
            "probability_over_budget": 0.04,
        },
    },
    "dialogues": {
        "period": "month",
        **BOUNDS,
        "group_by": "book",
        "timezone": "Asia/Shanghai",
        "total_dialogues": 45678,
        "unique_users": 3456,
        "average_messages": 12.4,
        "average_duration": 890.5,
        "breakdown": [
            {
                "category": "红楼梦",
                "count": 5678,
                "percentage": 12.4305,
                "unique_users": 812,
                "average_messages": 12.0,
                "average_duration": 890.0,
                "average_rating": 4.5,
                "rating_count": 234,
                "folded": None,
            }
        ],
        "satisfaction": {"average_rating": 4.5, "rating_count": 1812, "feedback_count": 234, "coverage": 0.039669},
        "coverage": {"users": 1, "messages": 0.99, "duration": 0.99, "ratings": 0.039669},
        "trend": [{"date": "2026-11-01", "count": 2104, "unique_users": 640, "complete": True}],
        "previous": {**BEFORE, "complete": True, "total_dialogues": 40100, "change": 5578, "change_percent": 13.9102},
    },
    "performance": {
        "period": "month",
        **BOUNDS,
        "total_requests": 10001,
        "avg_response_time": 62.1,
        "p50": 42.0,
        "p95": 330.0,
        "p99": 902.0,
        "errors": 31,
        "slow_requests": 17,
        "slow_above": 2000.0,
        **QUALITY,
        "calls": CALLS,
    },
    "cache": {
        "period": "month",
        **BOUNDS,
        "timezone": "UTC",
        **CACHE,
        "breakdown": [{"category": "openai", **CACHE}],
        "trend": [{"date": "2026-11-01", **CACHE}],
        "previous": {**BEFORE, **CACHE},
    },
    "rate-limits": {
        "period": "month",
        **BOUNDS,
        "timezone": "UTC",
        **LIMITS,
        "breakdown": [{"category": "user", **LIMITS}],
        "trend": [{"date": "2026-11-01", **LIMITS}],
        "previous": {**BEFORE, **LIMITS},
    },
    "series": {
        "level": "1day",
        "group_by": "none",
        "timezone": "UTC",
        **BOUNDS,
        "series": [{"category": None, "buckets": [{"bucket": "2026-11-01", **CALLS, **TRACKED}]}],
    },
    "summary": {**BOUNDS, **CALLS, **TRACKED},
    "providers": {
        "providers": [
            {
                "provider": "openai",
                "status": "degraded",
                "reason": "p95 is 5120 ms, usually 1890 ms",
                "requests": 812,
                "errors": 9,
                "success_rate": 0.988916,
                "latency": 1980.4,
                "p95_latency": 5120.0,
                "cost": 9.1204,
                "cost_per_request": 0.011232,
                "coverage": 1,
                "usual": {
                    "requests": 301204,
                    "success_rate": 0.9961,
                    "latency": 702.3,
                    "p95_latency": 1890.0,
                    "cost_per_request": 0.0108,
                },
                "last_call_before": "2026-11-21T12:00:00Z",
            }
        ],
        "counts": {"down": 0, "degraded": 1, "unknown": 0, "healthy": 0},
        "window_s": 900,
        "usual_s": 604800,
    },
    "requests": {
        "period": "day",
        "request_count": 10001,
        "avg_process_time": 0.0621,
        "error_count": 109,
        "error_rate": 0.0109,
        "top_endpoints": [
            {
                "path": "/books/{id}",
                "service": "bookshop",
                "count": 7012,
                "avg_process_time": 0.031,
                "p95": 0.12,
                "error_count": 71,
                "error_rate": 0.01013,
            }
        ],
        "endpoints": 14,
        "p50": 0.042,
        "p95": 0.33,
        "p99": 0.902,
        "server_errors": 31,
        "slow_requests": 17,
        "slow_above": 2.0,
        "status_classes": {"2xx": 9892, "4xx": 78, "5xx": 31},
        **QUALITY,
        **BOUNDS,
    },
    "system": {
        "period": "hour",
        **BOUNDS,
        "avg_cpu_usage": 34.2,
        "avg_memory_usage": 61.0,
        "avg_queue_length": 2.5,
        "avg_active_requests": 1.25,
        "current_cpu_usage": 31.0,
        "current_memory_usage": 61.4,
        "current_queue_length": 0.0,
        "current_active_requests": 1.0,
        "current_at": "2026-11-21T12:00:00Z",
        "db_pool": {"used": 3.0, "idle": 7.0, "max": 10.0},
        "celery": {"active": 2.0, "reserved": 1.0, "pool_size": 4.0},
        "coverage": {"cpu_usage": 1, "celery_active": 0.5},
        "metrics": [
            {
                "timestamp": "2026-11-21T11:59:00Z",
                "cpu_usage": 31.0,
                "memory_usage": 61.4,
                "queue_length": 0.0,
                "active_requests": 1.0,
                "db_connections_used": 3.0,
                "db_connections_idle": 7.0,
                "db_connections_max": 10.0,
                "celery_active": 2.0,
                "celery_reserved": 1.0,
                "celery_pool_size": 4.0,
            }
        ],
    },
    "history": {
        "metric": "latency",
        "period": "day",
        **BOUNDS,
        "step_s": 900,
        "unit": "ms",
        "kind": "statistics",
        "current": 702.0,
        "average": 811.3,
        "min": 512.0,
        "max": 1904.0,
        "coverage": 0.96875,
        "points": [
            {
                "timestamp": "2026-11-21T11:45:00Z",
                "value": 702.0,
                "count": 41,
                "p50": 640.0,
                "p95": 1904.0,
                "p99": 2210.0,
            }
        ],
    },
    "expected": {
        "metric": "latency",
        "period": "day",
        "figure": "p95",
        "deviations": 4.0,
        **BOUNDS,
        "rule": "Unusual latency",
        "rule_id": "0c9f1c52b8a74bb6b4f5d7b7a7b0f5a1",
        "points": [
            {
                "timestamp": "2026-11-21T11:45:00Z",
                "low": 1620.0,
                "middle": 1810.0,
                "high": 2240.0,
                "season": "week",
                "samples": 20,
            }
        ],
    },
    "trends": {
        "period": "week",
        **BOUNDS,
        "step_s": 7200,
        "timezone": "Europe/Berlin",
        "metrics": [
            {
                "metric": "response_time",
                "unit": "ms",
                "meaning": "mean time of a request",
                "average": 62.1,
                "previous_average": 48.0,
                "change_percent": 29.375,
                "direction": "worse",
                "points": [
                    {
                        "timestamp": "2026-11-21T10:00:00Z",
                        "value": 61.0,
                        "count": 812.0,
                        "p50": 42.0,
                        "p95": 330.0,
                        "p99": 902.0,
                    }
                ],
            }
        ],
        "by_hour": [{"hour": 0, "requests": 120, "errors": 1}],
    },
    "services": {
        "status": "degraded",
        "sentence": "1 of 2 services needs attention (bookshop: 3 of 40 calls failed in 5 min)",
        "services": [
            {
                "name": "bookshop",
                "status": "degraded",
                "reason": "3 of 40 calls failed in 5 min",
                "last_seen": "2026-11-21T11:59:59Z",
                "requests": 120,
                "errors": 3,
                "p95_latency": 1890.0,
                "spans": 512,
                "cost": 0.4182,
                "checks": {"down": 0, "degraded": 0, "unknown": 0, "healthy": 1},
            }
        ],
        "checks": [
            {
                "id": "5f0c1d2e3a4b5c6d",
                "name": "bookshop's page",
                "kind": "http",
                "service": "bookshop",
                "status": "healthy",
                "reason": "answered 200",
                "since": "2026-11-20T08:00:04Z",
                "last_checked": "2026-11-21T11:59:41Z",
                "latency": 12.5,
            }
        ],
        "window_s": 900,
        "providers": [{"name": "openai", "status": "healthy", "reason": "812 of 812 calls went well"}],
        "healthy_services": 1,
        "total_services": 2,
        "counts": {"down": 0, "degraded": 1, "unknown": 0, "healthy": 1},
        "at": "2026-11-21T12:00:00Z",
    },
}


def of(name: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route."""
    return {200: {"content": {"application/json": {"example": EXAMPLES[name]}}}}
