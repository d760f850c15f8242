"""The server as a whole: builds its parts, starts them in order, stops them in the other order.

The only file that sees all of them.

Never: a part that is started before what it stands on, or stopped before what stands on it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from spanledger.pricing import MalformedPricesError, PriceBook
from spanledger.usage import Usage
from spanledger_server import timegrid
from spanledger_server.alerts.received import ReceivedAlerts
from spanledger_server.alerts.watch import Alerting
from spanledger_server.api import app, sockets
from spanledger_server.api.answers import when
from spanledger_server.api.gate import Gate
from spanledger_server.api.jaeger_remote import RemoteStorage
from spanledger_server.api.receivers.grpc import GrpcReceiver
from spanledger_server.api.receivers.http import HttpReceiver
from spanledger_server.api.receivers.receive import Receiver
from spanledger_server.api.serving import GRACE_S, HttpServer
from spanledger_server.api.tls import Tls
from spanledger_server.api.vitals import Vitals
from spanledger_server.auth import first, left, sessions
from spanledger_server.auth.tokens import Tokens
from spanledger_server.budgets import reserve
from spanledger_server.care.caretaker import Caretaker
from spanledger_server.clock import Clock
from spanledger_server.errors import SpanledgerError
from spanledger_server.health.watch import Health
from spanledger_server.ingest.accept import Ingest
from spanledger_server.ingest.admission import Admission
from spanledger_server.ingest.retention import Keep, Retention
from spanledger_server.ingest.trace_index import TraceIndex
from spanledger_server.live.feed import LiveFeed
from spanledger_server.loops import Task, TickLoop
from spanledger_server.notify.office import Notifications
from spanledger_server.otlp.limits import DecodeLimits
from spanledger_server.otlp.memory import keep_arenas
from spanledger_server.prices.reprice import Repricer
from spanledger_server.prices.stored import StoredPrices
from spanledger_server.rollups.dirty import DirtyBuckets
from spanledger_server.rollups.refresh import Rollups
from spanledger_server.rules import ready
from spanledger_server.rules.evaluate import Evaluator
from spanledger_server.sampling.loop import ClosedLoop
from spanledger_server.settings import Settings
from spanledger_server.slos.watch import Watch
from spanledger_server.statistics import slots, warm
from spanledger_server.statistics.self_check import SelfCheck
from spanledger_server.store.database import Database, StoreOptions

log = logging.getLogger(__name__)

MINUTE_NS = 60 * 10**9
TRACE_INDEX_NS = 10 * MINUTE_NS
SAMPLING_NS = 15 * 10**9
SLOS_NS = 30 * 10**9
REFRESH_S = 3.0  # at one level of one family a tick: after many lines are priced anew there is much to do
CHECKPOINT_WAL_BYTES = 16 * 1024 * 1024  # in idle moments; a busy writer is left alone up to the store's own limit


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the running server is reached; ports None where a receiver is off."""

    host: str
    port: int
    otlp_http_port: int | None
    otlp_grpc_port: int | None
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The dashboard's and the API's address, as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


