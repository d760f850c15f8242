"""What was lost on the way, over HTTP.

Never: silence about what was not kept.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from spanledger_server.api import answers, parameters
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.statistics import loss as statistics

router = APIRouter(tags=["loss"])

SINCE_S: Final = 25 * 3600  # what may still come late is at most a day old
AHEAD_S: Final = 3600  # as far as the clocks of senders may be ahead


@router.get("/api/v1/loss")
def loss(
    store: Store,
    now_ns: NowNs,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-25h")] = None,
    to: Annotated[
        str | None, Query(description="RFC 3339 or now; default now+1h, as far as clocks may be ahead")
    ] = None,
) -> Response:
    """For each service and signal: what its sender sent and dropped, what is stored, what was refused and why.

    `collectors`: what each OpenTelemetry Collector between says it took, refused, sent and dropped.
    """
    window = parameters.window(from_ or f"now-{SINCE_S}s", to or f"now+{AHEAD_S}s", now_ns)
    with store.reader() as reader:
        services = statistics.report(reader, window.from_ns, window.to_ns)
        collectors = statistics.collectors(reader, window.from_ns, window.to_ns)
    body = {"from": answers.when(window.from_ns), "to": answers.when(window.to_ns)}
    return answers.answer(body | {"services": services, "collectors": collectors})
