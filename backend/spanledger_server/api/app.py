"""The application: every router in its place, with the door it stands behind, and the gate around all of them.

Never: a router without a door. What can be reached, and by whom, is read off the one function below.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI

from spanledger.version import __version__
from spanledger_server.api import (
    about,
    alertmanager,
    alerts,
    alerts_changes,
    answers,
    audio,
    auth,
    budgets,
    care,
    channels,
    costs,
    docs,
    document,
    escalations,
    health,
    health_checks,
    health_pages,
    incidents,
    jaeger,
    jaeger_v3,
    ledger,
    live,
    logs,
    loss,
    metrics,
    monitoring,
    notifications,
    notifications_routes,
    pages,
    preferences,
    prices,
    projections,
    query,
    reconcile,
    reprice,
    rules,
    sampling,
    services,
    silences,
    silences_alertmanager,
    slo_adjustments,
    slo_history,
    slos,
    statistics,
    status,
    tokens,
    traces,
    traces_compared,
    views,
)
from spanledger_server.api.doors import Doors
from spanledger_server.api.gate import Gate
from spanledger_server.api.hosts import Hosts
from spanledger_server.api.standing import Standing
from spanledger_server.api.vitals import Vitals
from spanledger_server.auth.attempts import Attempts
from spanledger_server.auth.links import Links
from spanledger_server.auth.roles import Access
from spanledger_server.auth.sessions import Sessions
from spanledger_server.auth.tokens import Tokens
from spanledger_server.clock import Clock
from spanledger_server.forecast.histories import Histories
from spanledger_server.live.feed import LiveFeed
from spanledger_server.prices.reprice import Repricer
from spanledger_server.sampling.loop import ClosedLoop
from spanledger_server.settings import Settings
from spanledger_server.statistics.self_check import SelfCheck
from spanledger_server.store.database import Database


@dataclass(frozen=True, slots=True)
class House:
    """What the routes work with; built by `main`."""

    settings: Settings
    clock: Clock
    database: Database
    tokens: Tokens
    sessions: Sessions
    live: LiveFeed
    receivers: APIRouter
    vitals: Vitals
    sampling: ClosedLoop
    self_check: SelfCheck
    repricer: Repricer
    port: int
    otlp_port: int | None
    doors: Doors = field(default_factory=Doors)
    histories: Histories = field(default_factory=Histories)

    @property
    def cookie(self) -> str:
        """The session cookie's name; it names the port, since servers on one machine share their cookies."""
        return f"spanledger_{self.port}"

    def standing(self) -> Standing:
        """What pages are told beside the figures."""
        slos = self.vitals.slos
        return Standing(self.database, self.vitals.health.standing, lambda: () if slos is None else slos.standing)

    def conditions(self) -> list[dict[str, str]]:
        """What somebody should look at."""
        checks = services.conditions(self.vitals.health.standing())
        return [
            *self.self_check.conditions(),
            *self.vitals.care.conditions(),
            *checks,
            *self.vitals.notify.conditions(),
            *self.vitals.alerting.conditions(self.clock.now_ns()),
        ]


def build(house: House) -> Gate:
    """The whole application, behind its gate."""
    app = FastAPI(
        title="spanledger",
        version=__version__,
        docs_url=None,
        redoc_url=None,
    )
    answers.install(app)
    document.install(app, house.doors)
    house.doors.add(app.routes, Access.OPEN)
    for router, reading, changing in _routers(house, app):
        house.doors.add(router.routes, reading, changing)
        app.include_router(router)
    gate = Gate(
        app=app,
        doors=house.doors,
        tokens=house.tokens,
        sessions=house.sessions,
        clock=house.clock,
        hosts=Hosts(house.settings.host, house.settings.allowed_host),
        loopback=house.settings.loopback,
        cookie=house.cookie,
        nowhere=pages.Nowhere.of(pages.directory(), house.doors.paths),
        otlp_port=house.otlp_port,
        refused=house.vitals.refused,
        questions=house.vitals.questions,
    )
    app.state.database, app.state.clock, app.state.settings, app.state.gate, app.state.histories = (
        house.database,
        house.clock,
        house.settings,
        gate,
        house.histories,
    )
    return gate


Room = tuple[APIRouter, Access, Access | None]  # a router, what reading asks, and what changing asks where that is more


