"""A real Alertmanager between a channel that pushes and a webhook of its own: what goes in, comes out, and ends."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from spanledger_server.notify.message import Delivered
from tests.backend.notify.channels.made import channel, event, message
from tests.support.ports import kept_port
from tests.support.providers import AlertmanagerWebhook
from tests.support.waiting import until

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
AMTOOL = shutil.which("amtool")

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Alertmanager")


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def told() -> Iterator[AlertmanagerWebhook]:
    with AlertmanagerWebhook() as receiver:
        yield receiver


@pytest.fixture
def alertmanager(tmp_path: Path, told: AlertmanagerWebhook) -> Iterator[str]:
    webhook = {"name": "ours", "webhook_configs": [{"url": told.url, "send_resolved": True}]}
    waits = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    config = {"route": {"receiver": "ours", "group_by": ["alertname"], **waits}, "receivers": [webhook]}
    (tmp_path / "alertmanager.yml").write_text(json.dumps(config))
    url = f"http://127.0.0.1:{kept_port()}"
    command = [
        str(BINARY),
        f"--config.file={tmp_path / 'alertmanager.yml'}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as running,
    ):
        try:
            until(lambda: answers(url), 60, called="the Alertmanager answers")
            yield url
        finally:
            running.terminate()
            running.wait(10)


def sent(url: str) -> Any:
    return httpx.get(f"{url}/api/v2/alerts", trust_env=False).json()


def test_an_alert_goes_through_a_real_one_and_its_webhooks_are_like_ours(alertmanager: str, told: AlertmanagerWebhook):
    push = channel("alertmanager", url=alertmanager)
    fired = event(severity="warning", labels={"service": "checkout", "gen_ai.model": "gpt-5 <x> ü"})
    assert isinstance(push.send(message(fired)), Delivered)
    (stored,) = sent(alertmanager)
    assert stored["labels"]["gen_ai_model"] == "gpt-5 <x> ü"
    assert stored["status"]["state"] in ("active", "unprocessed")
    theirs = until(lambda: list(told.taken), called="its webhook")[0]
    with AlertmanagerWebhook() as receiver:
        channel("webhook", url=receiver.url, format="alertmanager").send(message(fired))
    (ours,) = receiver.taken
    assert set(ours) == set(theirs)
    for name in ("version", "status", "commonLabels", "commonAnnotations", "groupLabels", "truncatedAlerts"):
        assert ours[name] == theirs[name], name
    for name in ("status", "labels", "annotations", "generatorURL"):
        assert ours["alerts"][0][name] == theirs["alerts"][0][name], name
    for name in ("startsAt", "endsAt"):  # theirs end without noughts
        at, same = (datetime.fromisoformat(each["alerts"][0][name]) for each in (ours, theirs))
        assert at == same, name
    worse = replace(fired, kind="worse", severity="critical")
    assert isinstance(push.send(message(worse)), Delivered)
    assert [each["labels"]["severity"] for each in sent(alertmanager)] == ["critical"]
    ended = event(kind="resolved", labels=fired.labels, alert_id=fired.alert_id, started_ns=fired.started_ns)
    assert isinstance(push.send(message(ended, status="resolved")), Delivered)
    until(lambda: any(each["status"] == "resolved" for each in told.taken), called="its webhook again")
    assert not told.mistakes
    assert until(lambda: not sent(alertmanager), called="nothing fires")


@pytest.mark.skipif(AMTOOL is None, reason="no amtool")
def test_a_test_message_is_taken_and_over_at_once(alertmanager: str):
    outcome = channel("alertmanager", url=alertmanager).send(message(alerts=(), status="test", title="it works"))
    assert isinstance(outcome, Delivered)
    listed = subprocess.run(
        [str(AMTOOL), "alert", "query", f"--alertmanager.url={alertmanager}", "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout) == []
