"""The backend: one process that takes OpenTelemetry data, keeps the exact ledger, and answers.

Never: imported by the SDK.
"""

from spanledger.version import __version__

__all__ = ["__version__"]
