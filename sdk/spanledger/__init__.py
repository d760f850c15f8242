"""OpenTelemetry instrumentation for services that call LLMs: cost that is exact under any sampling.

Never: anything but the public names, or an import that takes long: SDK, prices and FastAPI are imported when they are
used.
"""

from __future__ import annotations

from spanledger.audio import audio_pipeline, stage
from spanledger.budgets import BudgetCheck, check_budget
from spanledger.configure import Telemetry, configure, flush, shutdown, stats
from spanledger.context import context
from spanledger.errors import BudgetExceeded, ConfigurationError, SpanledgerError
from spanledger.instrumentation import instrument, instrument_fastapi
from spanledger.production_monitor import ProductionMonitor
from spanledger.recording import record_usage
from spanledger.traced_cost import traced_cost
from spanledger.tracking import track_cache, track_cost, track_dialogue, track_rate_limit, track_request
from spanledger.version import __version__

__all__ = [
    "BudgetCheck",
    "BudgetExceeded",
    "ConfigurationError",
    "ProductionMonitor",
    "SpanledgerError",
    "Telemetry",
    "__version__",
    "audio_pipeline",
    "check_budget",
    "configure",
    "context",
    "flush",
    "instrument",
    "instrument_fastapi",
    "record_usage",
    "shutdown",
    "stage",
    "stats",
    "traced_cost",
    "track_cache",
    "track_cost",
    "track_dialogue",
    "track_rate_limit",
    "track_request",
]
