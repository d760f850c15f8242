"""The application around a store in memory, without sockets: for tests that look at its routes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spanledger.pricing import PriceBook
from spanledger_server import settings
from spanledger_server.alerts.received import ReceivedAlerts
from spanledger_server.alerts.watch import Alerting
from spanledger_server.api import app
from spanledger_server.api.answers import when
from spanledger_server.api.gate import Gate
from spanledger_server.api.receivers.http import HttpReceiver
from spanledger_server.api.receivers.receive import Receiver
from spanledger_server.api.vitals import Vitals
from spanledger_server.auth.sessions import Sessions
from spanledger_server.auth.tokens import Tokens
from spanledger_server.care.caretaker import Caretaker
from spanledger_server.clock import SystemClock
from spanledger_server.health.watch import Health
from spanledger_server.ingest.accept import Ingest
from spanledger_server.ingest.admission import Admission
from spanledger_server.live.feed import LiveFeed
from spanledger_server.notify.office import Notifications
from spanledger_server.prices.reprice import Repricer
from spanledger_server.prices.stored import StoredPrices
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.sampling.loop import ClosedLoop
from spanledger_server.statistics.self_check import SelfCheck
from tests.support.stores import new_store


@dataclass(frozen=True, slots=True)
class Built:
    """The gate, and the application behind it."""

    gate: Gate
    vitals: Vitals

    @property
    def app(self) -> Any:
        return self.gate.app


@contextmanager
def built() -> Iterator[Built]:
    """An application that nothing is sent to."""
    database, clock = new_store(), SystemClock()
    chosen = settings.load({"data_dir": ":memory:"}, {})
    ingest = Ingest(database, PriceBook.default(), clock, dirty=DirtyBuckets())
    admission = Admission(2**20)
    otlp = HttpReceiver(Receiver(accept=ingest.accept, admission=admission, now=clock.now_ns), max_request_bytes=2**20)
    tokens = Tokens(database)
    alerts = ReceivedAlerts(database, 300 * 10**9, 86_400 * 10**9, clock.now_ns())
    health = Health.kept(chosen, database, clock.now_ns)
    health.reload()
    notify = Notifications(chosen, database, clock, 8321)
    care = Caretaker(chosen, database, clock)
    alerting = Alerting(database, Evaluator(database), 10 * 10**9)
    vitals = Vitals(database, ingest, admission, clock, alerts, care, health=health, notify=notify, alerting=alerting)
    try:
        yield Built(
            app.build(
                app.House(
                    settings=chosen,
                    clock=clock,
                    database=database,
                    tokens=tokens,
                    sessions=Sessions(tokens, b"key"),
                    live=LiveFeed(database, lambda now_ns: now_ns, when),
                    receivers=otlp.router(),
                    vitals=vitals,
                    sampling=ClosedLoop(database, None, lambda: 0),
                    self_check=SelfCheck(database),
                    repricer=Repricer(
                        database,
                        StoredPrices(database, ingest.prices),
                        DirtyBuckets(),
                        clock.now_ns,
                        ingest.caught_up,
                    ),
                    port=1,
                    otlp_port=None,
                )
            ),
            vitals,
        )
    finally:
        otlp.close()
        database.close()
