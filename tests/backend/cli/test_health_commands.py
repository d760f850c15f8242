"""Health checks in a terminal: made, run, shown, and an exit code for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.cli.test_commands import run, said
from tests.backend.health.scripted import says, serving
from tests.support.inside import Inside


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    running = Inside(tmp_path_factory.mktemp("server"))
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_check_is_made_looked_at_shown_and_forgotten(server: Inside) -> None:
    with serving(says(b"HTTP/1.1 204 x\r\n\r\n")) as port:
        url = f"http://ada:s3cret@127.0.0.1:{port}/"
        made = said(server, "health", "add", "web", "http", url, "--down-after", "1", "--slow", "5000", "--run")
        assert made == "✓ web: answered 204\n"
    assert "✗ web: not reached: Connection refused" in said(server, "health", "run", "web")
    assert run(server, "health", "run", "web", "--check").returncode == 3
    shown = said(server, "health", "show", "web")
    assert f"http http://ada:***@127.0.0.1:{port}/" in shown
    assert "down: not reached" in shown
    assert "s3cret" not in shown
    listed = said(server, "health")
    assert "1 of 5 checks needs attention" in listed
    assert "This server" in listed
    assert run(server, "health", "--check").returncode == 3
    assert run(server, "health", "list").returncode == 0
    assert json.loads(said(server, "health", "--json"))["status"] == "down"
    assert said(server, "health", "delete", "web") == "web is forgotten\n"
    assert run(server, "health", "--check").returncode == 0


def test_options_are_told_as_json_or_text_and_mistakes_by_name(server: Inside) -> None:
    add = ("health", "add", "pages", "http", "http://127.0.0.1:1/")
    made = json.loads(said(server, *add, "--option", 'status=["200-399"]', "--option", "text=ready", "--json"))
    assert made["options"] == {"status": ["200-399"], "text": "ready"}
    wrong = run(server, "health", "add", "x", "gopher", "x:1")
    assert (wrong.returncode, "kind='gopher' is not allowed" in wrong.stderr) == (2, True)
    assert run(server, *add, "--option", "text").returncode == 2
    assert run(server, "health", "show", "nothing").returncode == 1
    assert "postgresql: PostgreSQL lets in and answers SELECT 1" in said(server, "health", "kinds")
    assert run(server, "health", "delete", "pages").returncode == 0


def test_a_target_is_read_from_the_input_so_that_nobody_sees_it(server: Inside, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from spanledger_server.cli.main import main

    variables = {"SPANLEDGER_URL": server.url, "SPANLEDGER_TOKEN": server.token, "XDG_CONFIG_HOME": str(tmp_path)}
    asked = ["health", "add", "cache", "redis", "-"]
    done = CliRunner().invoke(main, asked, input="redis://:s3cret@127.0.0.1:1\n", env=variables)
    assert done.exit_code == 0, done.output
    assert "Not checked yet" in done.output
    assert "redis://:***@127.0.0.1:1" in said(server, "health", "show", "cache")
    assert run(server, "health", "delete", "cache").returncode == 0
