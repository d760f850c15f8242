"""The figures of machine and process (CPU, memory, network, …) by OpenTelemetry's instrumentation, also after forks.

Gives that instrumentation, without the figures that are deprecated or slow: looking through all sockets of all
processes takes 10 ms and more. `OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS` says otherwise.

Never: a forked child that tells its parent's memory as its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import psutil
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.instrumentation.system_metrics.environment_variables import (
    OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS,
)

from spanledger.delivery.worker import breathe
from spanledger.guard import guard

LEFT_OUT = "system.network.connections,process.runtime.*"
_guard = guard("system")
_followed: list[Any] = []


def system_instrumentor() -> Any:
    """OpenTelemetry's instrumentation, which keeps to this process in forked children."""
    os.environ.setdefault(OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS, LEFT_OUT)
    made = SystemMetricsInstrumentor()
    if not _followed:
        _followed.append(made)
        for name in [name for name in dir(made) if name.startswith("_get_")]:
            setattr(made, name, _breathing(getattr(made, name)))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_follow)
    return made


def _breathing(observe: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """The same figures, and then a turn for other threads: asking the system for all of them takes milliseconds."""

    @wraps(observe)
    def observed(options: Any) -> Iterator[Any]:
        yield from observe(options)
        breathe()

    return observed


def _follow() -> None:
    """It looks at the process that it was made in, which is the parent now."""
    with _guard:
        for made in _followed:
            made._proc = psutil.Process()
