"""Every setting of the SDK: one table, read once, all mistakes reported together.

Given the arguments of `configure()` and the environment, gives a frozen `Settings` and a sentence for each mistake. An
argument wins over `SPANLEDGER_*`, which wins over `OTEL_*`, which wins over the default. Where OTLP goes, signal by
signal, is in `endpoints`.

Never: raises because a value is wrong; the default is used and the mistake is told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from spanledger import variables
from spanledger.setting_values import headers, level, names, number, one_of, pairs, pattern, truth, words


@dataclass(frozen=True, slots=True)
class Settings:
    """What the SDK was told, or its defaults; `TABLE` has the meaning of each."""

    enabled: bool = True
    service_name: str | None = None
    resource_attributes: Mapping[str, str] | None = None
    endpoint: str | None = None
    protocol: Literal["http/protobuf", "grpc"] | None = None
    headers: Mapping[str, str] | None = None
    token: str | None = None
    url: str | None = None
    compression: Literal["none", "gzip"] | None = None
    timeout_s: float | None = None
    certificate: str | None = None
    sample_ratio: float | None = None
    sampler: str | None = None
    traces_exporter: tuple[str, ...] = ("otlp",)
    metrics_exporter: tuple[str, ...] = ("otlp",)
    logs_exporter: tuple[str, ...] = ("otlp",)
    queue_size: int = 20_000
    batch_size: int = 512
    interval_s: float = 0.2
    metrics_interval_s: float = 10.0
    metrics: Literal["own", "instruments"] = "own"
    estimate_cost: bool = True
    max_backoff_s: float = 15.0
    spool_dir: str = "auto"
    spool_max_bytes: int = 64 * 1024 * 1024
    journal: bool = False
    journal_max_bytes: int = 8 * 1024 * 1024
    journal_sync_s: float = 0.0
    logs: bool = False
    logs_level: str = "INFO"
    logs_console: bool = False
    logs_file: str | None = None
    logs_file_max_bytes: int = 10_000_000
    logs_requests: bool = False
    logs_content: bool = False
    spans_content: bool = False
    ledger_content: bool = False
    redact: str | None = None
    redact_keys: tuple[str, ...] = ()
    redact_longest: int = 16_384
    audio_sample_ratio: float = 1.0
    audio_cpu_share: float = 0.1
    shutdown_timeout_s: float = 5.0
    handle_sigterm: bool = True
    identity_headers: Mapping[str, str] | None = None
    budget_fail: Literal["open", "closed"] = "open"


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table.

    Attributes:
        field: The name of the field of `Settings` and of the argument of `configure()`.
        env: The environment variable of ours.
        read: Text to value; raises ValueError with what is allowed.
        meaning: For the reader of the README.
        otel: OpenTelemetry's own variables that mean the same, first present wins.
    """

    field: str
    env: str
    read: Callable[[str], Any]
    meaning: str
    otel: tuple[str, ...] = ()

    @property
    def default(self) -> object:
        """The value where nothing is said."""
        return DEFAULTS[self.field]


