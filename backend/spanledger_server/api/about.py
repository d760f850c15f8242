"""What runs here: version, licence, what it is built of, and how long it keeps what.

Given the settings, tells those that a reader of figures needs to know.

Never: a setting that is secret, or a path of this machine.
"""

from __future__ import annotations

import platform
import re
from datetime import timedelta
from functools import cache
from importlib import metadata
from typing import Any, Final

from fastapi import APIRouter, Response

from spanledger.version import __version__
from spanledger_server.api import answers
from spanledger_server.settings import Settings

DISTRIBUTION: Final = "spanledger"
OURS: Final = ("server", "instrument")  # the extras whose packages belong to a server
_REQUIRED: Final = re.compile(r"([A-Za-z0-9._-]+)[^;]*(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?")
_SHORT: Final = 60
EXAMPLE: Final[dict[str, Any]] = {
    "version": "1.0.0",
    "licence": "Apache-2.0",
    "environment": "production",
    "timezone": "Europe/Berlin",
    "python": "3.13.5",
    "system": "Linux x86_64",
    "retention": {"raw_days": 7, "minutes_days": 30, "hours_days": 90, "days_days": 365},
    "packages": [{"name": "duckdb", "version": "2.0.1", "licence": "MIT License"}],
}


def router(settings: Settings) -> APIRouter:
    """For everybody who may read."""
    routes = APIRouter(tags=["administration"])
    kept = {level: getattr(settings, f"retention_{level}") for level in ("raw", "minutes", "hours", "days")}

    @routes.get("/api/v1/about", responses={200: {"content": {"application/json": {"example": EXAMPLE}}}})
    def about() -> Response:
        """The version that runs, its packages with their licences, its time zone, and how long data is kept."""
        return answers.answer(
            {
                "version": __version__,
                "licence": "Apache-2.0",
                "environment": settings.environment,
                "timezone": settings.timezone,
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
                "retention": {f"{level}_days": length / timedelta(days=1) for level, length in kept.items()},
                "packages": packages(),
            }
        )

    return routes


@cache
def packages() -> list[dict[str, str | None]]:
    """The installed packages that the server needs, and those that they need, by name; none of a bare checkout."""
    found: dict[str, dict[str, str | None]] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [(DISTRIBUTION, OURS)]
    while waiting:
        name, extras = waiting.pop()
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed, or for another system
        known = package.metadata["Name"]
        if known in found:
            continue
        found[known] = {"name": known, "version": package.version, "licence": _licence(package.metadata)}
        for each in package.requires or ():
            match = _REQUIRED.match(each)
            if match and (match[2] is None or match[2] in extras):
                waiting.append((match[1], ()))
    found.pop(DISTRIBUTION, None)
    return sorted(found.values(), key=lambda each: str(each["name"]).lower())


def _licence(told: metadata.PackageMetadata) -> str | None:
    """As the package states it: an expression, a classifier, or a short text."""
    stated = told.json
    if "license_expression" in stated:
        return str(stated["license_expression"])
    classified = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier", []) if "License ::" in each]
    if classified:
        return ", ".join(classified)
    text = str(stated.get("license", ""))
    return text if text and len(text) <= _SHORT and "\n" not in text else None
