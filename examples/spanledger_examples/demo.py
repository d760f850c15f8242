"""The demo: the backend, a simulated provider and the bookshop, real traffic through them, and a table that must agree.

`main` is what ``spanledger demo`` and ``make demo`` run. It ends by itself after ``DEMO_SECONDS``, or on Ctrl-C, with
exit code 0 if every number agrees with what was sent and 1 if one does not.

Never: touches the owner's data. The demo has a directory of its own that goes when it ends.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Protocol

import httpx
from rich.console import Console
from rich.table import Table

from spanledger_examples import check
from spanledger_examples.backend import Backend
from spanledger_examples.beside import beside
from spanledger_examples.driver import Tally, drive
from spanledger_examples.processes import Child, DemoError, free_port
from spanledger_examples.sampled import Watch, summed_up
from spanledger_examples.traffic import visits


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how fast, `None` means no end; a share of the traces is kept, or else spans up to a budget."""

    seconds: float | None = None
    calls: int | None = None
    speed: float = 6.0
    sample_ratio: float | None = None
    budget: float = 25.0
    remote: float = 0.0

    @classmethod
    def from_environment(cls) -> Options:
        """The options as ``DEMO_SECONDS``, ``DEMO_CALLS`` and so on give them.

        Raises:
            DemoError: One of them is not a number.
        """
        values: dict[str, float] = {}
        for name in ("seconds", "calls", "speed", "sample_ratio", "budget", "remote"):
            if text := os.environ.get(f"DEMO_{name.upper()}"):
                try:
                    values[name] = float(text)
                except ValueError as malformed:
                    raise DemoError(f"DEMO_{name.upper()}={text!r} is not a number") from malformed
        calls = values.pop("calls", None)
        if not values.get("budget", 1.0) > 0:
            raise DemoError(f"DEMO_BUDGET={os.environ['DEMO_BUDGET']!r} is not above 0")
        return cls(calls=None if calls is None else int(calls), **values)

    def sampler(self, backend_url: str) -> str:
        """What the bookshop's `SPANLEDGER_SAMPLER` says."""
        if self.sample_ratio is not None:
            return f"ratio={self.sample_ratio}"
        own = f"adaptive={self.budget}"
        return f"remote={backend_url}/sampling,every=5,{own}" if self.remote else own


class Way(Protocol):
    """How telemetry gets from the bookshop to the backend."""

    def open(self, down: ExitStack, directory: Path, backend: Backend, otlp_grpc_port: int) -> str | None:
        """Bring up what stands between; gives where the bookshop sends OTLP over HTTP, None for the backend itself."""
        ...

    def compare_spans(self, comparison: check.Comparison, recorded: int, backend: Backend) -> None:
        """Wait until everything has passed, and compare the spans that should be stored with those that are."""
        ...


@dataclass(frozen=True, slots=True)
class Direct:
    """Nothing between: what the bookshop was told is stored."""

    sample_ratio: float | None

    def open(self, _down: ExitStack, _directory: Path, _backend: Backend, _otlp_grpc_port: int) -> None:
        """There is nothing to bring up."""

    def compare_spans(self, comparison: check.Comparison, recorded: int, backend: Backend) -> None:
        """Every recorded span is stored."""
        chosen = (
            "kept within the budget" if self.sample_ratio is None else f"at a sampling ratio of {self.sample_ratio:g}"
        )
        comparison.compare(f"spans {chosen}", recorded, backend.spans())


def main(way: Way | None = None) -> int:
    """Run the demo; returns the exit code."""
    console = Console()
    try:
        options = Options.from_environment()
        if way is not None and options.sample_ratio is None:  # it samples by itself
            options = replace(options, sample_ratio=1.0)
        return run(options, console, way or Direct(options.sample_ratio))
    except DemoError as failure:
        console.print(f"[bold red]The demo stopped:[/] {failure}", highlight=False)
        return 1


