"""The settings of `spanledger serve`: one table that is its flags, its variables and the keys of its file.

Given a mapping of flags, the environment and perhaps a TOML file, gives one frozen `Settings`; flag beats environment
beats file beats default. All mistakes are told at once, each with the name under which the value was given, the
value, and what is allowed.

Never: a setting that has a flag but no environment variable, or a mistake that is told only after the one before it
was mended.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from spanledger_server import timegrid
from spanledger_server.errors import Invalid, SpanledgerError

ENVIRONMENT_PREFIX = "SPANLEDGER_"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECRETS = ("admin_token", "heartbeat_url")

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SECRET = re.compile(r"sl_[A-Za-z0-9_-]{16,}")


class SettingsError(SpanledgerError):
    """One or more settings cannot be used; the text has a line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _NotUsableError(ValueError):
    """What a reader of one value raises: what would have been allowed."""


def duration(text: str) -> timedelta:
    """A length of time such as ``10s``, ``24h`` or ``7d``.

    Raises:
        ValueError: When it is not one, or not above zero; the text says what is allowed.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip().lower(), re.ASCII)
    if match is None or match[2] not in _SECONDS or float(match[1]) <= 0:
        raise _NotUsableError("a duration above zero such as 500ms, 10s, 15m, 24h, 7d")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


def size(text: str) -> int:
    """A number of bytes such as ``64MiB``, ``2GB`` or ``1048576``.

    Raises:
        ValueError: When it is not one, or not above zero; the text says what is allowed.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if match is None or match[2] not in _BYTES or int(float(match[1]) * _BYTES[match[2]]) <= 0:
        raise _NotUsableError("a size above zero such as 1048576, 64MiB, 2GB")
    return int(float(match[1]) * _BYTES[match[2]])


def _spans_per_s(text: str) -> float:
    match = re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", text.strip(), re.ASCII)
    if match is None or float(match[0]) <= 0:
        raise _NotUsableError("spans a second above zero such as 0.5, 100")
    return float(match[0])


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text.strip()) or int(text) > 65535:
        raise _NotUsableError("a port from 0 to 65535")
    return int(text)


def _text(text: str) -> str:
    if not text.strip():
        raise _NotUsableError("a text that is not empty")
    return text.strip()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in text.split(",") if word.strip())


def _directory(text: str) -> Path | None:
    return None if text.strip() == ":memory:" else Path(_text(text)).expanduser()


def _path(text: str) -> Path:
    return Path(_text(text)).expanduser()


def _file(text: str) -> Path:
    file = _path(text)
    if not file.is_file():
        raise _NotUsableError("a file that exists")
    return file


def _price_files(text: str) -> tuple[Path, ...]:
    files = tuple(Path(part.strip()).expanduser() for part in text.split(",") if part.strip())
    for file in files:
        if not file.is_file():
            raise _NotUsableError(f"files that exist ({file} does not)")
    return files


def _zone(text: str) -> str:
    try:
        return timegrid.zone(text.strip()).key
    except Invalid as error:
        raise _NotUsableError(error.allowed) from error


def _web_address(text: str) -> str:
    try:
        parsed = urlsplit(text.strip())
        host, _ = parsed.hostname, parsed.port
    except ValueError:
        parsed, host = urlsplit(""), None
    if parsed.scheme not in ("http", "https") or not host or not text.strip().isprintable() or " " in text.strip():
        raise _NotUsableError("an address that begins with https:// or http://")
    return text.strip()


def _pages_address(text: str) -> str:
    address = _web_address(text)
    parsed = urlsplit(address)
    if parsed.username is not None or parsed.query or parsed.fragment:
        raise _NotUsableError("an address that begins with https:// or http://, without user, question and fragment")
    return address


def _secret(text: str) -> str:
    if not _SECRET.fullmatch(text.strip()):
        raise _NotUsableError("sl_ and at least 16 letters, digits, _ or -")
    return text.strip()


