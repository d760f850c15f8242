"""What all commands share: which server is asked, --watch, completion, colours, and what is said when it goes wrong."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import click
import pytest

from spanledger.version import __version__
from spanledger_server.cli import profiles
from spanledger_server.cli.main import main
from spanledger_server.cli.watching import BEGIN, CLEAR_LINE, END, fitted, watch
from spanledger_server.errors import SpanledgerError
from tests.backend.cli.test_commands import refused, run, said, variables
from tests.support.inside import Inside
from tests.support.ports import kept_port
from tests.support.server import environment
from tests.support.telemetry import ledger_event, ledger_request

UNUSED = "http://127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The variables of a user who has a configuration directory of their own."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def kept(home: dict[str, str]) -> Path:
    return Path(home["XDG_CONFIG_HOME"]) / "spanledger" / "profiles.toml"


def test_a_profile_names_a_server_and_its_token(shared_server: Inside, home: dict[str, str]):
    assert "no profiles" in run(None, "profile", "list", **home).stdout
    added = run(None, "profile", "add", "prod", "--url", shared_server.url, "--token", shared_server.token, **home)
    assert added.returncode == 0, added.stderr
    assert stat.S_IMODE(kept(home).stat().st_mode) == 0o600
    assert run(None, "--profile", "prod", "status", **home).returncode == 0
    assert run(None, "status", **home).returncode == 0  # the first one is in use
    assert run(None, "status", SPANLEDGER_PROFILE="prod", **home).returncode == 0
    listed = run(None, "profile", "list", **home).stdout
    assert re.search(rf"\* +prod +{re.escape(shared_server.url)} +kept here", listed)
    assert shared_server.token not in listed + run(None, "profile", "list", "--json", **home).stdout


def test_profiles_are_added_used_and_removed(home: dict[str, str]):
    for name in ("a", "b"):
        assert run(None, "profile", "add", name, "--url", f"http://{name}.example", **home).returncode == 0

    def in_use() -> list[str]:
        items = json.loads(run(None, "profile", "list", "--json", **home).stdout)["items"]
        return [item["name"] for item in items if item["in_use"]]

    assert in_use() == ["a"]
    assert run(None, "profile", "use", "b", **home).returncode == 0
    assert in_use() == ["b"]
    assert run(None, "profile", "remove", "b", **home).returncode == 0
    assert in_use() == []
    refused(run(None, "profile", "use", "b", **home), 2, "there is no profile 'b'", "there are a")
    refused(run(None, "--profile", "b", "status", **home), 2, "there is no profile 'b'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("../x", "--url", UNUSED), ("no name for a profile",)),
        (("x", "--url", "nonsense"), ("is not an address",)),
        (("x", "--url", UNUSED, "--token", "a", "--token-env", "B"), ("one of them",)),
        (("x", "--url", "https://a.example", "--ca-file", "/nonexistent"), ("--ca-file", "no certificates")),
    ],
)
def test_a_profile_that_makes_no_sense_is_not_kept(home: dict[str, str], arguments: tuple[str, ...], words):
    refused(run(None, "profile", "add", *arguments, **home), 2, *words)
    assert not kept(home).exists()


def test_a_token_that_others_can_read_is_not_used(shared_server: Inside, home: dict[str, str], tmp_path: Path):
    token = tmp_path / "token"
    token.write_text(shared_server.token + "\n")
    token.chmod(0o644)
    run(None, "profile", "add", "prod", "--url", shared_server.url, "--token-file", str(token), **home)
    refused(run(None, "status", **home), 2, "others can read it", f"chmod 600 {token}")
    token.chmod(0o600)
    assert run(None, "status", **home).returncode == 0
    run(None, "profile", "add", "prod", "--url", shared_server.url, "--token", shared_server.token, **home)
    kept(home).chmod(0o640)
    refused(run(None, "status", **home), 2, "others can read it", f"chmod 600 {kept(home)}")


def test_a_profile_can_take_its_token_from_a_variable(shared_server: Inside, home: dict[str, str]):
    run(None, "profile", "add", "prod", "--url", shared_server.url, "--token-env", "MY_TOKEN", **home)
    assert run(None, "status", MY_TOKEN=shared_server.token, **home).returncode == 0
    refused(run(None, "status", **home), 2, "MY_TOKEN, which is not set")


def test_a_flag_comes_before_a_profile_and_the_profile_that_is_named_before_the_environment(
    shared_server: Inside, home: dict[str, str]
):
    run(None, "profile", "add", "away", "--url", f"http://127.0.0.1:{kept_port()}", "--token", "sl_away", **home)
    assert run(shared_server, "status", **home).returncode == 0
    refused(run(shared_server, "--profile", "away", "status", **home), 1, "no server answers")
    at = ("--url", shared_server.url)
    refused(run(None, "--profile", "away", "status", *at, **home), 2, "give one of them")
    asked = run(None, "status", *at, SPANLEDGER_PROFILE="away", **home)
    refused(asked, 1, "asks for a token")  # the profile's token went nowhere else


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = [", "is not TOML"),
        ("[profiles.a]\nurk = 'x'", "has no url"),
        ("[profiles.a]\nurl = 'http://a'\nport = 1", "is not one of"),
        ("profiles = 3", "is no table"),
    ],
)
def test_a_file_of_profiles_that_is_not_one_is_told(home: dict[str, str], text: str, word: str):
    kept(home).parent.mkdir(parents=True)
    kept(home).write_text(text)
    refused(run(None, "status", **home), 2, word, str(kept(home)))


def test_any_text_survives_being_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    odd = profiles.Profile("http://x/\"\\'\x7f\x01ü\u2028", token_file="/a b/c#d")
    profiles.write(profiles.Profiles({"a": odd, "b": profiles.Profile("http://b")}, "b"))
    assert profiles.read() == profiles.Profiles({"a": odd, "b": profiles.Profile("http://b")}, "b")


def test_each_shell_gets_a_completion_that_knows_the_commands():
    for shell in ("bash", "zsh", "fish"):
        told = said(None, "completion", shell)
        assert "_SPANLEDGER_COMPLETE" in told
    asked = {"_SPANLEDGER_COMPLETE": "bash_complete", "COMP_WORDS": "spanledger to", "COMP_CWORD": "1"}
    program = "from spanledger_server.cli.main import main; main(prog_name='spanledger')"
    done = subprocess.run([sys.executable, "-c", program], env=environment(**asked), capture_output=True, check=False)
    assert "plain,token" in done.stdout.decode().split()
    assert run(None, "completion", "tcsh").returncode == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_itself_completes_commands_options_choices_and_profiles(home: dict[str, str], tmp_path: Path):
    run(None, "profile", "add", "prod", "--url", UNUSED, **home)
    program = "from spanledger_server.cli.main import main; main(prog_name='spanledger')"
    (tmp_path / "spanledger").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{program}" "$@"\n')
    (tmp_path / "spanledger").chmod(0o755)
    script = """
        eval "$(spanledger completion bash)"
        compopt() { :; }  # only bash's own line editor may ask for it
        for line in "costs --per" "costs --period " "--profile p" "slo si" "alerts ac" "profile use "; do
            COMP_WORDS=(spanledger $line); [[ $line == *" " ]] && COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
            _spanledger_completion spanledger
            echo "${COMPREPLY[*]}"
        done
    """
    env = environment(**variables(None, home)) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["--period", "today week month year", "prod", "simulate", "ack", "prod"], (
        done.stderr
    )


def watching(server: Inside, *arguments: str, **more: str) -> tuple[subprocess.Popen[bytes], int]:
    """A command that watches in a terminal of its own, and that terminal's other end."""
    leading, following = pty.openpty()
    env = environment(**variables(server, {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color", **more}))
    command = [sys.executable, "-m", "spanledger_server", *arguments]
    child = subprocess.Popen(command, env=env, stdout=following, stderr=following, stdin=following)
    os.close(following)
    return child, leading


def read_until(leading: int, word: bytes, times: int) -> bytes:
    told = b""
    while told.count(word) < times:
        told += os.read(leading, 65536)
    return told


def test_in_a_terminal_what_is_watched_is_drawn_in_place_until_it_is_interrupted(shared_server: Inside):
    child, leading = watching(shared_server, "status", "--watch", "0.2")
    with child:
        told = read_until(leading, END.encode(), 3).decode()
        child.send_signal(signal.SIGINT)
        try:
            while piece := os.read(leading, 65536):
                told += piece.decode()
        except OSError:
            pass  # how a terminal says that nobody writes any more
        os.close(leading)
        assert child.wait(30) == 0
    frames = told.split(BEGIN)
    assert len(frames) >= 4
    assert "\x1b[2J" not in told  # a cleared screen flickers
    assert "every 0.2 s" in frames[1]
    assert "\x1b[?1049l" in frames[-1]  # the screen that was there before is back
    assert "\x1b[?25h" in frames[-1]


def ended(child: subprocess.Popen[bytes], leading: int) -> bytes:
    """What it still says when it is asked to end, as it should."""
    told = b""
    child.send_signal(signal.SIGINT)
    with suppress(OSError):
        while piece := os.read(leading, 65536):
            told += piece
    assert child.wait(30) == 0
    os.close(leading)
    return told


def test_what_is_typed_while_watching_is_not_written_into_the_picture(shared_server: Inside):
    child, leading = watching(shared_server, "status", "--watch", "0.2")
    with child:
        told = read_until(leading, END.encode(), 2)
        os.write(leading, b"typed")
        told += read_until(leading, END.encode(), 2)
        told += ended(child, leading)
    assert b"typed" not in told


def test_a_terminal_in_which_nothing_can_be_drawn_gets_one_answer_after_another(shared_server: Inside):
    child, leading = watching(shared_server, "status", "--watch", "0.2", TERM="dumb")
    with child:
        told = read_until(leading, b"Z\r\n", 3)
        told += ended(child, leading)
    assert b"\x1b" not in told


def test_long_work_is_drawn_as_a_bar_in_a_terminal_and_leaves_only_what_it_came_to(shared_server: Inside):
    child, leading = watching(shared_server, "backup")
    with child:
        told = b""
        with suppress(OSError):
            while piece := os.read(leading, 65536):
                told += piece
        os.close(leading)
        assert child.wait(30) == 0, told
    assert "━" in told.decode()
    assert "read again, the same" in told.decode().splitlines()[-1]


def test_piped_each_answer_follows_the_one_before_and_json_is_one_line_each(shared_server: Inside):
    env = environment(**variables(shared_server, {}))
    for more, count in (((), 0), (("--json",), 3)):
        command = [sys.executable, "-m", "spanledger_server", "status", "--watch", "0.2", *more]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(3)]
            child.send_signal(signal.SIGINT)
            child.stdout.close()
            assert child.wait(30) in (0, 1)  # 1: it was writing into the pipe that was closed
        assert not any("\x1b" in line for line in lines)
        assert sum(bool(json.loads(line)["sentence"]) for line in lines if line[0] == "{") == count
        assert count or re.match(r"\d{4}-\d\d-\d\dT", lines[0])


def shown(what: Any, capsys: pytest.CaptureFixture[str], frames: int) -> str:
    """What is printed by so many frames of `what`."""
    left = iter([False] * (frames - 1) + [True])
    watch(what, 1.0, as_json=True, wait=lambda _: next(left))
    return capsys.readouterr().out


def test_an_interruption_that_is_lost_on_its_way_ends_it_all_the_same(capsys: pytest.CaptureFixture[str]):
    def lose() -> None:
        with suppress(KeyboardInterrupt):  # as in a finalizer
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    watch(lose, 0.01, as_json=True)
    assert signal.getsignal(signal.SIGINT) is before
    assert capsys.readouterr().out == ""


def test_a_server_that_is_away_for_a_moment_is_asked_again(capsys: pytest.CaptureFixture[str]):
    turns = iter(range(3))

    def ask() -> None:
        if next(turns) == 1:
            raise SpanledgerError("no server answers")
        click.echo("here")

    assert shown(ask, capsys, 3) == "here\nspanledger: no server answers\nhere\n"


def test_a_check_that_fails_ends_the_watching_with_its_code(capsys: pytest.CaptureFixture[str]):
    def fails() -> None:
        click.echo("bad")
        raise SystemExit(3)

    with pytest.raises(SystemExit) as ended:
        shown(fails, capsys, 3)
    assert ended.value.code == 3
    assert capsys.readouterr().out == "bad\n"


def test_a_question_that_makes_no_sense_is_not_asked_again(shared_server: Inside):
    refused(run(shared_server, "costs", "--tz", "Mars/Olympus", "--watch", "1"), 2, "tz")
    assert run(shared_server, "status", "--watch", "0").returncode == 2
    assert run(shared_server, "token", "create", "x", "--role", "viewer", "--watch", "1").returncode == 2


def test_a_frame_is_never_taller_than_its_terminal():
    drawn = fitted("\n".join(f"row {number}" for number in range(50)), "heading", 10)
    lines = drawn.removeprefix(BEGIN).removesuffix(END).split(f"{CLEAR_LINE}\n")
    assert lines[:3] == ["heading", "", "row 0"]
    assert len(lines) - 1 == 9
    assert "44 more lines" in lines[-2]
    assert fitted("one", "heading", 1).count("\n") == 1


@pytest.mark.parametrize(("arguments", "more"), [(("--no-color",), {}), ((), {"NO_COLOR": "1"}), ((), {})])
def test_colours_are_for_terminals_and_for_those_who_want_them(server: Inside, arguments, more):
    server.send("logs", ledger_request(ledger_event(cost="1")))
    child, leading = watching(server, *arguments, "status", **more)
    with child:
        told = b""
        try:
            while piece := os.read(leading, 65536):
                told += piece
        except OSError:
            pass
        os.close(leading)
    coloured = any(f"\x1b[{colour}m".encode() in told for colour in range(30, 48))
    assert coloured is not bool(arguments or more)


class _InFront(BaseHTTPRequestHandler):
    """What a proxy answers, by path."""

    def do_GET(self) -> None:
        kind = self.server.kind  # type: ignore[attr-defined]
        status, headers, body = kind
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(kind: tuple[int, dict[str, str], bytes], tls: tuple[Path, Path] | None = None) -> Iterator[int]:
    """A server that always gives the same answer; its port."""
    with HTTPServer(("127.0.0.1", 0), _InFront) as server:
        server.kind = kind  # type: ignore[attr-defined]
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}
OLDER = {"Content-Type": "application/problem+json", "spanledger-version": "0.0.9"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ((502, HTML, b"<html>Bad Gateway"), ("502 with a page", "proxy in front", "is the server behind it up")),
        ((403, HTML, b"<html>Log in"), ("403 with a page", "sign-in of its own")),
        ((302, {"Location": "https://login.example/"}, b""), ("sends to https://login.example/",)),
        ((404, OLDER, b'{"detail":"Not Found"}'), ("version 0.0.9", __version__, "install the same")),
        ((200, {**JSON, "spanledger-version": "0.0.9"}, b"{}"), ("answered without", "version 0.0.9")),
        ((404, JSON, b"{}"), ("is it a spanledger server?",)),
    ],
)
def test_whatever_answers_instead_of_the_server_is_told_for_what_it_is(kind, words: tuple[str, ...]):
    with answering(kind) as port:
        refused(run(None, "status", "--url", f"http://127.0.0.1:{port}"), 1, *words)


