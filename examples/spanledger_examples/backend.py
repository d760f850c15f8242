"""The backend as the demo asks it: over HTTP, with exact money.

Never: reads the database file. What the API doesn't say, the demo doesn't know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx


class Backend:
    """A client for the few questions of the demo."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self._client = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=60)

    @property
    def sign_in_link(self) -> str:
        """The address that opens the dashboard signed in; the token stands behind the #, which no browser sends."""
        return f"{self.url}/#token={self.token}"

    def costs(self, period: str) -> dict[str, Any] | None:
        """The cost statistics of a period to date, or None while the backend is away."""
        try:
            return self._get("/admin/statistics/costs", period=period, group_by="model")
        except httpx.HTTPError:
            return None

    def ledger(self) -> Iterator[dict[str, Any]]:
        """Every line of the ledger."""
        cursor: str | None = None
        while True:
            page = self._get(
                "/api/v1/ledger", limit="1000", **({"cursor": cursor} if cursor else {}), **{"from": "now-7d"}
            )
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def spans(self) -> int:
        """How many spans of the bookshop are stored."""
        return int(self.loss("spans").get("stored", 0))

    def loss(self, signal: str) -> dict[str, Any]:
        """What became of all that the bookshop sent of a signal; empty while nothing is known of it."""
        rows = self._get("/api/v1/loss")["services"]
        found = (row for row in rows if (row["signal"], row["service"]) == (signal, "bookshop"))
        return next(found, {})

    def sampling(self) -> dict[str, Any] | None:
        """What the bookshop's kept requests stand for, or None while nothing is known of them."""
        services = self._get("/api/v1/sampling", service="bookshop")["services"]
        return {name: services[0][name] for name in ("kept", "requests")} if services else None

    def failed_traces(self) -> Iterator[dict[str, Any]]:
        """The bookshop's failed requests, those whose spans are stored and those that only the ledger knows."""
        cursor: dict[str, str] = {}
        while True:
            asked = {"f": "status:error", "limit": "1000", "from": "now-7d", "totals": "false"}
            page = self._get("/api/v1/traces", **asked, **cursor)
            yield from (trace for trace in page["items"] if trace["service"] == "bookshop")
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        body: dict[str, Any] = json.loads(answer.text, parse_float=Decimal)
        return body