def _row(default: str | None, read: Callable[[str], Any], meaning: str) -> dict[str, Any]:
    """One row of the table: its default as a user would type it, the reader of its value, and what it is for."""
    return {"default": default, "read": read, "meaning": meaning}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server is told before it starts.

    `data_dir` None means in memory; a receiver's port 0 means off, but `port` 0 means any free one.
    """

    host: str = field(
        metadata=_row("127.0.0.1", _text, "address to listen on; beyond loopback everything needs a token")
    )
    port: int = field(
        metadata=_row(
            "8321", _port, "API, dashboard and live channel, and OTLP/HTTP under /v1 as well; 0 = any free port"
        )
    )
    otlp_grpc_port: int = field(metadata=_row("4317", _port, "OTLP over gRPC; 0 = off"))
    otlp_http_port: int = field(metadata=_row("4318", _port, "OTLP over HTTP; 0 = off"))
    data_dir: Path | None = field(
        metadata=_row("~/.local/share/spanledger", _directory, "holds spanledger.duckdb; :memory: keeps nothing")
    )
    tls_cert: Path | None = field(
        metadata=_row(None, _file, "certificate (PEM) for HTTPS and OTLP over gRPC; read again when it changes")
    )
    tls_key: Path | None = field(metadata=_row(None, _file, "its key"))
    tls_client_ca: Path | None = field(
        metadata=_row(None, _file, "authorities (PEM): whoever connects must show a certificate of theirs")
    )
    admin_token: str | None = field(
        metadata=_row(None, _secret, "the admin token; made and shown once when there is none")
    )
    allowed_host: tuple[str, ...] = field(
        metadata=_row("", _words, "further names in the Host header, comma between; .example.org takes subdomains")
    )
    external_url: str | None = field(
        metadata=_row(
            None, _pages_address, "where people reach the pages, for links in messages; none: made of --host and --port"
        )
    )
    environment: str = field(metadata=_row("local", _text, "name of this installation, shown on the pages"))
    jaeger_url: str | None = field(
        metadata=_row(None, _pages_address, "where people reach a Jaeger with the same traces, for a link on each")
    )
    max_request_bytes: int = field(metadata=_row("64MiB", size, "largest request, before and after decompression"))
    max_waiting_bytes: int = field(
        metadata=_row(
            "256MiB",
            size,
            "most bytes being decoded or waiting for a commit; above it senders are told when to come back",
        )
    )
    retention_raw: timedelta = field(metadata=_row("7d", duration, "how long spans, logs and metric points are kept"))
    retention_minutes: timedelta = field(metadata=_row("30d", duration, "how long minute rollups are kept"))
    retention_hours: timedelta = field(
        metadata=_row("90d", duration, "how long hour rollups are kept; those of costs as long as days")
    )
    retention_days: timedelta = field(metadata=_row("365d", duration, "how long day rollups and the ledger are kept"))
    max_disk: int | None = field(
        metadata=_row(None, size, "size of the file above which the oldest raw data goes first; never the ledger")
    )
    backup_dir: Path | None = field(
        metadata=_row(None, _path, "the one directory that backups are written to; none: backups in --data-dir")
    )
    heartbeat_url: str | None = field(
        metadata=_row(
            None,
            _web_address,
            "told every --heartbeat-every that all is well, and at its /fail why not; none: nobody is",
        )
    )
    heartbeat_every: timedelta = field(metadata=_row("60s", duration, "how often --heartbeat-url is told"))
    late_limit: timedelta = field(metadata=_row("24h", duration, "records older than this are refused"))
    sampling_budget: float | None = field(
        metadata=_row(
            None,
            _spans_per_s,
            "spans a second that senders who ask keep together; none: all. PUT /api/v1/sampling comes before it",
        )
    )
    alert_resolve_timeout: timedelta = field(
        metadata=_row("5m", duration, "how long a received alert fires whose sender does not say until when")
    )
    tick: timedelta = field(metadata=_row("10s", duration, "how often rollups are brought up to date"))
    query_timeout: timedelta = field(metadata=_row("10s", duration, "how long a query of SQL may run"))
    query_memory: int = field(
        metadata=_row("512MiB", size, "memory that a query of SQL may take, beside what is kept of the store anyway")
    )
    timezone: str = field(metadata=_row("UTC", _zone, "where a day begins when a question names no zone"))
    price_files: tuple[Path, ...] = field(
        metadata=_row("", _price_files, "your own rates: YAML files, comma between; they come before the packaged ones")
    )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK or self.host.startswith("127.")

    def pages(self, port: int) -> str:
        """Where people reach the pages, without a slash at the end; `port` is the one that was taken."""
        if self.external_url is not None:
            return self.external_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"{'https' if self.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def file(self) -> Path | None:
        """The database file; None when everything is kept in memory."""
        return None if self.data_dir is None else self.data_dir / "spanledger.duckdb"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table as people see it."""

    name: str
    flag: str
    variable: str
    default: str | None
    meaning: str


