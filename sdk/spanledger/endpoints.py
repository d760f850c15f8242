"""Where OTLP goes, signal by signal, as OpenTelemetry's environment variables say it.

Given the settings and the environment, gives one `Target` for each signal. What was said to us (an argument or
`SPANLEDGER_*`) wins over `OTEL_EXPORTER_OTLP_<SIGNAL>_*`, which wins over `OTEL_EXPORTER_OTLP_*`.

Never: opens a connection, or shows a header's value.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import urlsplit

from spanledger.setting_values import FALSE, TRUE, number, one_of, pairs
from spanledger.settings import Settings

Signal = Literal["traces", "metrics", "logs"]
Protocol = Literal["http/protobuf", "grpc"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")
PORTS: dict[str, int] = {"grpc": 4317, "http/protobuf": 4318}
DEFAULT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver for one signal.

    Attributes:
        signal: What is sent there.
        protocol: How.
        address: HTTP: the whole URL. gRPC: `host:port`.
        secure: gRPC: with TLS.
        headers: Sent with each request, names in lower case.
        compression: What is done to the body.
        timeout_s: Seconds a request may take.
        certificate: File with the certificates to trust, or None for the system's.
        client_certificate: File with our own certificate, or None.
        client_key: File with its key, or None.
    """

    signal: Signal
    protocol: Protocol
    address: str
    secure: bool
    headers: Mapping[str, str] = field(repr=False)
    compression: Literal["none", "gzip"]
    timeout_s: float
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


def targets(settings: Settings, environ: Mapping[str, str] | None = None) -> tuple[dict[Signal, Target], list[str]]:
    """The target of each signal, and a sentence for every mistake in the environment."""
    environ = os.environ if environ is None else environ
    mistakes: list[str] = []
    return {signal: _target(signal, settings, environ, mistakes) for signal in SIGNALS}, mistakes


def _target(signal: Signal, settings: Settings, environ: Mapping[str, str], mistakes: list[str]) -> Target:
    protocol = cast("Protocol", settings.protocol or _protocol(signal, environ, mistakes) or "http/protobuf")
    address, secure = _address(signal, protocol, settings, environ, mistakes)
    headers = _headers(signal, environ, mistakes) | {k.lower(): v for k, v in (settings.headers or {}).items()}
    if settings.token:
        headers["authorization"] = f"Bearer {settings.token}"
    return Target(
        signal=signal,
        protocol=protocol,
        address=address,
        secure=secure,
        headers=headers,
        compression=settings.compression or _compression(signal, environ, mistakes),
        timeout_s=settings.timeout_s or _timeout(signal, environ, mistakes),
        certificate=settings.certificate or _said("CERTIFICATE", signal, environ)[1],
        client_certificate=_said("CLIENT_CERTIFICATE", signal, environ)[1],
        client_key=_said("CLIENT_KEY", signal, environ)[1],
    )


def _said(what: str, signal: Signal, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The variable that says `what` for this signal, and what it says."""
    for name in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}"):
        text = environ.get(name, "").strip()
        if text:
            return name, text
    return "", None


def _protocol(signal: Signal, environ: Mapping[str, str], mistakes: list[str]) -> str | None:
    name, text = _said("PROTOCOL", signal, environ)
    if text is None or text in PORTS:
        return text
    mistakes.append(f"{name}={text!r} is not one of http/protobuf, grpc; http/protobuf is used")
    return None


def _address(
    signal: Signal, protocol: Protocol, settings: Settings, environ: Mapping[str, str], mistakes: list[str]
) -> tuple[str, bool]:
    own_name, own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", ""
    if not settings.endpoint:
        own = environ.get(own_name, "").strip()
    said = settings.endpoint or own or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    default = f"http://localhost:{PORTS[protocol]}"
    url = said or default
    parts = urlsplit(url if "://" in url else f"//{url}")
    if not parts.hostname or parts.scheme not in ("", "http", "https"):
        mistakes.append(f"endpoint {url!r} is not http://host:port or https://host:port; {default} is used")
        url, own, parts = default, "", urlsplit(default)
    if protocol == "grpc":
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else PORTS["grpc"])
        return f"{host}:{port}", _secure(signal, parts.scheme, parts.hostname or "", environ)
    if not parts.scheme:
        url = f"http://{url}"
    return (url if own else f"{url.rstrip('/')}/v1/{signal}"), parts.scheme == "https"


def _secure(signal: Signal, scheme: str, host: str, environ: Mapping[str, str]) -> bool:
    """The scheme decides; without one OTEL_EXPORTER_OTLP_INSECURE; without that, only loopback goes without TLS."""
    if scheme:
        return scheme == "https"
    insecure = (_said("INSECURE", signal, environ)[1] or "").lower()
    if insecure in TRUE | FALSE:
        return insecure in FALSE
    return host not in ("localhost", "127.0.0.1", "::1")


def _headers(signal: Signal, environ: Mapping[str, str], mistakes: list[str]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for name in ("OTEL_EXPORTER_OTLP_HEADERS", f"OTEL_EXPORTER_OTLP_{signal.upper()}_HEADERS"):
        try:
            merged |= {key.lower(): value for key, value in pairs(environ.get(name, "")).items()}
        except ValueError as allowed:
            mistakes.append(f"{name} is not {allowed}; it is not used")
    return merged


def _compression(signal: Signal, environ: Mapping[str, str], mistakes: list[str]) -> Literal["none", "gzip"]:
    name, text = _said("COMPRESSION", signal, environ)
    if text is None:
        return "none"
    try:
        return cast("Literal['none', 'gzip']", one_of("none", "gzip")(text))
    except ValueError as allowed:
        mistakes.append(f"{name}={text!r} is not {allowed}; none is used")
        return "none"


def _timeout(signal: Signal, environ: Mapping[str, str], mistakes: list[str]) -> float:
    name, text = _said("TIMEOUT", signal, environ)
    if text is None:
        return DEFAULT_TIMEOUT_S
    try:
        return number(0.1, 300)(text)
    except ValueError as allowed:
        mistakes.append(f"{name}={text!r} is not {allowed}; {DEFAULT_TIMEOUT_S:g} is used")
        return DEFAULT_TIMEOUT_S
