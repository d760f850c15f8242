"""The real server as a process of its own, on free ports and a directory of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import simplejson

from tests.support.ports import kept_port
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PATHS = (ROOT / "sdk", ROOT / "backend", ROOT / "examples", ROOT)
UP_WITHIN_S = 60.0
DOWN_WITHIN_S = 30.0


def environment(**more: str) -> dict[str, str]:
    """The variables a child program gets: none of ours from outside, and the source on its path, compiled once."""
    dropped = ("SPANLEDGER_", "OTEL_", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, PATHS)), "PYTHONUNBUFFERED": "1", **more}


@cache
def trusting() -> ssl.SSLContext:
    """The certificates that are trusted anywhere: reading them takes longer than most questions."""
    return httpx.create_ssl_context()


class Server:
    """`spanledger serve`, from `start` to `stop`."""

    def __init__(self, directory: Path, *flags: str, token: str | None = None, **variables: str) -> None:
        """Nothing runs yet.

        Args:
            directory: For the data, the log and the ready file.
            flags: Further flags of `serve`; they win over the ones given here.
            token: The admin token; made when None, and not given to the server at all when empty.
            variables: Further environment variables.
        """
        self.directory = directory
        self.token = f"sl_{secrets.token_urlsafe(24)}" if token is None else token
        self.data = directory / "data"
        self.grpc_port = kept_port()
        self.otlp_port = kept_port()
        self.url = ""
        self._port = "0"
        self._flags = flags
        self._variables = variables
        self.verify = trusting()  # whose certificate clients expect
        self.within: list[str] = []  # a command that runs the command behind it
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Server:
        """Returns when it is ready."""
        ready = self.directory / "ready.json"
        ready.unlink(missing_ok=True)
        self.launch("--ready-file", str(ready))
        try:
            until(lambda: ready.exists() or self.exited() is not None, UP_WITHIN_S, called="the server is ready")
        except AssertionError:
            self.stop()
            raise
        assert self.exited() is None, f"the server ended:\n{self.log()}"
        where = json.loads(ready.read_text())
        self.url = where["url"]
        self._port = str(where["port"])  # the same one when it is started again
        return self

    def launch(self, *more: str) -> None:
        """Start the process and wait for nothing."""
        ports = ["--port", self._port, "--otlp-http-port", str(self.otlp_port), "--otlp-grpc-port", str(self.grpc_port)]
        command = [sys.executable, "-m", "spanledger_server", "serve", *ports, "--data-dir", str(self.data)]
        given = {"SPANLEDGER_ADMIN_TOKEN": self.token} if self.token else {}
        with (self.directory / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [*self.within, *command, *self._flags, *more],
                env=environment(**given, **self._variables),
                cwd=self.directory,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def exited(self) -> int | None:
        """Its exit code, None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it said."""
        return (self.directory / "server.log").read_text()

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            return self._process.wait(DOWN_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def kill(self) -> None:
        """End it as a crash would."""
        self.stop(signal.SIGKILL)

    def client(self, token: str | None = None) -> httpx.Client:
        """A client with a token; the admin's when None, none at all when empty."""
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=self.verify)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that must be 200, its numbers exact."""
        with self.client() as client:
            answer = client.get(path, params={key.rstrip("_"): value for key, value in query.items()})
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return simplejson.loads(answer.text, use_decimal=True)

    def token_for(self, role: str) -> str:
        """A new token of a role."""
        with self.client() as client:
            answer = client.post("/api/v1/tokens", json={"name": f"a {role}", "role": role})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def send(self, signal_name: str, content: bytes) -> httpx.Response:
        """An OTLP request in protobuf to /v1/`signal_name`."""
        headers = {"Content-Type": "application/x-protobuf"}
        with self.client() as client:
            return client.post(f"/v1/{signal_name}", content=content, headers=headers)
