"""What a browser has to do for the pages: opened cold, switched between over ten million lines, scrolled, left open for an hour.

A real Chromium looks at a real server, whose store holds a year of `BENCH_LINES` (ten million) ledger lines, half a
million spans of the last hour, a trace of ten thousand spans and two hundred services. `BENCH_STORE` names a file
that `year_of` made before, which saves some minutes. Times are those of a person: from the click or the address to the
frame in which the figures stand. Beside them stands the processor time of the page's main thread and of the server,
which says the same on a machine that has other things to do.

Run with ``python -m tests.benchmarks.bench_pages`` and any of: cold switch scroll live.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.benchmarks.bench_statistics import year_of
from tests.browser import scene
from tests.browser.browsing import DESKTOP, chromium
from tests.support.server import Server
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.waiting import until

PAINT_MS, SWITCH_MS, LONG_TASK_MS, LIVE_SECOND_MS, GROWTH_MB = 500, 300, 200, 40, 5
OWN_KB = VENDOR_KB = 200
COLD_RUNS, ROUNDS, FRAMES, ROWS, SERVICES = 7, 6, 120, 5000, 200
CALM_WITHIN_S, SWEPT_WITHIN_S, SHORT_S = 180, 1800, 1.0
RETENTION = r'spanledger_task_(turns_total|seconds)\{task="retention"\} (\S+)'
HOUR_S, LOOKS, PRESSED_MS, WARM_S = 3600, 7, 25, 1200  # the page keeps twenty minutes of seconds

# A place, and what of it somebody came to see.
PLACES = {
    "/": ".tiles .tile-figure",
    "/costs": ".total .huge",
    "/costs?period=today": ".total .huge",
    "/traces?from=now-15m": "[data-row='0']",
    "/trends": ".plot canvas",
    "/services": ".services-table tbody tr",
    "/alerts": "main .card",
    "/slos": "main .card",
    "/costs/budgets": "main .card:not(.blank)",
    "/query": ".query-editor",
}
MOVES = [
    "/",
    "/costs?period=today",
    "/costs?period=month",
    "/costs?period=month&group=user",
    "/costs?period=year",
    "/costs?period=year&group=feature",
    "/costs?period=year&f=model:model-3",
    "/costs?period=month&tab=ledger",
    "/traces?from=now-15m",
    "/traces",
    "/traces?f=status:error",
    "/traces?sort=-duration",
    "/trends?period=day",
    "/trends?period=week",
    "/trends?period=month",
    "/trends?period=month&metric=hourly_cost",
    "/services",
    "/services/service-1",
    "/slos",
    "/alerts",
    "/costs/budgets",
    "/logs",
    "/settings/data",
    "/query",
]

WATCH = """(() => {
  const seen = () => {
    if (globalThis.firstFigure || !document.querySelector(SELECTOR)?.checkVisibility()) return;
    globalThis.firstFigure = -1;
    requestAnimationFrame(() => setTimeout(() => { globalThis.firstFigure = performance.now(); }));
  };
  new MutationObserver(seen).observe(document, { childList: true, subtree: true, attributes: true });
})()"""
COUNTED = """(() => {
  const real = fetch;
  globalThis.asked = globalThis.pending = 0;
  globalThis.fetch = async (...all) => {
    asked += 1; pending += 1;
    try {
      const answer = await real(...all);
      const body = await answer.clone().text();
      return answer;
    } finally { pending -= 1; }
  };
})()"""
MOVE = """async (path) => {
  const frame = () => new Promise(requestAnimationFrame);
  const before = asked;
  const began = performance.now();
  const anchor = Object.assign(document.createElement('a'), { href: path });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  const inSight = (node) => node.getBoundingClientRect().top < innerHeight;
  const quiet = () => pending === 0 && (asked > before || performance.now() - began > 100)
    && document.querySelector('main .page')
    && ![...document.querySelectorAll('main .blank, main [aria-busy=true]')].some(inSight);
  while (!quiet() && performance.now() - began < 20000) await frame();
  const settled = performance.now() - began;
  await frame();
  return settled;
}"""
SCROLL = """async ([frames, selector, by]) => {
  const box = selector ? document.querySelector(selector) : document.scrollingElement;
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame += 1) {
    box.scrollTop += by;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times;
}"""

YEAR = """async (minutes) => {
  const [{ h, render }, { Lines }] = [await import('preact'), await import('/assets/charts/lines.js')];
  const box = Object.assign(document.createElement('div'), { id: 'year' });
  document.querySelector('main').prepend(box);
  const begin = Math.floor(Date.now() / 60000) * 60 - minutes * 60;
  const times = Array.from({ length: minutes }, (_, at) => begin + at * 60);
  const values = [97, 89, 83].map((wave) => times.map((_, at) => (at % 1440 < 9 ? null : at % wave)));
  const lines = ['p99', 'p95', 'p50'].map((label, at) => ({ label, slot: at + 1, width: 1.75 }));
  render(h(Lines, { statement: 'a year', times, values, lines, text: String, axis: String, onPick: () => undefined }), box);
  while (!box.querySelector('canvas')) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
}"""


def show(name: str, figure: str, target: str = "", missed: bool = False) -> None:
    print(f"{name:<46} {figure}{f'  ({target})' if target else ''}{'  MISSED' if missed else ''}", flush=True)


def p(values: Sequence[float], share: float) -> float:
    """The value that so many of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@dataclass
