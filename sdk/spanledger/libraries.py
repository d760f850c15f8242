"""Turns on the instrumentations that are installed, each once, whatever the state of its versions.

Given the names of entry points that OpenTelemetry's instrumentations register, loads and starts them: FastAPI, openai
and anthropic by our own, HTTP clients without baggage to providers, all others as they are. A library that the program
has not imported yet is instrumented when it does. What stays off stays off with a reason.

Never: an exception because of a package that is missing, too old or broken; a library instrumented twice; or prompts
and answers on spans, unless somebody has asked OpenTelemetry for them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points, version
from types import MappingProxyType
from typing import Any

from opentelemetry.instrumentation.dependencies import DependencyConflictError, get_dist_dependency_conflicts
from packaging.requirements import Requirement

from spanledger import awaiting
from spanledger.guard import guard, say_once
from spanledger.instrumentation import ON, WAITING, keep_clients_from_sending_baggage, states, use_stable_names
from spanledger.outgoing import keep_baggage_in, keep_baggage_in_async

GROUP = "opentelemetry_instrumentor"
DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
SUPPORTED = {  # name of the entry point: (library, package that instruments it)
    "asyncpg": ("asyncpg", "opentelemetry-instrumentation-asyncpg"),
    "botocore": ("botocore", "opentelemetry-instrumentation-botocore"),
    "celery": ("celery", "opentelemetry-instrumentation-celery"),
    "fastapi": ("fastapi", "opentelemetry-instrumentation-fastapi"),
    "google-genai": ("google-genai", "opentelemetry-instrumentation-google-genai"),
    "httpx": ("httpx", "opentelemetry-instrumentation-httpx"),
    "httpx2": ("httpx2", "opentelemetry-instrumentation-httpx"),
    "redis": ("redis", "opentelemetry-instrumentation-redis"),
    "requests": ("requests", "opentelemetry-instrumentation-requests"),
    "sqlalchemy": ("sqlalchemy", "opentelemetry-instrumentation-sqlalchemy"),
    "system_metrics": ("psutil", "opentelemetry-instrumentation-system-metrics"),
}
NOT_INSTALLED = "the library is not installed"
FAILED = "it failed, see the log"
_LIGHT = ("httpx", "httpx2")
_HTTPX = {"request_hook": keep_baggage_in, "async_request_hook": keep_baggage_in_async}
_OPTIONS: dict[str, dict[str, Any]] = {
    "httpx": _HTTPX,
    "httpx2": _HTTPX,
    "requests": {"request_hook": keep_baggage_in},
}


@dataclass(frozen=True, slots=True)
class Instrumented:
    """What is instrumented and what is not.

    Attributes:
        on: Names of the instrumentations that are on, also of those whose library the program has not imported yet.
        left_out: Names of those that are not, and why.
    """

    on: tuple[str, ...]
    left_out: Mapping[str, str]


def turn_on_all(include: Iterable[str] | None, exclude: Iterable[str]) -> Instrumented:
    """Turn on what is installed and wanted.

    Args:
        include: The only names that are wanted; all where None.
        exclude: Names that are not wanted.
    """
    use_stable_names()
    keep_clients_from_sending_baggage()
    found = _by_name()
    wanted, unwanted = (None if include is None else _names(include)), _names(exclude)
    off = _names(os.environ.get(DISABLED, "").split(","))
    reasons: dict[str, str] = {}
    for name in sorted({*found, *SUPPORTED, *(wanted or ())}):
        if name in unwanted or (wanted is not None and name not in wanted):
            reasons[name] = "not asked for"
        elif name in off or "*" in off:
            reasons[name] = f"switched off by {DISABLED}"
        else:
            reasons[name] = turn_on(found[name]) if name in found else _without_instrumentation(name)
    on = tuple(name for name, reason in reasons.items() if not reason)
    return Instrumented(on, MappingProxyType({name: reason for name, reason in reasons.items() if reason}))


def turn_on(entry_point: EntryPoint) -> str:
    """Turn one instrumentation on, unless it is on; gives the reason why it stays off, or nothing."""
    name = entry_point.name
    reason = FAILED
    with guard(f"instrument {name}"):
        reason = _turn_on(entry_point)
    if reason and reason != NOT_INSTALLED:
        states[name] = reason
    if reason != NOT_INSTALLED and (disagreement := _disagreement(entry_point)):
        if not reason:
            say_once(f"disagreement {name}", logging.WARNING, "spanledger instruments %s, but %s", name, disagreement)
            return reason
        reason = f"{reason}; {disagreement}"
    if reason not in ("", NOT_INSTALLED, FAILED):
        say_once(f"not instrumented {name}", logging.WARNING, "spanledger does not instrument %s: %s", name, reason)
    return reason


def _turn_on(entry_point: EntryPoint) -> str:
    preferred = _by_name().get(entry_point.name, entry_point)
    if preferred.value != entry_point.value:
        return "" if _is_ours(preferred) else f"{preferred.value} instruments it"
    if preferred.name == "anthropic":  # its client would make a second span for each call
        os.environ.setdefault("ANTHROPIC_OPEN_TELEMETRY", "false")
    try:
        conflict = get_dist_dependency_conflicts(entry_point.dist) if entry_point.dist is not None else None
        if conflict is not None:
            return _told(conflict)
        if awaiting.is_to_come(entry_point.name, entry_point.module):
            states[entry_point.name] = WAITING
            awaiting.when_imported(entry_point.name, entry_point.module, partial(_turn_on_late, entry_point))
        else:
            _start(entry_point)
    except DependencyConflictError as error:
        return _told(error.conflict)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("opentelemetry"):
            return NOT_INSTALLED
        return f"{entry_point.value} cannot be imported: {error}"
    return ""


def _turn_on_late(entry_point: EntryPoint) -> None:
    """What `turn_on` does, when a program imports the library after all."""
    states[entry_point.name] = FAILED
    with guard(f"instrument {entry_point.name}"):
        _start(entry_point)


def _start(entry_point: EntryPoint) -> None:
    instrumentor = _instrumentor(entry_point)
    if not instrumentor.is_instrumented_by_opentelemetry:
        if entry_point.name in _LIGHT:
            from spanledger.client_request import make_light

            make_light(instrumentor)
        instrumentor.instrument(skip_dep_check=True, **_OPTIONS.get(entry_point.name, {}))
    if entry_point.name == "celery":
        from spanledger.celery import watch_celery

        watch_celery()
    states[entry_point.name] = ON


def _instrumentor(entry_point: EntryPoint) -> Any:
    if entry_point.name == "fastapi":
        from spanledger.fastapi import SpanledgerFastAPIInstrumentor

        return SpanledgerFastAPIInstrumentor()
    if entry_point.name == "system_metrics":
        from spanledger.system import system_instrumentor

        return system_instrumentor()
    return entry_point.load()()


def _told(conflict: Any) -> str:
    """A conflict in a few words; that a library is not there at all is none."""
    if not conflict.found and not conflict.found_any:
        return NOT_INSTALLED
    required = [conflict.required] if conflict.required else conflict.required_any
    wanted = " or ".join(str(each).split(";")[0] for each in required or ())
    there = conflict.found or ", ".join(str(each) for each in conflict.found_any or ())
    return f"it needs {wanted}, and {there} is installed"


def _disagreement(entry_point: EntryPoint) -> str:
    """What it wants of OpenTelemetry's other packages and does not have: they are betas that pin each other exactly."""
    ours = entry_point.dist
    for text in (ours.requires or ()) if ours is not None else ():
        wanted = Requirement(text)
        if ours is None or wanted.marker is not None or not wanted.name.startswith("opentelemetry-"):
            continue
        there = version(wanted.name) if _is_installed(wanted.name) else "none"
        if there == "none" or not wanted.specifier.contains(there, prereleases=True):
            named = f"{ours.name} {ours.version} needs {wanted}, and {there} is installed"
            return f"{named}: install OpenTelemetry's packages with one pip command"
    return ""


def _by_name() -> dict[str, EntryPoint]:
    """One instrumentation for each library; of several, ours, or that of OpenTelemetry's GenAI family, or the first."""
    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points(group=GROUP):
        there = found.get(entry_point.name)
        if there is None or _is_ours(entry_point) or (".genai." in entry_point.value and not _is_ours(there)):
            found[entry_point.name] = entry_point
    return found


def _is_ours(entry_point: EntryPoint) -> bool:
    return entry_point.value.startswith("spanledger.")


def _without_instrumentation(name: str) -> str:
    if name not in SUPPORTED:
        return "no instrumentation of this name is installed"
    library, package = SUPPORTED[name]
    return f"pip install {package}" if _is_installed(library) else NOT_INSTALLED


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip() for name in ([given] if isinstance(given, str) else given) if name.strip())