def run(options: Options, console: Console, way: Way) -> int:
    """Bring everything up, drive the traffic, compare, and take everything down again."""
    signals: list[int] = []
    with ExitStack() as down:
        directory = Path(down.enter_context(tempfile.TemporaryDirectory(prefix="spanledger-demo-")))
        down.enter_context(_kept_signals(signals))
        backend, provider_url, bookshop_url = _bring_up(directory, options, way, down)
        console.print(f"Dashboard  [bold]{backend.sign_in_link}[/]", highlight=False, soft_wrap=True)
        typed = down.enter_context(beside(backend.url, backend.token, "status"))
        console.print(f"Terminal   {typed}", highlight=False, soft_wrap=True)
        console.print(f"Bookshop   {bookshop_url}/docs   Provider  {provider_url}/bill", highlight=False)
        ends = f"ends after {options.seconds:g} s" if options.seconds else "Ctrl-C ends it"
        console.print(f"Replaying real LLM traffic at {options.speed:g}× its own pace; {ends}.\n", highlight=False)
        began = datetime.now(UTC)
        watch = Watch(backend, None if options.sample_ratio is not None else options.budget)
        tally = _traffic(options, signals, bookshop_url, backend, watch, console)
        comparison = _compare(tally, provider_url, bookshop_url, backend, began, way)
        sampled = summed_up(watch, backend, tally, comparison)
    return _report(comparison, sampled, console)


def _bring_up(directory: Path, options: Options, way: Way, down: ExitStack) -> tuple[Backend, str, str]:
    http = free_port(8321, "SPANLEDGER_PORT")
    otlp_http = free_port(4318, "SPANLEDGER_OTLP_HTTP_PORT")
    otlp_grpc = free_port(4317, "SPANLEDGER_OTLP_GRPC_PORT")
    bookshop = free_port(8322, "SPANLEDGER_DEMO_BOOKSHOP_PORT")
    provider = free_port(8323, "SPANLEDGER_DEMO_PROVIDER_PORT")
    backend = Backend(f"http://127.0.0.1:{http}", f"sl_{secrets.token_urlsafe(24)}")
    down.callback(backend.close)
    serve = ["spanledger_server", "serve", "--port", str(http), "--otlp-http-port", str(otlp_http)]
    serve += ["--otlp-grpc-port", str(otlp_grpc), "--data-dir", str(directory)]
    if options.sample_ratio is None:
        serve += ["--sampling-budget", str(options.budget)]
    _start(down, directory, "backend", serve, {"SPANLEDGER_ADMIN_TOKEN": backend.token}, f"{backend.url}/readyz")
    _start(
        down,
        directory,
        "provider",
        ["spanledger_examples.provider", str(provider)],
        {},
        f"http://127.0.0.1:{provider}/bill",
    )
    environment = {
        "PROVIDER_URL": f"http://127.0.0.1:{provider}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": way.open(down, directory, backend, otlp_grpc) or f"http://127.0.0.1:{otlp_http}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "/stats,/openapi.json",  # what the demo asks is no visit
        "SPANLEDGER_SAMPLER": options.sampler(backend.url),
        "SPANLEDGER_SPOOL_DIR": str(directory / "spool"),
    }
    uvicorn = ["uvicorn", "spanledger_examples.bookshop:app", "--port", str(bookshop), "--log-level", "warning"]
    _start(down, directory, "bookshop", uvicorn, environment, f"http://127.0.0.1:{bookshop}/openapi.json")
    return backend, f"http://127.0.0.1:{provider}", f"http://127.0.0.1:{bookshop}"


def _start(
    down: ExitStack, directory: Path, name: str, arguments: list[str], environment: dict[str, str], url: str
) -> None:
    child = Child(name, arguments, environment, directory / f"{name}.log")
    down.callback(child.stop)
    child.wait_until_answers(url)


def _traffic(options: Options, signals: list[int], url: str, backend: Backend, watch: Watch, console: Console) -> Tally:
    tally = Tally()
    deadline = time.monotonic() + (options.seconds or float("inf"))
    todo = islice(visits(options.speed, bursts=options.sample_ratio is None), options.calls)
    ended = threading.Event()

    def work() -> None:
        try:
            asyncio.run(drive(url, todo, lambda: bool(signals) or time.monotonic() >= deadline, tally))
        finally:
            ended.set()

    driver = threading.Thread(target=work, name="driver")
    driver.start()
    with console.status("") as line:
        while not ended.wait(1):
            line.update(_summary(tally, backend) + watch.line())
    driver.join()
    watch.end()
    return tally