class Looker:
    """A page in a browser of its own, and what it takes of the processors."""

    page: Page
    session: CDPSession

    def metrics(self) -> dict[str, float]:
        """Chromium's counters; durations are the main thread's processor time, in seconds."""
        return {one["name"]: one["value"] for one in self.session.send("Performance.getMetrics")["metrics"]}

    def busy_ms(self) -> float:
        """What the main thread took so far."""
        return self.metrics()["TaskDuration"] * 1000

    def standing(self) -> tuple[float, int, int]:
        """What is left after everything unreachable was thrown away: MB of heap, nodes, listeners."""
        for _ in range(3):
            self.session.send("HeapProfiler.collectGarbage")
        found = self.metrics()
        return found["JSHeapUsedSize"] / 1e6, int(found["Nodes"]), int(found["JSEventListeners"])


@contextmanager
def looking(browser: Browser, server: Server, *scripts: str) -> Iterator[Looker]:
    """A new browser without a cache, signed in."""
    context = browser.new_context(viewport=DESKTOP, timezone_id="UTC", service_workers="block")  # type: ignore[arg-type]
    try:
        assert context.request.post(f"{server.url}/api/v1/session", data={"token": server.token}).ok
        for script in scripts:
            context.add_init_script(script)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        yield Looker(page, session)
    finally:
        context.close()


def used_ms(process: psutil.Process) -> float:
    """The server's processor time so far."""
    times = process.cpu_times()
    return (times.user + times.system) * 1000


@contextmanager
def traced(browser: Browser, page: Page) -> Iterator[list[tuple[float, float]]]:
    """Afterwards: milliseconds and processor milliseconds of each task of the page's main thread."""
    tasks: list[tuple[float, float]] = []
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    try:
        yield tasks
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
        main = {(e["pid"], e["tid"]) for e in events if e.get("args", {}).get("name") == "CrRendererMain"}
        tasks += [
            (e["dur"] / 1000, e.get("tdur", 0) / 1000)
            for e in events
            if e.get("ph") == "X" and e["name"].endswith("RunTask") and (e["pid"], e["tid"]) in main
        ]


