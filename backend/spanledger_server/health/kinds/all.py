"""Every kind of check by its name.

Never: a kind that is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from spanledger_server.health.kinds import (
    celery,
    collector,
    dns,
    http,
    postgresql,
    redis,
    smtp,
    spanledger,
    system,
    tcp,
    telemetry,
    tls,
)
from spanledger_server.health.question import Kind

KINDS: Final[Mapping[str, Kind]] = {
    each.KIND.name: each.KIND
    for each in (http, tcp, tls, dns, redis, postgresql, smtp, celery, collector, telemetry, system, spanledger)
}