def _summary(tally: Tally, backend: Backend) -> str:
    costs = backend.costs("month")
    if costs is None:
        return f"{tally.sent} calls sent; the backend is not answering"
    coverage = "—" if costs["coverage"] is None else f"{float(costs['coverage']):.1%}"
    total = "—" if costs["total_cost"] is None else f"${Decimal(costs['total_cost']):.4f}"
    sent = f"{tally.sent} calls sent · {tally.refused} refused"
    return f"{sent} · {costs['calls']} in the ledger · {total} · {coverage} priced"


def _compare(
    tally: Tally, provider_url: str, bookshop_url: str, backend: Backend, began: datetime, way: Way
) -> check.Comparison:
    sdk = httpx.get(f"{bookshop_url}/stats", timeout=60).json()
    served = httpx.get(f"{provider_url}/bill", timeout=60).json()
    comparison = check.Comparison()
    way.compare_spans(comparison, sdk["spans"]["recorded"], backend)
    lines = list(backend.ledger())
    known = tally.sent - tally.unanswered
    comparison.compare("visits answered or refused by the provider", known, tally.answered + tally.refused)
    if tally.unanswered:
        silent = f"{tally.unanswered} of {tally.sent} visits had no answer in time"
        comparison.notes.append(f"{silent}: what they came to is in the bill and in the ledger.")
    comparison.compare("billable calls → ledger lines", sdk["ledger"]["recorded"], len(lines))
    failed = sum(line["error_type"] is not None for line in lines)
    comparison.compare("refused calls, nothing billed", tally.refused_of(failed), failed)
    signals = [sdk[name] for name in ("spans", "ledger", "metrics", "logs")]
    lost = sum(signal["refused"] + sum(signal["dropped"].values()) for signal in signals)
    comparison.compare("lost on the way", 0, lost)
    comparison.compare("mistakes that the SDK kept to itself", {}, sdk["failures"])
    bills, stored = check.bills(served, began), check.stored(lines)
    comparison.compare_models(bills, stored)
    total = sum((bill.cost for bill in bills.values()), Decimal(0))
    comparison.compare("total USD, the ledger", total, sum((line.cost for line in stored.values()), Decimal(0)))
    if began.month == datetime.now(UTC).month:
        for period in ("month", "year"):
            costs = backend.costs(period)
            comparison.compare(
                f"total USD, /admin/statistics/costs of the {period}", total, costs and Decimal(costs["total_cost"])
            )
    return comparison


def _report(comparison: check.Comparison, sampled: Table | None, console: Console) -> int:
    totals = Table(title="What was sent, and what is stored", title_justify="left")
    totals.add_column("")
    totals.add_column("sent", justify="right")
    totals.add_column("stored", justify="right")
    for what, sent, stored in comparison.rows:
        totals.add_row(what, sent, _marked(stored, agrees=sent == stored))
    models = Table(title="By model: the provider's bill, and the ledger", title_justify="left")
    models.add_column("model", no_wrap=True)
    for heading in ("calls", "tokens", "no price", "billed USD", "ledger USD"):
        models.add_column(heading, justify="right", no_wrap=True)
    for model, (bill, line) in comparison.models.items():
        counts = [
            _marked(check.text(stored), agrees=sent == stored)
            for sent, stored in ((bill.calls, line.calls), (bill.tokens, line.tokens), (bill.unpriced, line.unpriced))
        ]
        models.add_row(model, *counts, bill.shown_cost(), _marked(line.shown_cost(), agrees=bill.cost == line.cost))
    console.print(totals, *([sampled] if sampled else []), models)
    for note in comparison.notes:
        console.print(note, highlight=False)
    for difference in comparison.differences:
        console.print(f"[bold red]Differs:[/] {difference}", highlight=False)
    if not comparison.differences:
        console.print("[bold green]Every number agrees, to the last decimal.[/]")
    return 1 if comparison.differences else 0


def _marked(figure: str, *, agrees: bool) -> str:
    return figure if agrees else f"[bold red]{figure}[/]"


@contextmanager
def _kept_signals(signals: list[int]) -> Iterator[None]:
    """Note signals that ask for the end; without a lock, which a second signal would find taken by the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda got, _: signals.append(got)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    raise SystemExit(main())