class Server:
    """One server on one store. `start`, then `stop`; both once."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.new_admin: str | None = None  # the admin's secret when one was made at this start: to be shown once
        self._stack = ExitStack()
        self._addresses: Addresses | None = None
        self._vitals: Vitals | None = None
        self._tls: Tls | None = None

    @property
    def addresses(self) -> Addresses:
        """Where it is reached; only once it is started."""
        if self._addresses is None:
            raise SpanledgerError("the server is not started")
        return self._addresses

    @property
    def left_token(self) -> Path | None:
        """The file in which an earlier start left its admin token for this user; None when there is none to use."""
        directory = self.settings.data_dir
        if (
            directory is None
            or self.settings.admin_token is not None
            or left.left_for_the_command_line(directory) is None
        ):
            return None
        return directory / left.FILE

    def start(self) -> None:
        """Take the ports, open the store, start everything; returns when requests are answered.

        Raises:
            SpanledgerError: A port is taken, or the store or a price file cannot be opened. Nothing keeps running.
        """
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def stop(self) -> None:
        """Take nothing new, commit what was taken, close the store."""
        if self._vitals is not None:
            self._vitals.stopping = True
        self._stack.close()

    def _start(self) -> None:
        settings = self.settings
        keep_arenas()
        if settings.tls_cert is not None and settings.tls_key is not None:
            self._tls = Tls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
        listening = self._listen()
        prices = _prices(settings)
        database = self._opened()
        ready.install(database, self.clock.now_ns())
        tokens = Tokens(database)
        self._stack.callback(tokens.note_use)
        dirty = DirtyBuckets()
        live = LiveFeed(database, self._day_start_ns, when, self._failing)
        ingest = Ingest(database, prices, self.clock, live, dirty=dirty)
        repricer = self._repricer(database, ingest, dirty, live)
        ingest.start()
        self._stack.callback(ingest.stop)
        vitals = self._vitals = self._watching(database, ingest, listening)
        loop = ClosedLoop(database, settings.sampling_budget, vitals.told_to_come_back)
        self_check = SelfCheck(database)
        self._tick(
            vitals,
            tokens,
            live,
            dirty,
            (
                Task("sampling", loop.tick, SAMPLING_NS),
                Task("check", self_check.tick, MINUTE_NS),
                *self._watched(vitals),
            ),
        )
        receiver = Receiver(
            accept=ingest.accept,
            admission=vitals.admission,
            now=self.clock.now_ns,
            limits=_limits(settings),
            turn=ingest.turn,
            acks=vitals.acks,
        )
        self.new_admin = first.admin(tokens, settings.admin_token, self.clock.now_ns())
        self._addresses = self._serve(listening, receiver, vitals, tokens, live, loop, self_check, repricer)
        self._warm(prices)
        if settings.data_dir is not None and settings.loopback:
            left.leave_for_the_command_line(settings.data_dir, self.new_admin, self._addresses.url)

    def _listen(self) -> Mapping[str, sockets.Listening]:
        """All ports at once, so that a taken one is told before anything else happens."""
        settings = self.settings
        wanted = {"--port": settings.port}
        if settings.otlp_http_port:
            wanted["--otlp-http-port"] = settings.otlp_http_port
        listening = sockets.bound(settings.host, wanted)
        for each in listening.values():
            self._stack.callback(each.close)
        if settings.otlp_grpc_port:
            sockets.check_free(settings.host, settings.otlp_grpc_port, "--otlp-grpc-port")
        return listening

    def _opened(self) -> Database:
        if self.settings.data_dir is not None:
            _make(self.settings.data_dir)
        database = Database.open(self.settings.file, options=StoreOptions(backup_directory=self.settings.backup_dir))
        self._stack.callback(database.close)
        return database

    def _repricer(self, database: Database, ingest: Ingest, dirty: DirtyBuckets, live: LiveFeed) -> Repricer:
        prices = StoredPrices(database, ingest.prices)
        prices.tell(partial(setattr, ingest, "prices"))
        repricer = Repricer(database, prices, dirty, self.clock.now_ns, ingest.caught_up, live.touched)
        repricer.start()
        self._stack.callback(repricer.stop)
        return repricer

    def _watching(self, database: Database, ingest: Ingest, listening: Mapping[str, sockets.Listening]) -> Vitals:
        """What watches, judges and tells."""
        settings, alerts = self.settings, self._alerts(database)
        care = Caretaker(settings, database, self.clock)
        self._stack.callback(care.stop)
        admission = Admission(settings.max_waiting_bytes)
        slos = Watch(database)
        health = Health.kept(settings, database, self.clock.now_ns)
        self._stack.callback(health.stop)
        notify = Notifications(settings, database, self.clock, sockets.port_of(listening["--port"]))
        self._stack.callback(notify.stop)
        judges = Evaluator(database, settings.timezone)
        watcher = Evaluator(database, settings.timezone, only_own=True)
        alerting = Alerting(database, judges, _ns(settings.tick), watcher)
        self._stack.callback(alerting.stop)
        return Vitals(
            database, ingest, admission, self.clock, alerts, care, slos, health=health, notify=notify, alerting=alerting
        )

    @staticmethod
    def _watched(vitals: Vitals) -> list[Task]:
        """Its share of the tick."""
        return [
            Task("alerts", vitals.alerts.tick),
            vitals.alerting.start(vitals.clock, vitals.tasks, vitals.notify.waits),
            *([Task("slos", vitals.slos.tick, SLOS_NS)] if vitals.slos is not None else []),
            *vitals.care.start(vitals.troubles),
            vitals.health.start(vitals.unready, vitals.troubles),
            vitals.notify.start(),
        ]

    def _alerts(self, database: Database) -> ReceivedAlerts:
        settings = self.settings
        timeout_ns, keep_ns = _ns(settings.alert_resolve_timeout), _ns(settings.retention_days)
        return ReceivedAlerts(database, timeout_ns, keep_ns, self.clock.now_ns())

    def _tick(self, vitals: Vitals, tokens: Tokens, live: LiveFeed, dirty: DirtyBuckets, more: Sequence[Task]) -> None:
        database = vitals.database
        rollups = Rollups(database, dirty, REFRESH_S)
        ingest, keep = vitals.ingest, _keep(self.settings)
        retention = Retention(database, rollups, ingest.stored, ingest.limits, keep, lambda: vitals.stopping)
        tasks = [
            Task("rollups", rollups.refresh),
            Task("retention", retention.sweep, MINUTE_NS),
            Task("trace_index", TraceIndex(database).sort, TRACE_INDEX_NS),
            Task("slots", slots.NewValues(database, lambda: (ingest.counters.rows, rollups.recomputed)).tick),
            Task("live", live.rest),
            *more,
            Task("tokens", lambda _: tokens.note_use(), MINUTE_NS),
            Task("reservations", partial(reserve.forget, database), MINUTE_NS),
            Task("warm", warm.Warm(database, timegrid.zone(self.settings.timezone)).tick),
            Task("checkpoint", lambda _: database.checkpoint_when_idle(CHECKPOINT_WAL_BYTES)),
            *([Task("certificate", self._tls.renew)] if self._tls is not None else []),
        ]
        vitals.loop = TickLoop(self.clock, tasks, self.settings.tick.total_seconds())
        vitals.loop.start()
        self._stack.callback(vitals.loop.stop)

    def _serve(
        self,
        listening: Mapping[str, sockets.Listening],
        receiver: Receiver,
        vitals: Vitals,
        tokens: Tokens,
        live: LiveFeed,
        loop: ClosedLoop,
        self_check: SelfCheck,
        repricer: Repricer,
    ) -> Addresses:
        settings = self.settings
        port = sockets.port_of(listening["--port"])
        otlp = HttpReceiver(receiver, max_request_bytes=settings.max_request_bytes)
        self._stack.callback(otlp.close)
        house = app.House(
            settings=settings,
            clock=self.clock,
            database=vitals.database,
            tokens=tokens,
            sessions=sessions.Sessions(tokens, sessions.key(settings.data_dir)),
            live=live,
            receivers=otlp.router(),
            vitals=vitals,
            sampling=loop,
            self_check=self_check,
            repricer=repricer,
            port=port,
            otlp_port=settings.otlp_http_port or None,
        )
        gate = app.build(house)
        grpc_port = self._grpc(receiver, gate, vitals.database)
        http = HttpServer(gate, list(listening.values()), None if self._tls is None else self._tls.context)
        http.start()
        self._stack.callback(http.stop)
        scheme = "https" if self._tls is not None else "http"
        return Addresses(settings.host, port, settings.otlp_http_port or None, grpc_port, scheme)

    def _grpc(self, receiver: Receiver, gate: Gate, database: Database) -> int | None:
        settings = self.settings
        if not settings.otlp_grpc_port:
            return None
        grpc = GrpcReceiver(
            receiver,
            host=settings.host,
            port=settings.otlp_grpc_port,
            max_request_bytes=settings.max_request_bytes,
            authorize=gate.authorize_sender,
            beside=RemoteStorage(database, self.clock, gate.authorize_reader).handlers(),
            credentials=None if self._tls is None else self._tls.credentials(),
        )
        try:
            port = grpc.start()
        except OSError as error:
            raise SpanledgerError(str(error.strerror or error)) from error
        self._stack.callback(grpc.stop, GRACE_S)
        return port

    def _warm(self, prices: PriceBook) -> None:
        """Load the published prices beside the first requests, so that the first priced one need not wait for it."""
        call = partial(prices.price, Usage(input_tokens=1), provider="openai", model="gpt-5", at_ns=self.clock.now_ns())
        warming = threading.Thread(target=call, name="spanledger-warm", daemon=True)
        warming.start()
        self._stack.callback(warming.join)

    def _failing(self) -> str | None:
        return None if self._vitals is None else self._vitals.failing()

    def _day_start_ns(self, now_ns: int) -> int:
        return timegrid.period("today", now_ns, timegrid.zone(self.settings.timezone)).from_ns


def _make(directory: Path) -> None:
    """The data directory, for its owner only.

    Raises:
        SpanledgerError: It cannot be had, or not used by this user.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise SpanledgerError(f"--data-dir {directory} is a file: name a directory") from error
    except OSError as error:
        raise SpanledgerError(f"--data-dir {directory} cannot be made: {error.strerror}") from error
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise SpanledgerError(f"--data-dir {directory} may not be read and written by this user")


def _prices(settings: Settings) -> PriceBook:
    try:
        return PriceBook.default(settings.price_files)
    except MalformedPricesError as error:
        mistakes = (" ".join(mistake.split()) for mistake in error.mistakes)
        raise SpanledgerError("\n".join(f"--price-files: {mistake}" for mistake in mistakes)) from error


def _limits(settings: Settings) -> DecodeLimits:
    return DecodeLimits(late_ns=_ns(settings.late_limit), ledger_ns=_ns(settings.retention_days))


def _keep(settings: Settings) -> Keep:
    return Keep(
        raw_ns=_ns(settings.retention_raw),
        minutes_ns=_ns(settings.retention_minutes),
        hours_ns=_ns(settings.retention_hours),
        days_ns=_ns(settings.retention_days),
        max_disk_bytes=settings.max_disk,
    )


def _ns(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000
