"""OpenTelemetry instrumentation for services that call LLMs: cost that is exact under any sampling.

Never: anything but the public names.
"""

from __future__ import annotations

from spanledger.context import context
from spanledger.version import __version__

__all__ = ["__version__", "context"]
