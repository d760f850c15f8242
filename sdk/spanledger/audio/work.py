"""A pipeline and its stages while they run: their spans, the audio they were told of, and how fast they were.

Given audio (`Stage.audio`), shows what it is at once, and what it is like when the measuring process has looked at it.
A span whose measures are still out is held back until they are in, and then ends with the time at which its work
ended; a pipeline's span ends after those of its stages.

Never: raises, waits, or keeps a reference to the user's samples. An exception's message is not shown.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context, create_key, set_value
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, set_span_in_context

from spanledger import semconv
from spanledger.audio import figures, measuring
from spanledger.audio.facts import Facts, listen
from spanledger.audio.quality import has_pesq, paired, quality_index
from spanledger.audio.transcripts import Transcripts, refused
from spanledger.configure import enabled, tracer
from spanledger.context import current
from spanledger.failure import error_type
from spanledger.guard import guard, say_once

PIPELINE: Final = create_key("spanledger.audio.pipeline")
STAGE: Final = create_key("spanledger.audio.stage")

if TYPE_CHECKING:
    from spanledger.audio import scopes

_BEGIN = guard("audio.begin")
_AUDIO = guard("audio.audio")
_MEASURE = guard("audio.measure")
_CLOSE = guard("audio.close")
_SHOW = guard("audio.show")


class Work:
    """What a pipeline and a stage have in common: one span, which ends once.

    Attributes:
        around: The OpenTelemetry context that it began in.
        facts: What the first audio was that it was told of.
        span: Its span.
    """

    __slots__ = (
        "_began",
        "_end_ns",
        "_ended",
        "_holds",
        "_lock",
        "_reasons",
        "_start_ns",
        "around",
        "facts",
        "labels",
        "span",
    )

    def __init__(self, name: str, attributes: Mapping[str, Any], around: Context) -> None:
        self.around, self.facts = around, Facts()
        self._lock, self._holds, self._ended = threading.RLock(), 1, False  # a signal's handler may come in between
        self._start_ns, self._began, self._end_ns = time.time_ns(), time.perf_counter_ns(), 0
        self.span: Span = INVALID_SPAN
        self.labels: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        with _BEGIN:
            if enabled():
                self.labels = figures.labels(current(around))
                self.span = tracer().start_span(name, around, SpanKind.INTERNAL, attributes, (), self._start_ns)

    def close(self, error: BaseException | None = None) -> None:
        """The work is done, or has failed with `error`; a cancellation is no failure. Once; later calls do nothing."""
        with _CLOSE:
            with self._lock:
                if self._end_ns:
                    return
                self._end_ns = self._start_ns + time.perf_counter_ns() - self._began
            if error is not None and (kind := error_type(error)) is not None:
                self.labels[semconv.ERROR_TYPE] = kind
                self.span.set_attribute(semconv.ERROR_TYPE, kind)
                self.span.set_status(Status(StatusCode.ERROR, kind))
        self.release()

    def hold(self) -> None:
        """Keep the span from ending until `release`."""
        with self._lock:
            self._holds += 1

    def release(self) -> None:
        """Let the span end if nobody else holds it."""
        with self._lock:
            self._holds -= 1
            last = self._holds == 0 and not self._ended
            self._ended = self._ended or last
        if last:
            with _SHOW:
                self._show_speed()
            with _CLOSE:
                self.span.end(self._end_ns)

    def _have_measured(self, asked: measuring.Asked, reason_name: str, of: str = "") -> None:
        """Hold the span until the measures are in; where there are to be none, show the reason: `of` which value."""
        self._hold_all()
        reason: str | None = "failed"
        with _MEASURE:
            told = functools.partial(self._measured, reason_name, of)
            reason = measuring.measure(asked, self.span.get_span_context().trace_id, told)
        if reason is not None:
            asked.close()
            self._left_out(reason_name, reason, of)
            self._release_all()

    def _measured(
        self, reason_name: str, of: str, facts: Facts | None, measures: Mapping[str, Any], skipped: str | None
    ) -> None:
        """Called by the measuring thread, once."""
        with _SHOW:
            if facts is not None:
                self._take(facts)
            self._show_measures(measures)
            if skipped:
                self._left_out(reason_name, skipped, of)
        self._release_all()

    def _left_out(self, reason_name: str, reason: str, of: str = "") -> None:
        """Show why something was not measured, after what else was not."""
        if of:
            reason = f"{of}={reason}"
        with self._lock:
            before = self._reasons.get(reason_name)
            self._reasons[reason_name] = reason if before is None else f"{before},{reason}"
        self.span.set_attribute(reason_name, self._reasons[reason_name])

    def _show_measures(self, measures: Mapping[str, Any]) -> None:
        self.span.set_attributes(measures)
        figures.record(measures, self.labels | self.facts.labels(), self.span)

    def _hold_all(self) -> None:
        self.hold()

    def _release_all(self) -> None:
        self.release()

    def _take(self, facts: Facts) -> None:
        self._show_facts(facts)

    def _show_speed(self) -> None:
        """How fast the work was; nothing where it failed, or where the audio's length is unknown."""
        seconds, audio_s = (self._end_ns - self._start_ns) / 1e9, self._worked_on().duration_s
        shown: dict[str, Any] = {}
        if audio_s and seconds > 0 and semconv.ERROR_TYPE not in self.labels:
            shown[semconv.AUDIO_SPEED_FACTOR] = audio_s / seconds
            shown[semconv.AUDIO_REAL_TIME_FACTOR] = seconds / audio_s
            self.span.set_attributes(shown)
        if self.facts.duration_s:
            shown[semconv.AUDIO_DURATION_S] = self.facts.duration_s
        figures.record(shown, self.labels | self.facts.labels(), self.span)

    def _worked_on(self) -> Facts:
        return self.facts

    def _show_facts(self, facts: Facts) -> None:
        if facts.known and not self.facts.known and not self._ended:
            self.facts = facts
            self.span.set_attributes(facts.attributes())


