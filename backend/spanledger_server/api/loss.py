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


EXAMPLE: Final = {
    "from": "2026-11-20T11:00:00Z",
    "to": "2026-11-21T13:00:00Z",
    "services": [
        {
            "service": "shop",
            "signal": "spans",
            "sent": 1600,
            "delivered": 700,
            "dropped": 900,
            "sampled": 560,
            "on_the_way": 0,
            "unexplained": 0,
            "stored": 140,
            "refused": 0,
            "tolerance": 0,
            "reason": None,
            "drops": {"sdk": {"queue_full": 900}},
            "waiting": {},
            "reasons": {"queue_full": 900},
        }
    ],
    "signals": [{"signal": "spans", "sent": 1600, "stored": 140, "dropped": 900, "sampled": 560, "unexplained": 0}],
    "collectors": [
        {
            "service": "spanledger-gateway",
            "host": "local",
            "signal": "spans",
            "accepted": 700,
            "refused": 0,
            "exporters": {"otlp_grpc/backend": {"sent": 140, "dropped": 0, "queued": 0, "capacity": 500000}},
            "sampled": 560,
            "deciding": 0,
            "undecided": 0,
        }
    ],
}


@router.get("/api/v1/loss", responses={200: {"content": {"application/json": {"example": EXAMPLE}}}})
def loss(
    store: Store,
    now_ns: NowNs,
    from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-15m; default now-25h")] = None,
    to: Annotated[
        str | None, Query(description="RFC 3339 or now; default now+1h, as far as clocks may be ahead")
    ] = None,
) -> Response:
    """For each service and signal what became of all that its processes gave to be sent.

    `sent` = `stored` + `refused` + `dropped` + `sampled` + `on_the_way` + `unexplained`: where it was dropped and why
    is in `drops`, where it waits in `waiting`; `delivered` is what the processes know to have arrived at the next hop.
    `unexplained` may be off by `tolerance`, since counters are told from time to time; `reason` says what it is. All
    are null where a sender does not tell what it sent. `collectors`: what each OpenTelemetry Collector between says it
    took, refused, sent, dropped, queued and sampled away; they know no services, and are put to one only where no other
    can be meant. `signals`: the same sums over all services (ledger events are among the logs).
    """
    window = parameters.window(from_ or f"now-{SINCE_S}s", to or f"now+{AHEAD_S}s", now_ns)
    with store.reader() as reader:
        found = statistics.report(reader, window.from_ns, window.to_ns, now_ns)
    return answers.answer({"from": answers.when(window.from_ns), "to": answers.when(window.to_ns), **found})