TABLE: tuple[Setting, ...] = (
    Setting("enabled", "SPANLEDGER_ENABLED", truth, "`false`: every call of the SDK does nothing"),
    Setting(
        "service_name", "SPANLEDGER_SERVICE_NAME", words, "the service this process belongs to", ("OTEL_SERVICE_NAME",)
    ),
    Setting(
        "resource_attributes",
        "SPANLEDGER_RESOURCE_ATTRIBUTES",
        pairs,
        "`key=value,…` added to what `OTEL_RESOURCE_ATTRIBUTES` says",
    ),
    Setting(
        "endpoint",
        "SPANLEDGER_ENDPOINT",
        words,
        "where OTLP goes: `http://localhost:4318`, gRPC 4317 (also: `OTEL_EXPORTER_OTLP_[SIGNAL_]ENDPOINT`)",
    ),
    Setting(
        "protocol",
        "SPANLEDGER_PROTOCOL",
        one_of("http/protobuf", "grpc"),
        "`http/protobuf` or `grpc` (also: `OTEL_EXPORTER_OTLP_[SIGNAL_]PROTOCOL`)",
    ),
    Setting(
        "headers",
        "SPANLEDGER_HEADERS",
        pairs,
        "`key=value,…` sent with each request (also: `OTEL_EXPORTER_OTLP_[SIGNAL_]HEADERS`)",
    ),
    Setting("token", "SPANLEDGER_TOKEN", words, "sent as `Authorization: Bearer …`"),
    Setting(
        "url", "SPANLEDGER_URL", words, "the backend's API, for what asks it: `check_budget` and `ProductionMonitor`"
    ),
    Setting(
        "compression",
        "SPANLEDGER_COMPRESSION",
        one_of("none", "gzip"),
        "`none` or `gzip` (also: `OTEL_EXPORTER_OTLP_[SIGNAL_]COMPRESSION`)",
    ),
    Setting(
        "timeout_s",
        "SPANLEDGER_TIMEOUT_S",
        number(0.1, 300),
        "seconds a request may take (also: `OTEL_EXPORTER_OTLP_[SIGNAL_]TIMEOUT`, in seconds)",
    ),
    Setting(
        "certificate",
        "SPANLEDGER_CERTIFICATE",
        words,
        "file with the certificates to trust (also: `OTEL_EXPORTER_OTLP_[SIGNAL_]CERTIFICATE`)",
    ),
    Setting(
        "sample_ratio",
        "SPANLEDGER_SAMPLE_RATIO",
        number(0, 1),
        "share of traces whose spans are kept; the ledger is never sampled (else: `OTEL_TRACES_SAMPLER`)",
    ),
    Setting(
        "sampler",
        "SPANLEDGER_SAMPLER",
        words,
        "how to choose the traces that are kept, as `OTEL_TRACES_SAMPLER_ARG` says it: `rate=50`, `adaptive=100`, …",
    ),
    Setting(
        "traces_exporter",
        "SPANLEDGER_TRACES_EXPORTER",
        names,
        "`otlp`, `console`, `none`, or an installed exporter's name",
        ("OTEL_TRACES_EXPORTER",),
    ),
    Setting(
        "metrics_exporter", "SPANLEDGER_METRICS_EXPORTER", names, "the same for metrics", ("OTEL_METRICS_EXPORTER",)
    ),
    Setting(
        "logs_exporter",
        "SPANLEDGER_LOGS_EXPORTER",
        names,
        "the same for logs; the ledger is not meant by it",
        ("OTEL_LOGS_EXPORTER",),
    ),
    Setting(
        "queue_size",
        "SPANLEDGER_QUEUE_SIZE",
        number(1, 10_000_000, whole=True),
        "how many spans, logs and ledger entries may wait, each; more are dropped and counted",
    ),
    Setting("batch_size", "SPANLEDGER_BATCH_SIZE", number(1, 10_000, whole=True), "how many go into one request"),
    Setting(
        "interval_s",
        "SPANLEDGER_INTERVAL_S",
        number(0.01, 60),
        "seconds between two looks at the queues; what a killed process may lose",
    ),
    Setting(
        "metrics_interval_s",
        "SPANLEDGER_METRICS_INTERVAL_S",
        number(0.1, 3600),
        "seconds between two readings of the metrics",
    ),
    Setting(
        "metrics",
        "SPANLEDGER_METRICS",
        one_of("own", "instruments"),
        "`own`: GenAI metrics are added up by the SDK (cheap); `instruments`: by OpenTelemetry's instruments",
    ),
    Setting(
        "estimate_cost", "SPANLEDGER_ESTIMATE_COST", truth, "add the estimated cost for viewers that price nothing"
    ),
    Setting(
        "max_backoff_s",
        "SPANLEDGER_MAX_BACKOFF_S",
        number(0.1, 600),
        "longest pause between two tries while the backend is away",
    ),
    Setting(
        "spool_dir",
        "SPANLEDGER_SPOOL_DIR",
        words,
        "where undelivered ledger entries go; empty: nowhere; `auto`: the user's state directory",
    ),
    Setting(
        "spool_max_bytes", "SPANLEDGER_SPOOL_MAX_BYTES", number(0, 1 << 40, whole=True), "bytes that may lie there"
    ),
    Setting(
        "journal",
        "SPANLEDGER_JOURNAL",
        truth,
        "`true`: each ledger entry is on disk there before the call returns, for 3 µs; a killed process loses none",
    ),
    Setting(
        "journal_max_bytes",
        "SPANLEDGER_JOURNAL_MAX_BYTES",
        number(1 << 16, 1 << 30, whole=True),
        "bytes of entries that may wait so, in each process",
    ),
    Setting(
        "journal_sync_s",
        "SPANLEDGER_JOURNAL_SYNC_S",
        number(0, 3600),
        "seconds between two syncs of the journal to the disk, for power cuts; 0: never",
    ),
    Setting("logs", "SPANLEDGER_LOGS", truth, "`true`: records of standard `logging` are exported too"),
    Setting("logs_level", "SPANLEDGER_LOGS_LEVEL", level, "the lowest level that is exported or written"),
    Setting("logs_console", "SPANLEDGER_LOGS_CONSOLE", truth, "`true`: lines with trace ids to standard error"),
    Setting("logs_file", "SPANLEDGER_LOGS_FILE", words, "a file for lines with trace ids; one process writes to it"),
    Setting(
        "logs_file_max_bytes",
        "SPANLEDGER_LOGS_FILE_MAX_BYTES",
        number(1, 1 << 40, whole=True),
        "bytes after which that file is begun anew; five old ones are kept",
    ),
    Setting("logs_requests", "SPANLEDGER_LOGS_REQUESTS", truth, "`true`: a line at a request's begin and end"),
    Setting("logs_content", "SPANLEDGER_LOGS_CONTENT", truth, "`true`: keep extras named `prompt`, `messages`, …"),
    Setting(
        "spans_content",
        "SPANLEDGER_SPANS_CONTENT",
        truth,
        "`true`: keep prompts and answers that other instrumentations put onto spans",
    ),
    Setting(
        "ledger_content",
        "SPANLEDGER_LEDGER_CONTENT",
        truth,
        "`true`: keep metadata of costs named `prompt`, `messages`, `output`, …",
    ),
    Setting(
        "redact",
        "SPANLEDGER_REDACT",
        pattern,
        "a regular expression; what it finds is taken out of spans, logs and ledger attributes",
    ),
    Setting("redact_keys", "SPANLEDGER_REDACT_KEYS", names, "names, with commas, whose values are taken out of them"),
    Setting(
        "redact_longest",
        "SPANLEDGER_REDACT_LONGEST",
        number(64, 1 << 20, whole=True),
        "characters of a text there that are kept",
    ),
    Setting(
        "audio_sample_ratio",
        "SPANLEDGER_AUDIO_SAMPLE_RATIO",
        number(0, 1),
        "share of traces whose audio is measured (loudness, clipping, …); what it is and how fast is always told",
    ),
    Setting(
        "audio_cpu_share",
        "SPANLEDGER_AUDIO_CPU_SHARE",
        number(0, 1),
        "share of one core that measuring audio may take in the long run",
    ),
    Setting(
        "shutdown_timeout_s",
        "SPANLEDGER_SHUTDOWN_TIMEOUT_S",
        number(0, 300),
        "seconds the end of the program may wait for delivery",
    ),
    Setting(
        "handle_sigterm",
        "SPANLEDGER_HANDLE_SIGTERM",
        truth,
        "deliver what is queued when SIGTERM ends the process and nobody else handles it",
    ),
    Setting(
        "identity_headers",
        "SPANLEDGER_IDENTITY_HEADERS",
        headers,
        "`user_id=X-User-ID,…`: headers of requests to believe, behind a proxy that sets them",
    ),
    Setting(
        "budget_fail",
        "SPANLEDGER_BUDGET_FAIL",
        one_of("open", "closed"),
        "what `check_budget` says when nobody can: `open` allows the call, `closed` refuses it",
    ),
)
DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(Settings)}


