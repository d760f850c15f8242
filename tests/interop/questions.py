"""What Jaeger and our backend are asked alike, both generations; marks stand for times around the spans'."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from tests.interop.spans import LONG, NAMELESS, SHORT, SKEWED

MINUTE_NS = 60 * 10**9


@dataclass(frozen=True)
class Asked:
    """One request: its name, its path, and its parameters, times as marks."""

    name: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, at_ns: int) -> list[tuple[str, str]]:
        """The parameters for spans that began at `at_ns`."""
        times = {"before": at_ns - MINUTE_NS, "between": at_ns + 1500 * 10**6, "after": at_ns + 5 * MINUTE_NS}
        words = {}
        for word, time_ns in times.items():
            moment = dt.datetime.fromtimestamp(time_ns // 10**9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
            words |= {f"{word}_us": time_ns // 1000, f"{word}_ms": time_ns // 10**6}
            words |= {f"{word}_rfc": f"{moment}.{time_ns % 10**9:09d}Z"}
        return [
            (name, value.format(**words) if "_us}" in value or "_ms}" in value or "_rfc}" in value else value)
            for name, value in self.query
        ]


def _first(name: str, **query: str) -> Asked:
    return Asked(f"v1-{name}", "/api/traces", list(query.items()))


def _second(name: str, path: str = "traces", **query: str) -> Asked:
    times = {"query.start_time_min": "{before_rfc}", "query.start_time_max": "{after_rfc}", "query.num_traces": "20"}
    return Asked(f"v3-{name}", f"/api/v3/{path}", list((times | query).items()))


FIRST = [
    Asked("v1-services", "/api/services"),
    Asked("v1-operation-names", "/api/services/llm/operations"),
    Asked("v1-operation-names-unknown", "/api/services/nobody/operations"),
    Asked("v1-operations", "/api/operations", [("service", "worker")]),
    Asked("v1-operations-kind", "/api/operations", [("service", "shop"), ("spanKind", "client")]),
    Asked("v1-operations-no-service", "/api/operations"),
    _first("search", service="shop"),
    _first("search-operation", service="llm", operation="generate"),
    _first("search-nameless", service="missing-service-name"),
    _first("search-unknown", service="nobody"),
    _first("search-no-service"),
    _first("search-tags", service="shop", tags='{"text":"größer als 語 🐳","whole":"5","yes":"true","part":"72.5"}'),
    _first("search-round", service="shop", tags='{"round":"5"}'),
    _first("search-key-with-signs", service="shop", tag="a.key/with~signs:found"),
    _first("search-resource-tag", service="llm", tag="host.name:gpu-1"),
    _first("search-event-tag", service="llm", tag="exception.type:Überlauf"),
    _first("search-promoted-tag", service="shop", tags='{"user.id":"u-1","gen_ai.usage.input_tokens":"12"}'),
    _first("search-one-span-has-all", service="llm", operation="tokenize", tag="exception.type:Überlauf"),
    _first("search-least", service="llm", minDuration="1m"),
    _first("search-most", service="worker", maxDuration="1ms"),
    _first("search-times", service="shop", start="{before_us}", end="{between_us}"),
    _first("search-times-reversed", service="shop", start="{after_us}", end="{before_us}"),
    _first("search-least-above-most", service="shop", minDuration="2s", maxDuration="1s"),
    _first("search-bad-start", service="shop", start="yesterday"),
    _first("search-bad-duration", service="shop", minDuration="5"),
    _first("search-bad-tags", service="shop", tags="{"),
    _first("search-tags-of-numbers", service="shop", tags='{"whole":5}'),
    _first("search-bad-tag", service="shop", tag="nothing"),
    _first("search-bad-limit", service="shop", limit="many"),
    _first("search-bad-raw", service="shop", raw="perhaps"),
    Asked("v1-by-ids", "/api/traces", [("traceID", LONG.hex()), ("traceID", "1234"), ("traceID", "a3ce929d0e0e4737")]),
    Asked("v1-by-bad-id", "/api/traces", [("traceID", "xyz")]),
    Asked("v1-trace", f"/api/traces/{LONG.hex()}"),
    Asked("v1-trace-capitals", f"/api/traces/{LONG.hex().upper()}"),
    Asked("v1-trace-short", "/api/traces/a3ce929d0e0e4737"),
    Asked("v1-trace-padded", f"/api/traces/{SHORT.hex()}"),
    Asked("v1-trace-nameless", f"/api/traces/{NAMELESS.hex().lstrip('0')}"),
    Asked("v1-trace-skewed", f"/api/traces/{SKEWED.hex()}"),
    Asked("v1-trace-raw", f"/api/traces/{SKEWED.hex()}", [("raw", "true")]),
    Asked("v1-trace-unknown", "/api/traces/1234"),
    Asked("v1-trace-bad-id", "/api/traces/xyz"),
    Asked("v1-trace-long-id", f"/api/traces/{LONG.hex()}0"),
    Asked("v1-trace-bad-start", f"/api/traces/{LONG.hex()}", [("start", "x")]),
    Asked("v1-dependencies", "/api/dependencies", [("endTs", "{after_ms}"), ("lookback", "600000")]),
    Asked("v1-dependencies-before", "/api/dependencies", [("endTs", "{before_ms}"), ("lookback", "600000")]),
    Asked("v1-dependencies-bad", "/api/dependencies", [("endTs", "now")]),
]
SECOND = [
    Asked("v3-services", "/api/v3/services"),
    Asked("v3-operations", "/api/v3/operations", [("service", "worker")]),
    Asked("v3-operations-kind", "/api/v3/operations", [("service", "shop"), ("span_kind", "server")]),
    Asked("v3-operations-unknown", "/api/v3/operations", [("service", "nobody")]),
    _second("search"),
    _second("search-service", **{"query.service_name": "worker", "query.operation_name": "step"}),
    _second("search-least", **{"query.duration_min": "850ms", "query.duration_max": "950ms"}),
    _second("search-unknown", **{"query.service_name": "nobody"}),
    _second("search-bad-time", **{"query.start_time_min": "yesterday"}),
    _second("search-bad-duration", **{"query.duration_min": "5"}),
    _second("search-bad-limit", **{"query.num_traces": "many"}),
    Asked("v3-search-no-times", "/api/v3/traces", [("query.service_name", "shop")]),
    Asked("v3-trace", f"/api/v3/traces/{LONG.hex()}"),
    Asked("v3-trace-short", "/api/v3/traces/a3ce929d0e0e4737"),
    Asked("v3-trace-nameless", f"/api/v3/traces/{NAMELESS.hex()}"),
    Asked("v3-trace-skewed", f"/api/v3/traces/{SKEWED.hex()}"),
    Asked("v3-trace-raw", f"/api/v3/traces/{SKEWED.hex()}", [("raw_traces", "true")]),
    Asked("v3-trace-unknown", "/api/v3/traces/1234"),
    Asked("v3-trace-bad-id", "/api/v3/traces/xyz"),
]
ALL = sorted([*FIRST, *SECOND], key=lambda asked: "raw" not in asked.name)  # before Jaeger's memory keeps warnings
