"""``docs/configuration.md`` from the two settings tables; ``python -m tests.support.configuration`` writes it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from spanledger.settings import TABLE
from spanledger_server.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

HEAD = """\
# Configuration

Everything has a default; nothing needs to be set. This page is made from the tables in the source.

## The SDK

An argument of `spanledger.configure(…)` wins over `SPANLEDGER_…`, which wins over OpenTelemetry's own variable, which
wins over the default. A wrong value never stops the program: the default is used, and one warning names every mistake.

| argument | variable | default | meaning |
|---|---|---|---|
"""

BACKEND = """
## The backend

A flag of `spanledger serve` wins over the environment variable, which wins over a key of the file `--config`,
which wins over the default. Mistakes are told all at once and the server does not start.

| flag | variable | default | meaning |
|---|---|---|---|
"""

DEMO = """
## The demo

| variable | default | meaning |
|---|---|---|
| `DEMO_SECONDS` | | end by itself after so many seconds |
| `DEMO_CALLS` | | end after so many visits |
| `DEMO_SPEED` | 6 | how many times faster than it happened the traffic is replayed |
| `DEMO_BUDGET` | 25 | spans a second that are kept (`adaptive=25`, `--sampling-budget 25`) |
| `DEMO_REMOTE` | 0 | 1: the bookshop asks the backend how to divide that budget; it is held two minutes later |
| `DEMO_SAMPLE_RATIO` | | share of traces whose spans are kept, in the place of the budget and without bursts |
| `SPANLEDGER_DEMO_BOOKSHOP_PORT` | 8322 | where the bookshop listens |
| `SPANLEDGER_DEMO_PROVIDER_PORT` | 8323 | where the simulated provider listens |
"""


def _cell(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for setting in TABLE:
        variables = " ".join(f"`{name}`" for name in (setting.env, *setting.otel))
        lines.append(f"| `{setting.field}` | {variables} | {_cell(setting.default)} | {setting.meaning} |\n")
    lines.append(BACKEND)
    for field in fields(Settings):
        flag = "--" + field.name.replace("_", "-")
        default = _cell(field.metadata["default"])
        lines.append(f"| `{flag}` | `SPANLEDGER_{field.name.upper()}` | {default} | {field.metadata['meaning']} |\n")
    return "".join([*lines, DEMO])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
