"""What the chunks of a stream say, taken together.

Given chunks one by one (`add`), gives a `Reading` at any time. Whole answers and chunks are read by the same forms;
here is only what time adds: running totals replace one another, LangChain's increments are added up, and a second
response in the same stream (a retry, another turn) stands beside the first.

Never: a count that is certain from a stream that was cut off: that is `estimated`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spanledger.providers import anthropic, cohere, forms, google, names, openai, plain
from spanledger.providers.fields import Fields, fields_of, module_of
from spanledger.usage import Reading, added, merged, text

_MOST_RESPONSES = 100_000
_DEEPEST = 3


class Chunks:
    """The state of one stream's reading; not for use from several threads at once."""

    __slots__ = ("_done", "_final", "_hearing", "_message", "_totals", "count", "reading")

    def __init__(self) -> None:
        self.count = 0
        self.reading: Reading | None = None
        self._final = False
        self._message: Fields | None = None
        self._totals: dict[str, Any] = {}
        self._hearing: str | None = None
        self._done: list[Reading] = []

    def add(self, chunk: object) -> None:
        """Take one chunk in; text and other things without fields only count."""
        self.count += 1
        self._add(chunk, _DEEPEST)

    def result(self, *, complete: bool) -> Reading | None:
        """What is known.

        Args:
            complete: Whether the stream came to its end by itself.
        """
        reading = self.reading
        if reading is not None and reading.usage is not None and not complete and not self._final:
            reading = reading._replace(state="estimated")
        if not self._done:
            return reading
        if reading is not None and reading.usage is not None:
            return reading._replace(further=tuple(self._done))
        *others, last = self._done
        return last._replace(further=tuple(others))

    def _add(self, chunk: object, depth: int) -> None:
        fields = fields_of(chunk)
        if fields is None:
            return
        kind = fields.get("type")
        if kind is None:
            choices = fields.get("choices")
            if choices is not None:
                self._choices(fields, chunk, choices)
                return
            kind = fields.get("event_type")
        if isinstance(kind, str):
            event = _EVENTS.get(kind)
            if event is not None:
                event(self, fields, chunk)
                return
            if fields.get("usage") is None:
                return
        self._any(fields, chunk, depth)

    def _choices(self, fields: Fields, chunk: object, choices: Any) -> None:
        """A chunk in OpenAI's chat or completions form."""
        raw = fields.get("usage")
        if raw is None:
            raw = (fields_of(fields.get("x_groq")) or fields).get("usage")
        reasons = names.finish_reasons(fields) if choices else ()
        before = self.reading
        if raw is None and before is not None and before.model is not None and not self._final:
            if reasons:
                self.reading = before._replace(finish_reasons=reasons)
            return
        used = None if raw is None else forms.usage(fields_of(raw) or {})
        read = openai.reading(fields, type(chunk).__name__, module_of(chunk), used)
        if read.provider is None:
            read = plain.named(read, chunk)
        self._take(read._replace(finish_reasons=reasons), final=not choices or bool(reasons))

    def _any(self, fields: Fields, chunk: object, depth: int) -> None:
        """A chunk in another form, or an event around one."""
        if fields.get("done") is False or fields.get("object") == "thread.run.step":
            return  # Ollama counts at the end; a step's usage is a part of its run's
        read = plain.read_flat(chunk)
        if read is None:
            inside, of_batch = forms.opened(fields)
            if of_batch:
                read = plain.read(chunk)
            elif depth:
                self._add(inside, depth - 1)
        if read is not None:
            reasons = plain.finish_reasons(chunk)
            running = bool(fields.get("candidates")) and not reasons  # Google counts in every chunk
            self._take(read._replace(finish_reasons=reasons), final=not running)

    def _take(self, read: Reading, *, final: bool, begins: bool = False) -> None:
        """Take in what a chunk says of its response: what is said later replaces what was said before."""
        before = self._same(read, begins=begins)
        if read.usage is not None:
            self._final = final
        if before is None:
            self.reading = read
            return
        usage = read.usage or before.usage
        if read.usage is not None and before.usage is not None:
            usage = merged(read.usage, before.usage)
        self.reading = Reading(
            usage,
            before.provider or read.provider,  # Azure says who it is in the first chunk only
            read.model or before.model,
            read.response_id or before.response_id,
            read.service_tier or before.service_tier,
            read.finish_reasons or before.finish_reasons,
            read.operation or before.operation,
        )

    def _same(self, read: Reading, *, begins: bool) -> Reading | None:
        """The reading so far if it is of the same response; that of another one is put aside."""
        before = self.reading
        if before is None or not before.response_id or not read.response_id or before.response_id == read.response_id:
            return before
        if not (begins or self._final or self._message is not None):
            return before  # some give every chunk an id of its own
        self._put_aside(before if self._final else before._replace(state="estimated"))
        self.reading, self._final, self._message, self._totals = None, False, None, {}
        return None

    def _put_aside(self, read: Reading) -> None:
        if read.usage is not None and len(self._done) < _MOST_RESPONSES:
            self._done.append(read)

    def _inside(self, fields: Fields, _: object) -> None:
        """An agent's event around a provider's."""
        self._add(fields.get("data"), _DEEPEST - 1)

    def _response(self, fields: Fields, _: object) -> None:
        """OpenAI's responses and realtime events that carry the whole response."""
        response = fields.get("response")
        read = plain.read_flat(response)
        if read is not None:
            begins = fields.get("type") == "response.created"
            self._take(read._replace(finish_reasons=plain.finish_reasons(response)), final=True, begins=begins)

    def _session(self, fields: Fields, _: object) -> None:
        """A realtime session names the model that writes down what it hears."""
        session = fields_of(fields.get("session")) or {}
        heard = fields_of((fields_of(session.get("audio")) or {}).get("input")) or {}
        hearing = fields_of(session.get("input_audio_transcription") or heard.get("transcription")) or {}
        self._hearing = text(hearing.get("model"))

    def _heard(self, fields: Fields, _: object) -> None:
        """What was heard in a realtime session was written down by another model, and is billed beside it."""
        raw, item = fields_of(fields.get("usage")), text(fields.get("item_id"))
        used = None if raw is None else forms.usage(raw)
        if item is not None:
            self._put_aside(Reading(used, None, self._hearing, item, None, (), "speech_to_text"))

    def _message_start(self, fields: Fields, _: object) -> None:
        message = fields_of(fields.get("message"))
        if message is not None:
            self._take(anthropic.reading(message, None), final=False, begins=True)
            self._message = message
            self._take_totals(message.get("usage"))

    def _message_delta(self, fields: Fields, _: object) -> None:
        delta = fields_of(fields.get("delta"))
        reason = None if delta is None else text(delta.get("stop_reason"))
        if reason is not None:
            self._totals["stop_reason"] = reason
            self._final = True
        self._take_totals(fields.get("usage"))

    def _message_stop(self, _: Fields, __: object) -> None:
        self._final = True

    def _take_totals(self, usage: object) -> None:
        """Anthropic's running totals, in its own words: the cached parts are said once and belong to the input."""
        raw, totals, message = fields_of(usage), self._totals, self._message
        for name in () if raw is None else _MESSAGE_TOTALS:
            value = raw.get(name)  # type: ignore[union-attr]
            if value is not None:
                totals[name] = value
        if message is not None:
            reason = totals.get("stop_reason")
            read = anthropic.reading(message, anthropic.usage(totals))
            self.reading = read._replace(finish_reasons=(reason,) if reason else ())

    def _completion(self, fields: Fields, _: object) -> None:
        reasons = names.finish_reasons(fields)
        self._take(anthropic.completion(fields)._replace(finish_reasons=reasons), final=True)

    def _cohere_start(self, fields: Fields, _: object) -> None:
        response_id = text(fields.get("id"))
        self._take(Reading(None, "cohere", None, response_id, None, (), "chat"), final=False, begins=True)

    def _cohere_end(self, fields: Fields, _: object) -> None:
        inside = fields.get("delta") or fields.get("response")
        end = fields_of(inside) or {}
        raw = fields_of(end.get("usage")) or fields_of(end.get("meta"))
        if raw is not None:
            read = cohere.reading(end, raw)
            self._take(read._replace(finish_reasons=names.finish_reasons(end)), final=True)

    def _interaction(self, fields: Fields, _: object) -> None:
        """Google's interactions: the running total stands beside every step, the last one inside the interaction."""
        interaction = fields_of(fields.get("interaction")) or {}
        running = fields_of(fields.get("metadata")) or {}
        raw = fields_of(interaction.get("usage")) or fields_of(running.get("usage")) or {}
        final = interaction.get("usage") is not None
        self._take(google.interaction(interaction, raw), final=final)

    def _increment(self, fields: Fields, chunk: object) -> None:
        """LangChain: what its chunks count is to be added up, and so is that of several messages."""
        read, reasons = plain.read_flat(chunk), plain.finish_reasons(chunk)
        if read is not None:
            before = self._same(read, begins=False)
            if before is not None and before.usage is not None and read.usage is not None:
                read = read._replace(usage=added(before.usage, read.usage))
            self._take(read._replace(finish_reasons=reasons), final=self._final)
        self._final = self._final or bool(reasons) or fields.get("chunk_position") == "last"


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
    "raw_response_event": Chunks._inside,
    "response.created": Chunks._response,
    "response.completed": Chunks._response,
    "response.incomplete": Chunks._response,
    "response.failed": Chunks._response,
    "response.done": Chunks._response,
    "session.created": Chunks._session,
    "session.updated": Chunks._session,
    "conversation.item.input_audio_transcription.completed": Chunks._heard,
    "message_start": Chunks._message_start,
    "message_delta": Chunks._message_delta,
    "message_stop": Chunks._message_stop,
    "completion": Chunks._completion,
    "message-start": Chunks._cohere_start,
    "message-end": Chunks._cohere_end,
    "stream-end": Chunks._cohere_end,
    "interaction.created": Chunks._interaction,
    "interaction.start": Chunks._interaction,
    "interaction.completed": Chunks._interaction,
    "interaction.complete": Chunks._interaction,
    "step.delta": Chunks._interaction,
    "content.delta": Chunks._interaction,
    "AIMessageChunk": Chunks._increment,
    "ai": Chunks._increment,
}