def _routers(house: House, app: FastAPI) -> list[Room]:
    """Every router, with its door."""
    channel = live.Channel(house.live, house.clock, house.standing())
    root = pages.directory()
    return [
        (house.receivers, Access.SEND, None),
        (pages.assets(root), Access.OPEN, None),
        (health.health_router(house.vitals.unready), Access.OPEN, None),
        (health.metrics_router(house.vitals.samples), Access.SCRAPE, None),
        *_administration(house),
        (live.router(channel, house.tokens, house.clock), Access.READ, None),
        *_money(house),
        *_evidence(house),
        (statistics.router, Access.READ, None),
        (audio.router, Access.READ, None),
        (monitoring.router, Access.READ, None),
        (monitoring.services_router(channel, house.vitals.health), Access.READ, None),
        *query.routers(house.database, house.settings, lambda: house.vitals.stopping),
        *_reliability(house),
        (status.router(channel, house.settings.environment, house.conditions), Access.READ, None),
        (docs.router(app.openapi), Access.OPEN, None),
        (pages.router(root), Access.OPEN, None),
    ]


def _administration(house: House) -> list[Room]:
    """Who may come in, and the care of the store."""
    desk = auth.Desk(
        house.database,
        house.tokens,
        house.sessions,
        house.live,
        house.clock,
        house.cookie,
        house.settings.environment,
        house.settings.jaeger_url,
        Attempts(),
        Links(house.tokens),
    )
    return [
        (auth.session_router(desk), Access.OPEN, None),
        (auth.who_router(desk), Access.READ, None),
        (tokens.router(desk), Access.ADMINISTER, None),
        (tokens.audit_router(desk), Access.ADMINISTER, None),
        (care.backup_router(house.vitals.care.backups), Access.ADMINISTER, None),
        (care.storage_router(house.vitals.care.storage, house.settings), Access.READ, None),
        (about.router(house.settings), Access.READ, None),
        (care.export_router(), Access.READ, None),
    ]


def _money(house: House) -> list[Room]:
    """What was spent, what may be, what things cost, and whether the bill agrees."""
    return [
        (costs.router, Access.READ, None),
        (ledger.router, Access.READ, None),
        (budgets.router(), Access.READ, Access.ADMINISTER),
        (budgets.spenders(), Access.SEND, None),
        (projections.router, Access.READ, None),
        (prices.router(house.repricer.prices), Access.READ, Access.ADMINISTER),
        (reprice.router(house.repricer), Access.READ, Access.ADMINISTER),
        (reconcile.router, Access.READ, Access.ADMINISTER),
    ]


def _evidence(house: House) -> list[Room]:
    """Spans, logs and metrics, and what is known of those that are missing."""
    return [
        (traces_compared.router, Access.READ, None),
        (traces.router, Access.READ, None),
        (views.router, Access.READ, None),
        (jaeger.router, Access.READ, None),
        (jaeger_v3.router, Access.READ, None),
        (logs.router, Access.READ, None),
        (metrics.router, Access.READ, None),
        (loss.router, Access.READ, None),
        (sampling.router(house.sampling, house.self_check), Access.READ, None),
        (sampling.budget_router(house.sampling), Access.ADMINISTER, None),
        (sampling.strategies(house.sampling), Access.SEND, None),
    ]


def _reliability(house: House) -> list[Room]:
    """Objectives and alerts."""
    return [
        (slos.router(), Access.READ, Access.ADMINISTER),
        (slos.changes(), Access.READ, Access.ADMINISTER),
        (slos.reports(), Access.READ, None),
        (slos.months(), Access.READ, None),
        (slo_history.router(), Access.READ, None),
        (slo_adjustments.router(), Access.READ, Access.ADMINISTER),
        (slo_adjustments.changes(), Access.READ, Access.ADMINISTER),
        (health_checks.router(house.vitals.health), Access.READ, Access.ADMINISTER),
        (health_pages.router(house.vitals), Access.READ, None),
        (rules.router(), Access.READ, None),
        (rules.changes(), Access.READ, Access.ADMINISTER),
        (alerts.router, Access.READ, None),
        (alerts_changes.router(), Access.READ, Access.ADMINISTER),
        (silences.router(), Access.READ, Access.ADMINISTER),
        (silences_alertmanager.router(), Access.READ, Access.ADMINISTER),
        (incidents.router(), Access.READ, Access.ADMINISTER),
        (incidents.senders(), Access.SEND, None),
        (alertmanager.router(house.vitals.alerts), Access.READ, None),
        (alertmanager.receiver(house.vitals.alerts), Access.SEND, None),
        (channels.router(house.clock, house.settings.pages(house.port)), Access.READ, Access.ADMINISTER),
        *_telling(house),
    ]


def _telling(house: House) -> list[Room]:
    """Whom to tell what, and what was told."""
    each = (notifications.router, notifications_routes.router, escalations.router, preferences.router)
    return [(router(house.vitals.notify), Access.READ, Access.ADMINISTER) for router in each]
