"""The only global state of the SDK: what is configured, and where spans and entries go."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Tracer

from spanledger.version import __version__

_tracer: Tracer = trace.get_tracer("spanledger", __version__)
_enabled: bool | None = None


def tracer() -> Tracer:
    """OpenTelemetry's tracer for the SDK's own spans: ours when configured, else the global one; a no-op when disabled."""
    return _tracer if enabled() else NoOpTracer()


def enabled() -> bool:
    """Whether the SDK does anything at all."""
    global _enabled
    if _enabled is None:
        off = os.environ.get("SPANLEDGER_ENABLED", "true").strip().lower() in ("false", "0", "no", "off")
        _enabled = not off and os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
    return _enabled


def ledger_way_out() -> Callable[[Any], None]:
    """Where entries go when nobody called configure()."""
    return lambda entry: None
