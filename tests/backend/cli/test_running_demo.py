"""The demo is found by its own user's command line while it runs, and by nobody else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spanledger_examples import beside
from spanledger_server.auth.left import Left, leave_for_the_command_line
from spanledger_server.cli import profiles, running_demo
from spanledger_server.cli.client import connected
from tests.support.inside import Inside

URL = "http://127.0.0.1:18321"


@pytest.fixture(autouse=True)
def _own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SPANLEDGER_DATA_DIR", str(tmp_path / "data"))
    for name in ("SPANLEDGER_URL", "SPANLEDGER_TOKEN", "SPANLEDGER_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def _sent(url: str | None) -> tuple[str, str | None]:
    """The address that is asked, and the token that goes there."""
    client = connected(url, None)
    return client.url, client._http.headers.get("Authorization")


def test_a_demo_is_found_while_it_runs_by_its_owner_only_and_not_after():
    assert running_demo.found() is None
    with running_demo.told(URL, "sl_demo") as told:
        assert told
        assert stat.S_IMODE(running_demo.path().stat().st_mode) == 0o600
        assert running_demo.found() == Left(URL, "sl_demo")
        assert _sent(None) == (URL, "Bearer sl_demo")
        assert _sent("http://127.0.0.1:1") == ("http://127.0.0.1:1", None)
    assert not running_demo.path().exists()
    assert running_demo.found() is None


def test_what_others_can_read_is_not_used():
    with running_demo.told(URL, "sl_demo"):
        running_demo.path().chmod(0o640)
        assert running_demo.found() is None


@pytest.mark.parametrize(
    "text", ["", "one", "sl_demo\n" + URL, f"sl_demo {URL} many words", f"sl_demo {URL} x", "\xff"]
)
def test_what_is_not_as_a_demo_writes_it_is_not_used(text: str):
    running_demo.path().parent.mkdir(parents=True)
    running_demo.path().write_bytes(text.encode("latin-1"))
    running_demo.path().chmod(0o600)
    assert running_demo.found() is None


def test_a_demo_that_was_killed_is_not_asked():
    script = f"import os; from spanledger_server.cli.running_demo import told; t = told({URL!r}, 'x'); t.__enter__()"
    script += "; os._exit(9)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert running_demo.path().exists()
    assert running_demo.found() is None
    with running_demo.told(URL, "sl_next"):
        assert running_demo.found() == Left(URL, "sl_next")


def test_a_demo_that_ends_leaves_what_a_later_one_told():
    later = f"sl_later\n{URL}\n{os.getppid()}\n"
    with running_demo.told(URL, "sl_demo"):
        running_demo.path().write_text(later)
    assert running_demo.path().read_text() == later


def test_a_server_of_ones_own_comes_first_but_not_at_the_address_of_the_demo(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    leave_for_the_command_line(data, "sl_own", "http://127.0.0.1:28321")
    with running_demo.told(URL, "sl_demo"):
        assert _sent(None) == ("http://127.0.0.1:28321", "Bearer sl_own")
        assert _sent(URL) == (URL, "Bearer sl_demo")
    leave_for_the_command_line(data, "sl_own", URL)
    with running_demo.told(URL, "sl_demo"):
        assert _sent(None) == (URL, "Bearer sl_demo")
    assert _sent(None) == (URL, "Bearer sl_own")


def test_a_demo_starts_where_nothing_can_be_written(tmp_path: Path):
    (tmp_path / "config").write_text("a file in the way")
    with running_demo.told(URL, "sl_demo") as told:
        assert not told
    with beside.beside(URL, "sl_demo", "status") as typed:
        assert "sl_demo" not in typed
        assert f"--url {URL} --token" in typed


def test_what_to_type_names_the_address_where_another_server_would_be_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with beside.beside(URL, "sl_demo", "status") as typed:
        assert typed.endswith("/spanledger status")
        profiles.write(profiles.Profiles({"prod": profiles.Profile("https://costs.example.org")}, "prod"))
        assert not beside._is_asked(URL)
    with beside.beside(URL, "sl_demo", "status") as typed:
        assert typed.endswith(f" --url {URL}")


def test_beside_a_demo_a_question_is_answered_without_address_or_token(tmp_path: Path):
    (tmp_path / "demo").mkdir()
    server = Inside(tmp_path / "demo").start()
    try:
        with running_demo.told(server.url, server.token):
            assert connected(None, None).get("/api/v1/status").data["sentence"]
    finally:
        server.stop()
