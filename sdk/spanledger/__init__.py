"""OpenTelemetry instrumentation for services that call LLMs: cost that is exact under any sampling.

Never: anything but the public names, or an import that takes long: SDK, prices and FastAPI are imported when they are
used.
"""

from __future__ import annotations

from spanledger.configure import Telemetry, configure, flush, shutdown, stats
from spanledger.context import context
from spanledger.errors import ConfigurationError, SpanledgerError
from spanledger.instrument import instrument_fastapi
from spanledger.recording import record_usage
from spanledger.traced_cost import traced_cost
from spanledger.version import __version__

__all__ = [
    "ConfigurationError",
    "SpanledgerError",
    "Telemetry",
    "__version__",
    "configure",
    "context",
    "flush",
    "instrument_fastapi",
    "record_usage",
    "shutdown",
    "stats",
    "traced_cost",
]