def cold(browser: Browser, server: Server) -> None:
    """Each place opened by a browser that has nothing of it yet."""
    process = psutil.Process(server.pid)
    for path, selector in PLACES.items():
        paints, figures, busy, asked = [], [], [], []
        for _ in range(COLD_RUNS):
            with looking(browser, server, WATCH.replace("SELECTOR", json.dumps(selector))) as looker:
                before = used_ms(process)
                looker.page.goto(server.url + path, wait_until="commit")
                found = figure_of(looker.page)
                paints.append(found["paint"])
                figures.append(found["figure"])
                busy.append(looker.busy_ms())
                asked.append(used_ms(process) - before)
                sizes = found
        middle = statistics.median(figures)
        show(
            f"cold {path}",
            f"first figure {middle:4.0f} ms (best {min(figures):4.0f}), first paint {statistics.median(paints):4.0f} ms, "
            f"page {statistics.median(busy):4.0f} ms and server {statistics.median(asked):4.0f} ms of processor, "
            f"{sizes['files']} files, own {sizes['own'] / 1000:.0f} kB, vendored {sizes['vendor'] / 1000:.0f} kB",
            f"< {PAINT_MS} ms, < {OWN_KB} kB, < {VENDOR_KB} kB",
            middle >= PAINT_MS or sizes["own"] >= OWN_KB * 1000 or sizes["vendor"] >= VENDOR_KB * 1000,
        )


def figure_of(page: Page) -> dict[str, Any]:
    """When the first figure stood, when anything was painted first, and what was loaded for it."""
    until(lambda: page.evaluate("globalThis.firstFigure > 0"), 20, called="a figure")
    return dict(
        page.evaluate("""() => {
      const files = performance.getEntriesByType('resource').filter((one) => new URL(one.name).pathname.startsWith('/assets/'));
      const size = (vendored) => files.filter((one) => one.name.includes('/vendor/') === vendored).reduce((sum, one) => sum + one.decodedBodySize, 0);
      return { figure: firstFigure, paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? firstFigure,
        files: files.length, own: size(false), vendor: size(true) };
    }""")
    )


def switch(browser: Browser, server: Server) -> None:
    """From place to place and range to range, until everything that was asked has been drawn."""
    process = psutil.Process(server.pid)
    waits: dict[str, list[float]] = {path: [] for path in MOVES}
    busy: dict[str, list[float]] = {path: [] for path in MOVES}
    asked: dict[str, list[float]] = {path: [] for path in MOVES}
    with looking(browser, server, COUNTED) as looker:
        looker.page.goto(server.url + "/")
        looker.page.locator(".tiles").wait_for()
        for number in range(ROUNDS + 1):
            for path in MOVES:
                ours, theirs = looker.busy_ms(), used_ms(process)
                took = looker.page.evaluate(MOVE, path)
                if number:  # modules are there from the first round on
                    waits[path].append(took)
                    busy[path].append(looker.busy_ms() - ours)
                    asked[path].append(used_ms(process) - theirs)
    for path in MOVES:
        show(
            f"to {path}",
            f"p50 {p(waits[path], 0.5):4.0f} ms, worst {max(waits[path]):4.0f} ms, page {p(busy[path], 0.5):4.0f} ms "
            f"and server {p(asked[path], 0.5):4.0f} ms of processor",
        )
    together = [one for each in waits.values() for one in each]
    worst = p(together, 0.95)
    show("all moves", f"p50 {p(together, 0.5):.0f} ms, p95 {worst:.0f} ms", f"p95 < {SWITCH_MS} ms", worst >= SWITCH_MS)


def smooth(browser: Browser, looker: Looker, name: str, deed: Callable[[], Any], frames: int = 0) -> Any:
    """What a deed takes of the main thread, at once and at most."""
    before = looker.busy_ms()
    with traced(browser, looker.page) as tasks:
        given = deed()
    each = f", {(looker.busy_ms() - before) / frames:.1f} ms of processor a frame" if frames else ""
    if frames:
        each = f", frame p50 {p(given, 0.5):.0f} ms, p95 {p(given, 0.95):.0f} ms{each}"
    longest, longest_busy = max(task[0] for task in tasks), max(task[1] for task in tasks)
    show(
        name,
        f"longest task {longest:.0f} ms, of processor {longest_busy:.0f} ms{each}",
        f"< {LONG_TASK_MS} ms",
        longest >= LONG_TASK_MS,
    )
    return given


