"""A real backend for the end-to-end tests: a process to be killed and started again on the same ports and file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from spanledger_examples.processes import Child
from tests.support.ports import kept_port


class Backend:
    """``spanledger serve`` on free ports; `start` after `kill` or `stop` brings it back."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self.otlp_port, self.grpc_port = (kept_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{self.port}"
        self.otlp_url = f"http://127.0.0.1:{self.otlp_port}"
        self.token = f"sl_{secrets.token_urlsafe(16)}"
        self._starts = 0
        self._children = ExitStack()
        self._client = httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.token}"}, timeout=30)

    def start(self, **settings: str) -> None:
        self._starts += 1
        arguments = ["spanledger_server", "serve", "--port", str(self.port), "--otlp-http-port", str(self.otlp_port)]
        arguments += ["--otlp-grpc-port", str(self.grpc_port), "--data-dir", str(self.directory)]
        environment = {"SPANLEDGER_ADMIN_TOKEN": self.token, **settings}
        self.child = Child("backend", arguments, environment, self.directory / f"backend-{self._starts}.log")
        self._children.callback(self.child.stop)
        self.child.wait_until_answers(f"{self.url}/readyz")

    def kill(self) -> None:
        self.child.kill()

    def stop(self) -> None:
        self.child.stop()

    def close(self) -> None:
        self._children.close()
        self._client.close()

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        answer = self._client.get(path, params=parameters)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        body: dict[str, Any] = json.loads(answer.text, parse_float=Decimal)
        return body

    def ledger(self) -> Iterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            page = self.get("/api/v1/ledger", **{"from": "now-7d", "limit": "1000", **cursor})
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def stored(self, signal: str) -> int:
        rows = self.get("/api/v1/loss")["services"]
        return sum(row["stored"] for row in rows if row["signal"] == signal)