def table() -> list[Row]:
    """All settings, in order: what the flags, the help and the documentation are made from."""
    return [
        Row(
            f.name,
            "--" + f.name.replace("_", "-"),
            ENVIRONMENT_PREFIX + f.name.upper(),
            f.metadata["default"],
            f.metadata["meaning"],
        )
        for f in fields(Settings)
    ]


def load(flags: Mapping[str, str | None], environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """The settings from all four places.

    Args:
        flags: Setting name -> text as typed; None where the flag was not given.
        environment: Usually ``os.environ``; an empty value counts as not given.
        file: A TOML file whose keys are the settings' names.

    Raises:
        SettingsError: With a line for each value that cannot be used and each key that is not known.
    """
    mistakes: list[str] = []
    from_file = _from_file(file, mistakes)
    values: dict[str, Any] = {}
    for row, spec in zip(table(), fields(Settings), strict=True):
        given = _given(row, flags, environment, from_file)
        if given is None:
            default = spec.metadata["default"]
            values[row.name] = None if default is None else spec.metadata["read"](default)
            continue
        where, text = given
        try:
            values[row.name] = spec.metadata["read"](text)
        except _NotUsableError as error:
            shown = "(hidden)" if row.name in SECRETS else repr(text)
            mistakes.append(f"{where}: {shown} is not allowed: {error}")
    if mistakes:
        raise SettingsError(mistakes)
    settings = Settings(**values)
    mistakes.extend(_together(settings))
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _given(
    row: Row, flags: Mapping[str, str | None], environment: Mapping[str, str], file: Mapping[str, str]
) -> tuple[str, str] | None:
    """Where the value comes from, as its user would name it, and its text."""
    flag = flags.get(row.name)
    if flag is not None:
        return row.flag, flag
    if environment.get(row.variable):
        return row.variable, environment[row.variable]
    if row.name in file:
        return f"{row.name} in the configuration file", file[row.name]
    return None


def _from_file(path: Path | None, mistakes: list[str]) -> dict[str, str]:
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        mistakes.append(f"--config: {path} cannot be read: {error.strerror}")
        return {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        mistakes.append(f"--config: {path} is not TOML: {error}")
        return {}
    names = {row.name for row in table()}
    values: dict[str, str] = {}
    for key, value in content.items():
        name = key.replace("-", "_")
        if name not in names:
            mistakes.append(f"{key} in {path}: there is no such setting; `spanledger serve --help` lists them")
        else:
            values[name] = ",".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return values


def _together(settings: Settings) -> list[str]:
    """What is wrong only in combination."""
    mistakes = []
    if settings.late_limit >= settings.retention_raw:
        mistakes.append(
            "--late-limit must be shorter than --retention-raw: what is accepted must not be deleted at once"
        )
    levels = (settings.retention_raw, settings.retention_minutes, settings.retention_hours, settings.retention_days)
    if sorted(levels) != list(levels):
        mistakes.append("--retention-raw, -minutes, -hours and -days must not get shorter from one to the next")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        mistakes.append("--tls-cert and --tls-key are needed together")
    if settings.tls_client_ca is not None and settings.tls_cert is None:
        mistakes.append("--tls-client-ca needs --tls-cert and --tls-key")
    taken: dict[int, str] = {}
    for flag, port in (
        ("--port", settings.port),
        ("--otlp-grpc-port", settings.otlp_grpc_port),
        ("--otlp-http-port", settings.otlp_http_port),
    ):
        if port and port in taken:
            mistakes.append(f"{flag}: {port} is not allowed: {taken[port]} has it already")
        taken[port] = flag
    return mistakes