def scroll(browser: Browser, server: Server, huge: str) -> None:
    """Long things: opened and scrolled."""
    with looking(browser, server) as looker:
        page = looker.page
        page.goto(f"{server.url}/settings")
        page.locator("h1").wait_for()

        def to(path: str, selector: str) -> None:
            page.evaluate(
                "(path) => { const a = Object.assign(document.createElement('a'), { href: path }); document.body.append(a); a.click(); a.remove(); }",
                path,
            )
            page.locator(selector).first.wait_for()

        smooth(browser, looker, "10,000 spans, opened", lambda: to(f"/traces/{huge}", ".row"))
        by = [FRAMES, ".water-scroll", 120]
        smooth(browser, looker, "10,000 spans, scrolled", lambda: page.evaluate(SCROLL, by), FRAMES)
        by = [FRAMES, ".water-scroll", 900]
        smooth(browser, looker, "10,000 spans, flung", lambda: page.evaluate(SCROLL, by), FRAMES)
        smooth(browser, looker, "10,000 spans, walked", lambda: press(page, "j"))
        smooth(browser, looker, "5,000 rows, first", lambda: to("/traces", "[data-row='0']"))
        smooth(browser, looker, "5,000 rows, asked for", lambda: grow(page))
        by = [FRAMES, "", 300]
        smooth(browser, looker, "5,000 rows, scrolled", lambda: page.evaluate(SCROLL, by), FRAMES)
        by = [FRAMES, "", 1500]
        smooth(browser, looker, "5,000 rows, flung", lambda: page.evaluate(SCROLL, by), FRAMES)
        smooth(browser, looker, "200 services, opened", lambda: to("/services", ".services-table tbody tr"))
        by = [FRAMES, "", 120]
        smooth(browser, looker, "200 services, scrolled", lambda: page.evaluate(SCROLL, by), FRAMES)
        year_at_minutes(browser, looker)


def press(page: Page, key: str) -> None:
    """A key, twenty times."""
    for _ in range(20):
        page.keyboard.press(key)


def grow(page: Page) -> None:
    """Show more, as often as it takes."""

    def rows() -> int:
        return int(page.evaluate("Number(document.querySelector('.traces-table').getAttribute('aria-rowcount'))"))

    def more(had: int) -> bool:
        return rows() > had

    while (had := rows()) < ROWS:
        page.get_by_role("button", name="Show more").click()
        until(partial(more, had), 20, called="more rows")


def year_at_minutes(browser: Browser, looker: Looker) -> None:
    """More than any answer holds (a year comes as days, a statement gives 10,000 rows), drawn all the same."""
    page = looker.page
    smooth(browser, looker, "a year at minutes, drawn", lambda: page.evaluate(YEAR, 365 * 1440))
    box = page.locator("#year .plot").bounding_box()
    assert box is not None

    def cursor() -> None:
        for at in range(30):
            page.mouse.move(box["x"] + 80 + at * 20, box["y"] + 80)

    smooth(browser, looker, "a year at minutes, the cursor over it", cursor)
    page.locator("#year .plot").focus()
    smooth(browser, looker, "a year at minutes, walked", lambda: press(page, "ArrowLeft"))


