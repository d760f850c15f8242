"""A real Prometheus, on the configuration of docker-compose.yml with a test's own addresses."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from spanledger_examples import prometheus
from spanledger_examples.collector import CONFIGURATION
from spanledger_examples.go_program import GoProgram, NotBuiltError
from tests.support.ports import kept_port

INSTALLED = "installed"  # Debian's package, 2.42
OURS = "of docker-compose.yml"  # what `make interop` builds
QUICK = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}


def each_prometheus() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("which", [INSTALLED, OURS])


def program(which: str, wanted: GoProgram = prometheus.SERVER) -> str:
    """The binary of this Prometheus; the test is skipped, with the reason, where it is not."""
    if which == INSTALLED:
        installed = shutil.which(wanted.name)
        if installed is None:
            pytest.skip(f"no {wanted.name} here; Debian's package prometheus will do")
        return installed
    try:
        return str(wanted.found())
    except NotBuiltError as reason:
        pytest.skip(str(reason))


def configured(folder: Path, targets: dict[str, list[str]], backend: str, tokens: dict[str, str]) -> Path:
    """Its configuration, quicker.

    Args:
        folder: Where it goes, with what it names.
        targets: By job, ``host:port``; a job that is not named is left out.
        backend: Where alerts go.
        tokens: By the name of the file in which it looks for them.
    """
    text = (CONFIGURATION / "prometheus/prometheus.yaml").read_text(encoding="utf-8")
    configuration: dict[str, Any] = yaml.safe_load(text)
    configuration["global"] = QUICK
    jobs = [job for job in configuration["scrape_configs"] if job["job_name"] in targets]
    configuration["scrape_configs"] = jobs
    for job in jobs:
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    (receiver,) = configuration["alerting"]["alertmanagers"]
    receiver["static_configs"] = [{"targets": [backend]}]
    for each in (*jobs, receiver):
        if "authorization" in each:
            file = folder / Path(each["authorization"]["credentials_file"]).name
            file.write_text(tokens[file.name])
            each["authorization"]["credentials_file"] = str(file)
    shutil.copy(CONFIGURATION / "prometheus/rules.yaml", folder)
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration))
    return file


@contextmanager
def running(binary: str, folder: Path, file: Path, *options: str) -> Iterator[httpx.Client]:
    """The Prometheus; gives a client of its API."""
    address = f"127.0.0.1:{kept_port()}"
    told = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    more = ["--enable-feature=exemplar-storage", "--rules.alert.resend-delay=1s", *options]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([binary, *told, *more], stdout=log, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False, timeout=20) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)


def series(client: httpx.Client, expression: str) -> list[dict[str, Any]]:
    """What the expression comes to now; nothing while nobody answers.

    Raises:
        AssertionError: It is not PromQL.
    """
    try:
        answer = client.get("/query", params={"query": expression})
    except httpx.HTTPError:
        return []
    if answer.status_code == 503:
        return []
    assert answer.status_code == 200, f"{expression}: {answer.text}"
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def value(client: httpx.Client, expression: str, **labels: str) -> float | None:
    """What it comes to for these labels; None while there is nothing."""
    found = series(client, expression)
    return next((float(row["value"][1]) for row in found if labels.items() <= row["metric"].items()), None)
