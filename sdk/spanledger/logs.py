"""Standard `logging` with the trace in every line, and exported as OTLP logs where that is asked for.

Given records of standard `logging`, gives OTLP log records with the ids of the span they were written in (`attach`),
and lines for the console and for a rotating file that carry the same ids (`console`, `rotating_file`).

Never: a logger of its own, or an endless loop: what the delivery worker itself logs while it sends is not exported.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import traceback
from pathlib import Path
from typing import Any

from opentelemetry import _logs, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from spanledger.context import current
from spanledger.guard import guard

LINE = "%(asctime)s %(levelname)-8s %(name)s [trace_id=%(trace_id)s span_id=%(span_id)s] %(message)s"
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "trace_id", "span_id"}
_guard = guard("logs")


class TelemetryHandler(logging.Handler):
    """Hands records to OpenTelemetry's LoggerProvider, with the span and the context they were written in."""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`."""
        with _guard:
            if not is_instrumentation_enabled():
                return
            _logs.get_logger_provider().get_logger(record.name).emit(
                timestamp=int(record.created * 1e9),
                observed_timestamp=int(record.created * 1e9),
                context=get_current(),
                severity_number=severity(record.levelno),
                severity_text=record.levelname,
                body=record.getMessage(),
                attributes=_attributes(record),
            )


class TraceFormatter(logging.Formatter):
    """A formatter whose lines may use `%(trace_id)s` and `%(span_id)s`; zeros outside of spans."""

    def __init__(self, line: str = LINE) -> None:
        super().__init__(line, defaults={"trace_id": NO_TRACE, "span_id": NO_SPAN})

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        span = trace.get_current_span().get_span_context()
        if span.is_valid and not hasattr(record, "trace_id"):
            record.trace_id, record.span_id = f"{span.trace_id:032x}", f"{span.span_id:016x}"
        return super().format(record)


def attach(level: int | str = logging.INFO) -> TelemetryHandler:
    """Export the records of the root logger from `level` on; a second call only changes the level.

    Args:
        level: A level of standard logging.
    """
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, TelemetryHandler):
            handler.setLevel(level)
            return handler
    handler = TelemetryHandler(level)
    root.addHandler(handler)
    return handler


def detach() -> None:
    """Export no more records."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, TelemetryHandler)]:
        root.removeHandler(handler)


def console(level: int | str = logging.INFO) -> logging.Handler:
    """Write lines with trace ids to standard error.

    Args:
        level: The lowest level that is written.
    """
    return _add(logging.StreamHandler(sys.stderr), level)


def rotating_file(
    path: str | Path, *, level: int | str = logging.INFO, max_bytes: int = 10_000_000, backups: int = 5
) -> logging.Handler:
    """Write lines with trace ids to a file, and begin a new one when it is full.

    Args:
        path: The file; its directory is made where there is none.
        level: The lowest level that is written.
        max_bytes: Bytes after which a new file is begun.
        backups: How many old files are kept.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
    return _add(file, level)


def _add(handler: logging.Handler, level: int | str) -> logging.Handler:
    handler.setLevel(level)
    handler.setFormatter(TraceFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    if root.getEffectiveLevel() > handler.level:
        root.setLevel(handler.level)
    return handler


def severity(level: int) -> SeverityNumber:
    """OpenTelemetry's number for a level of standard logging: each step of ten is a range of four."""
    if level < logging.DEBUG:
        return SeverityNumber.TRACE
    if level >= logging.CRITICAL:
        return SeverityNumber.FATAL
    step = {1: SeverityNumber.DEBUG, 2: SeverityNumber.INFO, 3: SeverityNumber.WARN, 4: SeverityNumber.ERROR}[
        level // 10
    ]
    return SeverityNumber(step.value + min(level % 10, 3))


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    """Where it was written, the exception, what was given as `extra`, and who and what for."""
    found: dict[str, Any] = {
        "code.file.path": record.pathname,
        "code.function.name": record.funcName,
        "code.line.number": record.lineno,
        **current(),
        **{key: value for key, value in vars(record).items() if key not in _STANDARD},
    }
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, trace_back = record.exc_info
        found["exception.type"] = kind.__name__
        found["exception.message"] = str(error)
        found["exception.stacktrace"] = "".join(traceback.format_exception(kind, error, trace_back))
    return found
