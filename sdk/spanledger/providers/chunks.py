"""What the chunks of a stream say, taken together.

Given chunks one by one (`add`), gives a `Reading` at any time: of OpenAI's chat chunks, its responses events,
Anthropic's message events, their JSON, and any chunk that carries a `usage`. Running totals replace one another.

Never: a count that is certain from a stream that was cut off: that is `estimated`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spanledger.providers import anthropic, openai, plain
from spanledger.providers.fields import Fields, fields_of, module_of
from spanledger.usage import Reading, Usage, text


class Chunks:
    """The state of one stream's reading; not for use from several threads at once."""

    __slots__ = ("_final", "_message", "_totals", "_used", "count", "reading")

    def __init__(self) -> None:
        self.count = 0
        self.reading: Reading | None = None
        self._used: Usage | None = None
        self._final = False
        self._message: Fields | None = None
        self._totals: dict[str, Any] = {}

    def add(self, chunk: object) -> None:
        """Take one chunk in; text and other things without fields only count."""
        self.count += 1
        fields = fields_of(chunk)
        if fields is None:
            return
        kind = fields.get("type")
        if isinstance(kind, str):
            event = _EVENTS.get(kind)
            if event is not None:
                event(self, fields, chunk)
                return
            if fields.get("usage") is None:
                return
        self._any(fields, chunk)

    def result(self, *, complete: bool) -> Reading | None:
        """What is known.

        Args:
            complete: Whether the stream came to its end by itself.
        """
        if self._message is not None:
            self.reading = self._of_message(self._message)
        reading = self.reading
        if reading is None or reading.usage is None or complete or self._final:
            return reading
        return reading._replace(state="estimated")

    def _any(self, fields: Fields, chunk: object) -> None:
        raw = fields.get("usage")
        if raw is None:
            raw = (fields_of(fields.get("x_groq")) or fields).get("usage")
        used = None if raw is None else plain.usage(fields_of(raw) or {})
        if used is None and self.reading is not None and self.reading.model is not None:
            self._note_finish(fields)
            return
        read = plain.read(chunk) or openai.reading(fields, type(chunk).__name__, module_of(chunk), used)
        before = self.reading
        self._final = used is not None and not fields.get("choices")
        self.reading = Reading(
            used or read.usage,
            (before and before.provider) or read.provider,  # Azure says who it is in the first chunk only
            read.model or (before and before.model),
            read.response_id or (before and before.response_id),
            read.service_tier or (before and before.service_tier),
            openai.finish_reasons(fields) or (before.finish_reasons if before else ()),
            read.operation or (before and before.operation),
        )

    def _note_finish(self, fields: Fields) -> None:
        choices = fields.get("choices")
        if choices and self.reading is not None:
            reasons = openai.finish_reasons(fields)
            if reasons:
                self.reading = self.reading._replace(finish_reasons=reasons)

    def _response(self, fields: Fields, _: object) -> None:
        response = fields.get("response")
        read = plain.read(response)
        if read is not None:
            self.reading = read._replace(finish_reasons=plain.finish_reasons(response))
            self._final = read.usage is not None

    def _message_start(self, fields: Fields, _: object) -> None:
        message = fields_of(fields.get("message"))
        if message is not None:
            self._message = message
            self._take_totals(message.get("usage"))

    def _message_delta(self, fields: Fields, _: object) -> None:
        self._take_totals(fields.get("usage"))
        delta = fields_of(fields.get("delta"))
        reason = None if delta is None else text(delta.get("stop_reason"))
        if reason is not None:
            self._totals["stop_reason"] = reason
            self._final = True

    def _message_stop(self, _: Fields, __: object) -> None:
        self._final = True

    def _take_totals(self, usage: object) -> None:
        raw = fields_of(usage)
        if raw is not None:
            for name in _MESSAGE_TOTALS:
                value = raw.get(name)
                if value is not None:
                    self._totals[name] = value

    def _of_message(self, message: Fields) -> Reading:
        totals: Any = self._totals
        read = anthropic.reading(message, anthropic.usage(totals))
        reason = text(totals.get("stop_reason"))
        return read._replace(finish_reasons=(reason,) if reason else ())


_MESSAGE_TOTALS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "output_tokens_details",
    "server_tool_use",
)
_EVENTS: dict[str, Callable[[Chunks, Fields, object], None]] = {
    "response.created": Chunks._response,
    "response.completed": Chunks._response,
    "response.incomplete": Chunks._response,
    "response.failed": Chunks._response,
    "message_start": Chunks._message_start,
    "message_delta": Chunks._message_delta,
    "message_stop": Chunks._message_stop,
}
