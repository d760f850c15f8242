"""Objectives to begin with, for services that process audio and for those that call models.

Given a kind and a service, gives OpenSLO documents to read, change and import.

Never: an objective that somebody did not ask for.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Final

from spanledger_server.errors import Invalid

KINDS: Final = ("audio", "llm")
_SERVICE: Final = "SERVICE"


def text(kind: str, service: str) -> str:
    """The documents of a kind, for a service.

    Raises:
        Invalid: The service has no name that a part of an objective's can be made of.
    """
    label = re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-")[:40]
    if not label or len(service) > 200:
        raise Invalid("service", service, "a name with letters or digits")
    found = files("spanledger_server.slos").joinpath("defaults", f"{kind}.yaml").read_text(encoding="utf-8")
    return found.replace(f'"{_SERVICE}"', json.dumps(service)).replace(f"{_SERVICE}-", f"{label}-")