def test_tls_that_does_not_work_is_told_with_what_to_do(tmp_path: Path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with answering((404, JSON, b"{}"), (certificate, key)) as port:
        at = f"https://127.0.0.1:{port}"
        refused(run(None, "status", "--url", at), 1, "is not trusted here", "--ca-file", "SSL_CERT_FILE")
        plain = run(None, "status", "--url", f"http://127.0.0.1:{port}")
        assert plain.returncode == 1
        home = {"XDG_CONFIG_HOME": str(tmp_path)}
        run(None, "profile", "add", "x", "--url", at, "--ca-file", str(certificate), **home)
        refused(run(None, "status", **home), 1, "is it a spanledger server?")
        refused(run(None, "status", "--url", at, SSL_CERT_FILE=str(certificate)), 1, "is it a spanledger server?")
        refused(run(None, "status", "--url", at, SSL_CERT_FILE="/nonexistent"), 2, "SSL_CERT_FILE", "no certificates")
    with answering((404, JSON, b"{}")) as port:
        refused(run(None, "status", "--url", f"https://127.0.0.1:{port}"), 1, "does not speak TLS", "http://")


def test_a_role_that_is_too_small_says_how_to_give_another(shared_server: Inside):
    viewer = shared_server.token_for("viewer")
    refused(run(shared_server, "token", "list", "--token", viewer), 1, "403", "viewer", "SPANLEDGER_TOKEN")


def test_every_command_is_known_to_the_completion():
    assert {"serve", "costs", "profile", "completion", "token"} <= set(main.commands)


def test_a_token_is_limited_rotated_and_signs_a_browser_in(server: Inside):
    made = run(server, "token", "create", "mine", "--role", "viewer", "--service", "shop", "--tenant", "acme")
    assert made.returncode == 0, made.stderr
    listed = json.loads(said(server, "token", "list", "--json"))["items"]
    token_id = next(each["id"] for each in listed if each["name"] == "mine")
    assert "shop, acme" in said(server, "token", "list")
    new = said(server, "token", "rotate", token_id, "--grace", "1h").strip()
    assert new.startswith("sl_")
    assert "#token=slo_" in said(server, "token", "link", "--token", new)
    refused(run(server, "token", "rotate", token_id, "--grace", "soon"), 2, "grace", "24h")
    told = said(server, "audit", "--action", "token")
    assert "token.rotated" in told
    assert "expires_ns — → " in told
    assert said(server, "audit", "--subject", "nobody") == "nothing was changed\n"
