"""`spanledger channels` as a user runs it, against a real server."""

from __future__ import annotations

import json
from pathlib import Path

from spanledger_server.cli.channels import TYPES
from tests.backend.cli.test_commands import refused, run, said
from tests.support.inside import Inside
from tests.support.providers import Reply, WebhookReceiver


def test_a_channel_is_set_up_tried_switched_and_deleted(shared_server: Inside, tmp_path: Path):
    server = shared_server
    assert "no channels" in said(server, "channels")
    for kind in TYPES:
        assert "allow_private" in said(server, "channels", "fields", kind)
    secret = tmp_path / "secret"
    secret.write_text("s1gn1ng-s3cr3t\n")
    with WebhookReceiver("s1gn1ng-s3cr3t") as receiver:
        options = ("--type", "webhook", "--set", f"url={receiver.url}", "--set", f"secret=@{secret}")
        added = said(server, "channels", "add", "hook", *options, "--allow-private")
        assert "hook: webhook, id " in added
        assert "HTTP 200" in said(server, "channels", "test", "hook")
        assert not receiver.mistakes
        receiver.answers.append(Reply(500))
        tried = run(server, "channels", "test", "hook")
        assert (tried.returncode, tried.stdout.strip()) == (3, "Not delivered: HTTP 500")
        listed = said(server, "channels", "list")
        assert "failing" in listed
        assert f"{receiver.origin}/…" in listed
    assert "hook is disabled" in said(server, "channels", "disable", "hook")
    assert "hook is enabled" in said(server, "channels", "enable", "hook")
    (item,) = json.loads(said(server, "channels", "list", "--json"))["items"]
    assert (item["version"], item["secret"], item["enabled"]) == (3, "set", True)
    assert "hook is deleted" in said(server, "channels", "delete", "hook")


def test_what_is_wrong_with_a_channel_is_said_and_no_secret_is_shown(shared_server: Inside):
    wrong = run(
        shared_server, "channels", "add", "x", "--type", "slack", "--set", "token=s3cr3t", "--set", "channel=<x>"
    )
    refused(wrong, 2, "token", "xoxb-", "channel")
    assert "s3cr3t" not in wrong.stderr
    refused(run(shared_server, "channels", "test", "nobody"), 1, "there is no channel 'nobody'")
    refused(run(shared_server, "channels", "add", "x", "--type", "email", "--set", "to"), 2, "KEY=VALUE")
    refused(run(shared_server, "channels", "add", "x", "--type", "email", "--set", "ca=@/none"), 2, "cannot be read")