def live(browser: Browser, server: Server) -> None:
    """An hour of messages, one a second for the page, pressed into some minutes; what is left after each part of it."""
    with server.client() as client:
        told = client.get(
            "/api/admin/monitoring/metrics/realtime", params={"topics": ["live", "alerts", "health", "slos"]}
        ).json()
    sockets: list[Any] = []
    with looking(browser, server) as looker:
        looker.page.route_web_socket("**/api/v1/live", lambda socket: sockets.append(socket))
        looker.page.goto(server.url + "/")
        until(lambda: looker.page.evaluate("1") and bool(sockets), 20, called="the page opens its channel")
        socket = sockets[-1]
        socket.send(json.dumps({"type": "hello", "epoch": "bench", "version": "bench"}))
        socket.send(json.dumps({"type": "snapshot", "topic": "live", "points": told["points"], "state": told["state"]}))
        looker.page.locator(".tiles").wait_for()
        for at in range(WARM_S):  # everything has been drawn once
            tell(looker.page, socket, told, at)
        looks = [looker.standing()]
        before, at = looker.busy_ms(), WARM_S
        for _ in range(LOOKS - 1):
            for _ in range(HOUR_S // (LOOKS - 1)):
                tell(looker.page, socket, told, at)
                at += 1
            looks.append(looker.standing())
        each = (looker.busy_ms() - before) / (at - WARM_S)
    grown = looks[-1][0] - looks[0][0]
    show(
        "Live for an hour",
        f"heap {', '.join(f'{one[0]:.1f}' for one in looks)} MB",
        f"grows < {GROWTH_MB} MB",
        grown >= GROWTH_MB,
    )
    show("  nodes", ", ".join(str(one[1]) for one in looks))
    show("  listeners", ", ".join(str(one[2]) for one in looks))
    show(
        "  a second", f"{each:.1f} ms of the main thread's processor", f"< {LIVE_SECOND_MS} ms", each >= LIVE_SECOND_MS
    )


def tell(page: Page, socket: Any, told: dict[str, Any], at: int) -> None:
    """The message of one second: another point, other figures, other slow calls."""
    last = told["points"][-1]
    state = told["state"]
    slow = [{**one, "trace_id": f"{at // 3 + index:032x}"} for index, one in enumerate(state["slow"])]
    services = [{**one, "calls": (one["calls"] or 0) + at} for one in state["services"]]
    tiles = {**state["tiles"], "calls_today": at, "calls_per_s": at % 50, "p95_ms": 300 + at % 70}
    point = {**last, "t": last["t"] + at + 1, "calls": at % 30, "p95": 200 + at % 90, "cost": f"0.{at % 1000:03}"}
    changed = {**state, "slow": slow, "services": services, "tiles": tiles}
    socket.send(json.dumps({"type": "points", "topic": "live", "points": [point], "state": changed}))
    page.wait_for_timeout(PRESSED_MS)


def fill(server: Server) -> str:
    """Send what the year does not hold; the id of the long trace."""
    now_ns = time.time_ns()
    huge = scene.huge(now_ns)
    logs = [ledger_request(ledger_event(), ledger_event(), service=f"service-{at:03}") for at in range(SERVICES)]
    scene.send(server, [*scene.quarter_hour(now_ns), huge], logs)
    return huge.hex_id


def swept(server: Server) -> None:
    """Wait until what was kept too long is gone: the first sweep of a store that was made at once takes minutes."""

    def sweeps() -> dict[str, float]:
        with server.client() as client:
            told = client.get("/metrics").text
        return {name: float(value) for name, value in re.findall(RETENTION, told)}

    until(lambda: (now := sweeps())["turns_total"] >= 2 and now["seconds"] < SHORT_S, SWEPT_WITHIN_S, called="a sweep")


def calm(process: psutil.Process) -> None:
    """Wait until the server has nothing left to do but to tick; not for ever."""
    for _ in range(CALM_WITHIN_S):
        if process.cpu_percent(1.0) < 10:
            return
    print(f"the server was still busy after {CALM_WITHIN_S} s: figures are too high", flush=True)


def main() -> None:
    chosen = sys.argv[1:] or ["cold", "switch", "scroll", "live"]
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (directory / "data").mkdir(mode=0o700)
        if made := os.environ.get("BENCH_STORE"):
            shutil.copy(made, directory / "data" / "spanledger.duckdb")
        else:
            year_of(directory / "data", int(os.environ.get("BENCH_LINES", "10000000")), time.time_ns()).close()
        server = Server(directory).start()
        stack.callback(server.stop)
        huge = fill(server)
        swept(server)
        browser = stack.enter_context(chromium(stack.enter_context(sync_playwright())))
        calm(psutil.Process(server.pid))
        parts: dict[str, Callable[[], None]] = {
            "cold": lambda: cold(browser, server),
            "switch": lambda: switch(browser, server),
            "scroll": lambda: scroll(browser, server, huge),
            "live": lambda: live(browser, server),
        }
        for part in chosen:
            parts[part]()


if __name__ == "__main__":
    main()