class Pipeline(Work):
    """One audio on its way through the stages; made by `spanledger.audio_pipeline`."""

    __slots__ = ("_compared",)

    def __init__(self, name: str, attributes: Mapping[str, Any], around: Context) -> None:
        super().__init__(name, attributes, around)
        self._compared: dict[str, float] = {}

    def stage(self, name: str, *, attributes: Mapping[str, Any] | None = None) -> scopes.stage:
        """A stage of this pipeline: see `spanledger.stage`. It finds its pipeline from any thread."""
        from spanledger.audio.scopes import stage

        return stage(name, attributes=attributes, pipeline=self)

    def inside(self) -> Context:
        """The context that its work runs in."""
        return set_value(PIPELINE, self, _with_span(self.span, self.around))

    def heard(self, facts: Facts) -> None:
        """A stage was told of audio; the first is the pipeline's own."""
        self._show_facts(facts)

    def quality(self, *, reference: Any, degraded: Any, sample_rate: float) -> None:
        """Compare audio with what it should be: SNR, SI-SDR, STOI, ESTOI, and PESQ where that is installed.

        Args:
            reference: The clean signal: an array of samples, one channel.
            degraded: The same as it was received or made: an array of the same length.
            sample_rate: Samples a second, of both.
        """
        with _AUDIO:
            if self._ended or self._compared or not enabled():
                return
            pair = paired(reference, degraded, sample_rate)
            if isinstance(pair, str):
                self._left_out(semconv.AUDIO_QUALITY_SKIPPED_REASON, pair)
                return
            self._have_measured(pair, semconv.AUDIO_QUALITY_SKIPPED_REASON)
            if has_pesq():
                say_once("pesq", logging.INFO, "pesq is installed and used; its C code has a licence of its own")
                self._have_measured(pair.for_pesq(), semconv.AUDIO_QUALITY_SKIPPED_REASON, "pesq")

    def _show_measures(self, measures: Mapping[str, Any]) -> None:
        self._compared |= measures
        index = quality_index(self._compared)
        if index is not None and semconv.AUDIO_QUALITY_INDEX not in self._compared:
            self._compared[semconv.AUDIO_QUALITY_INDEX] = index
            measures = {**measures, semconv.AUDIO_QUALITY_INDEX: index}
        super()._show_measures(measures)


class Stage(Work):
    """One step of a pipeline; made by `spanledger.stage`.

    Attributes:
        name: Its name.
        pipeline: The pipeline around it; None where there is none.
    """

    __slots__ = ("_told", "name", "pipeline")

    def __init__(self, name: str, attributes: Mapping[str, Any], around: Context, pipeline: Pipeline | None) -> None:
        super().__init__(name, {**attributes, semconv.AUDIO_STAGE: name}, around)
        self.name, self.pipeline, self._told = name, pipeline, False
        self.labels[semconv.AUDIO_STAGE] = name

    def inside(self) -> Context:
        """The context that its work runs in."""
        return set_value(STAGE, self, _with_span(self.span, self.around))

    def audio(self, audio: Any, sample_rate: float | None = None, *, format: str | None = None) -> None:  # noqa: A002
        """Tell what this stage works on, or has made: the first audio told counts.

        What it is (duration, rate, channels, format) is shown on the span; what it is like (loudness, clipping, …) is
        measured by another process, from a copy of at most `facts.MOST_COPIED` bytes.

        Args:
            audio: An array of samples (numpy, torch; frames × channels or channels × frames), or an audio file: its
                path, an open binary file, or its bytes.
            sample_rate: Samples a second; needed with an array.
            format: What to call the format, where the audio does not say it.
        """
        with _AUDIO:
            if self._told or self._ended or not enabled():
                return
            self._told = True
            sound = listen(audio, sample_rate, format)
            self._take(sound.facts)
            if sound.reason is None:
                self._have_measured(sound, semconv.AUDIO_FEATURES_SKIPPED_REASON)
            else:
                sound.close()
                self._left_out(semconv.AUDIO_FEATURES_SKIPPED_REASON, sound.reason)

    def transcript(self, text: str, *, reference: str) -> None:
        """Compare what was heard with what was said: shows `audio.word_error_rate`, never a word of either.

        Args:
            text: What was heard.
            reference: What was said.
        """
        with _AUDIO:
            if self._ended or not enabled():
                return
            reason_name, reason = semconv.AUDIO_QUALITY_SKIPPED_REASON, refused(text, reference)
            if reason is None:
                self._have_measured(Transcripts(text, reference), reason_name, "word_error_rate")
            else:
                self._left_out(reason_name, reason, "word_error_rate")

    def _hold_all(self) -> None:
        self.hold()
        if self.pipeline is not None:
            self.pipeline.hold()

    def _release_all(self) -> None:
        self.release()
        if self.pipeline is not None:
            self.pipeline.release()

    def _take(self, facts: Facts) -> None:
        self._show_facts(facts)
        if self.pipeline is not None and facts.known:
            self.pipeline.heard(facts)

    def _worked_on(self) -> Facts:
        """Its own audio, else the pipeline's."""
        return self.facts if self.facts.known or self.pipeline is None else self.pipeline.facts


def _with_span(span: Span, around: Context) -> Context:
    return set_span_in_context(span, around) if span is not INVALID_SPAN else around
