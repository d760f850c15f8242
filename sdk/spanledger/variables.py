"""Which SPANLEDGER_* variables there are, the SDK's and the backend's, so that a slip of the pen does not go unseen.

Given an environment, gives a sentence for each variable that nobody reads, with the nearest name that somebody does.
Both sides ask here: they may run in one environment, and neither knows the other.

Never: a variable's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

PREFIX: Final = "SPANLEDGER_"
BACKEND: Final = (
    "SPANLEDGER_ADMIN_TOKEN",
    "SPANLEDGER_ALERT_RESOLVE_TIMEOUT",
    "SPANLEDGER_ALLOWED_HOST",
    "SPANLEDGER_BACKUP_DIR",
    "SPANLEDGER_DATA_DIR",
    "SPANLEDGER_ENVIRONMENT",
    "SPANLEDGER_EXTERNAL_URL",
    "SPANLEDGER_HEARTBEAT_EVERY",
    "SPANLEDGER_HEARTBEAT_URL",
    "SPANLEDGER_HOST",
    "SPANLEDGER_JAEGER_URL",
    "SPANLEDGER_LATE_LIMIT",
    "SPANLEDGER_MAX_DISK",
    "SPANLEDGER_MAX_REQUEST_BYTES",
    "SPANLEDGER_MAX_WAITING_BYTES",
    "SPANLEDGER_OTLP_GRPC_PORT",
    "SPANLEDGER_OTLP_HTTP_PORT",
    "SPANLEDGER_PORT",
    "SPANLEDGER_PRICE_FILES",
    "SPANLEDGER_QUERY_MEMORY",
    "SPANLEDGER_QUERY_TIMEOUT",
    "SPANLEDGER_RETENTION_DAYS",
    "SPANLEDGER_RETENTION_HOURS",
    "SPANLEDGER_RETENTION_MINUTES",
    "SPANLEDGER_RETENTION_RAW",
    "SPANLEDGER_SAMPLING_BUDGET",
    "SPANLEDGER_TICK",
    "SPANLEDGER_TIMEZONE",
    "SPANLEDGER_TLS_CERT",
    "SPANLEDGER_TLS_CLIENT_CA",
    "SPANLEDGER_TLS_KEY",
)
OTHERS: Final = ("SPANLEDGER_CONFIG", "SPANLEDGER_PROFILE", "SPANLEDGER_TOKEN", "SPANLEDGER_URL")  # of the command line
NOT_SETTINGS: Final = ("SPANLEDGER_BENCH_", "SPANLEDGER_DEMO_", "SPANLEDGER_FUZZ_", "SPANLEDGER_TEST_")


def unknown(environ: Mapping[str, str], sdk: Iterable[str]) -> list[str]:
    """A sentence for each variable of ours that nobody reads.

    Args:
        environ: The environment.
        sdk: The names of the SDK's own variables.
    """
    known = [*sdk, *BACKEND, *OTHERS]
    strange = (name for name in sorted(environ) if name.startswith(PREFIX) and name not in known)
    return [
        f"{name} is not a setting: did you mean {get_close_matches(name, known, 1, 0.0)[0]}?"
        for name in strange
        if not name.startswith(NOT_SETTINGS)
    ]