def load(
    arguments: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Settings, list[str]]:
    """The settings that hold, and a sentence for every mistake (whose place the default took).

    Args:
        arguments: Fields of `Settings` that were given in code; None means "not given".
        environ: The environment; the process's own where None.
    """
    environ = os.environ if environ is None else environ
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    known = {setting.field: setting for setting in TABLE}
    for setting in TABLE:
        for name in (setting.env, *setting.otel):
            text = environ.get(name, "").strip()
            if text or (name in environ and setting.field == "spool_dir"):
                _keep(values, setting, name, text, mistakes)
                break
    for name, value in (arguments or {}).items():
        if name not in known:
            mistakes.append(f"{name} is not a setting; the settings are {', '.join(sorted(known))}")
        elif value is not None:
            _keep_argument(values, known[name], value, mistakes)
    mistakes += variables.unknown(environ, [setting.env for setting in TABLE])
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        values["enabled"] = False
    return Settings(**values), mistakes


def _keep(values: dict[str, Any], setting: Setting, said_in: str, text: str, mistakes: list[str]) -> None:
    try:
        values[setting.field] = setting.read(text)
    except ValueError as allowed:
        shown = "(hidden)" if setting.field in ("headers", "token") else repr(text)
        mistakes.append(f"{said_in}={shown} is not {allowed}; {setting.default!r} is used")


def _keep_argument(values: dict[str, Any], setting: Setting, value: object, mistakes: list[str]) -> None:
    """Arguments of the right type are taken as they are said, and checked by the same rule as text."""
    if isinstance(value, Mapping):
        values[setting.field] = {str(k): str(v) for k, v in value.items()}
    elif isinstance(value, (list, tuple)):
        values[setting.field] = tuple(str(item) for item in value)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        _keep(values, setting, setting.field, text, mistakes)
