"""Standard `logging` with the trace in every line, and exported as OTLP logs where that is asked for.

Given records of standard `logging`, gives OTLP log records with the ids of the span they were written in (`attach`),
and lines for the console and for a rotating file that carry the same ids (`console`, `rotating_file`); all of them
without keys, prompts and answers (`redaction`). `set_up` does what the settings say.

Never: a logger of its own, or an endless loop: what the delivery worker itself logs while it sends is not exported.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opentelemetry import _logs, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from spanledger.context import current
from spanledger.guard import guard
from spanledger.redaction import Redaction, rules_of
from spanledger.settings import Settings
from spanledger.withheld import count, said_by_providers, without

LINE = "%(asctime)s %(levelname)-8s %(name)s [trace_id=%(trace_id)s span_id=%(span_id)s] %(message)s"
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "trace_id", "span_id"}
BACKUPS = 5
REQUESTS = "spanledger.requests"
_guard = guard("logs")
_asked_for: list[logging.Handler] = []


class TelemetryHandler(logging.Handler):
    """Hands records to OpenTelemetry's LoggerProvider, with the span and the context they were written in."""

    redaction = Redaction()

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`."""
        with _guard:
            if not is_instrumentation_enabled():
                return
            clean, held = self.redaction, {} if self.redaction.content else withheld_of(record)
            found = {name: clean.value(name, value) for name, value in _attributes(record, held).items()}
            _logs.get_logger_provider().get_logger(record.name).emit(
                timestamp=int(record.created * 1e9),
                observed_timestamp=int(record.created * 1e9),
                context=get_current(),
                severity_number=severity(record.levelno),
                severity_text=record.levelname,
                body=clean.text(without(record.getMessage(), held)),
                attributes=found,
            )


class TraceFormatter(logging.Formatter):
    """A formatter whose lines may use `%(trace_id)s` and `%(span_id)s`; zeros outside of spans."""

    def __init__(self, line: str = LINE, redaction: Redaction | None = None) -> None:
        super().__init__(line, defaults={"trace_id": NO_TRACE, "span_id": NO_SPAN})
        self._redaction = redaction or Redaction()

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        span = trace.get_current_span().get_span_context()
        if span.is_valid and not hasattr(record, "trace_id"):
            record.trace_id, record.span_id = f"{span.trace_id:032x}", f"{span.span_id:016x}"
        held = {} if self._redaction.content else withheld_of(record)
        return self._redaction.text(without(super().format(record), held))


def set_up(held: Settings) -> list[str]:
    """Export and write what the settings ask for, in place of what an earlier call began; gives the mistakes."""
    redaction, mistakes = rules_of(held, content=held.logs_content), list[str]()
    while _asked_for:
        handler = _asked_for.pop()
        logging.getLogger().removeHandler(handler)
        handler.close()
    if held.logs_requests:  # also where the root logger takes warnings only
        logging.getLogger(REQUESTS).setLevel(logging.INFO)
    if held.logs:
        attach(held.logs_level, redaction)
    if held.logs_console:
        _asked_for.append(console(held.logs_level, redaction))
    if held.logs_file:
        try:
            file = rotating_file(
                held.logs_file, level=held.logs_level, max_bytes=held.logs_file_max_bytes, redaction=redaction
            )
            _asked_for.append(file)
        except OSError as error:
            mistakes.append(f"logs_file={held.logs_file!r} cannot be written: {error}")
    return mistakes


def attach(level: int | str = logging.INFO, redaction: Redaction | None = None) -> TelemetryHandler:
    """Export the records of the root logger from `level` on; a second call only changes the level and the rules.

    Args:
        level: A level of standard logging.
        redaction: What is taken out; keys, prompts and answers where None.
    """
    root = logging.getLogger()
    there = [handler for handler in root.handlers if isinstance(handler, TelemetryHandler)]
    handler = there[0] if there else TelemetryHandler()
    handler.setLevel(level)
    handler.redaction = redaction or Redaction()
    if not there:
        root.addHandler(handler)
    return handler


def detach() -> None:
    """Export no more records."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, TelemetryHandler)]:
        root.removeHandler(handler)


def console(level: int | str = logging.INFO, redaction: Redaction | None = None) -> logging.Handler:
    """Write lines with trace ids to standard error.

    Args:
        level: The lowest level that is written.
        redaction: What is taken out; keys, prompts and answers where None.
    """
    return _add(logging.StreamHandler(sys.stderr), level, redaction)


def rotating_file(
    path: str | Path,
    *,
    level: int | str = logging.INFO,
    max_bytes: int = 10_000_000,
    backups: int = BACKUPS,
    redaction: Redaction | None = None,
) -> logging.Handler:
    """Write lines with trace ids to a file, and begin a new one when it is full.

    Args:
        path: The file; its directory is made where there is none.
        level: The lowest level that is written.
        max_bytes: Bytes after which a new file is begun.
        backups: How many old files are kept.
        redaction: What is taken out; keys, prompts and answers where None.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
    return _add(file, level, redaction)


def _add(handler: logging.Handler, level: int | str, redaction: Redaction | None) -> logging.Handler:
    handler.setLevel(level)
    handler.setFormatter(TraceFormatter(redaction=redaction))
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


def withheld_of(record: logging.LogRecord) -> dict[str, str]:
    """What providers' exceptions say that a record is about, or that are written into its message."""
    told = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    errors = [each for each in (record.msg, *told) if isinstance(each, BaseException)]
    if record.exc_info and record.exc_info[1] is not None:
        errors.append(record.exc_info[1])
    held = said_by_providers(errors) if errors else {}
    if held:
        count("logs.exception", "what a provider's exception says", "SPANLEDGER_LOGS_CONTENT")
    return held


def _attributes(record: logging.LogRecord, held: dict[str, str]) -> dict[str, Any]:
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
        found["exception.message"] = without(str(error), held)
        found["exception.stacktrace"] = without("".join(traceback.format_exception(kind, error, trace_back)), held)
    return found
