"""What the browser tests and the pictures look at: OTLP requests of a small company's services, made from the demo's traffic.

Given an instant, gives what happened before it: a quarter of an hour of calls, a month of ledger lines, one rich trace,
one of ten thousand spans, one with hostile texts. All of it goes to a real backend over OTLP/HTTP.

Never: random numbers; the same instant gives the same scene.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from spanledger_examples.traffic import Visit, visits
from tests.support.server import Server
from tests.support.telemetry import attributes, ledger_event, ledger_request, resource

NS = 10**9
MS = 10**6
DAY_NS = 86_400 * NS
SERVICES = {
    "ask": "chat-api",
    "ask_stream": "llm-gateway",
    "review": "review-worker",
    "review_stream": "review-worker",
    "search": "search",
    "speak": "voice-backend",
}
OPERATIONS = {"search": "embeddings", "speak": "text_to_speech"}
PER_REQUEST = 2000
HOSTILE = '<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script>'


def identity(*seed: object, length: int) -> bytes:
    """An id that follows from what it is the id of."""
    return hashlib.blake2b(repr(seed).encode(), digest_size=length).digest()


class Trace:
    """The spans of one trace, each with its service; times in ms from its start."""

    def __init__(self, *seed: object, start_ns: int) -> None:
        self.trace_id = identity(*seed, length=16)
        self.start_ns = start_ns
        self.spans: list[tuple[str, Span]] = []

    @property
    def hex_id(self) -> str:
        """As the pages spell it."""
        return self.trace_id.hex()

    def add(
        self,
        name: str,
        service: str,
        start_ms: float,
        length_ms: float,
        under: Span | None = None,
        *,
        kind: Span.SpanKind = Span.SPAN_KIND_INTERNAL,
        error: str = "",
        events: Iterable[tuple[float, str]] = (),
        **more: Any,
    ) -> Span:
        """One span; `more` are its attributes, with `__` for a dot."""
        start = self.start_ns + round(start_ms * MS)
        values = {key.replace("__", "."): value for key, value in more.items() if value is not None}
        span = Span(
            trace_id=self.trace_id,
            span_id=identity(self.trace_id, len(self.spans), length=8),
            parent_span_id=b"" if under is None else under.span_id,
            name=name,
            kind=kind,
            start_time_unix_nano=start,
            end_time_unix_nano=start + round(length_ms * MS),
            attributes=attributes({**values, **({"error.type": error.partition(":")[0]} if error else {})}),
            events=[Span.Event(time_unix_nano=start + round(at * MS), name=text) for at, text in events],
        )
        if error:
            span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=error.partition(": ")[2]))
        self.spans.append((service, span))
        return span

    def model(
        self,
        model: str,
        service: str,
        start_ms: float,
        length_ms: float,
        under: Span | None,
        tokens: tuple[int, int],
        *,
        provider: str = "openai",
        operation: str = "chat",
        **more: Any,
    ) -> Span:
        """A call to a model that says what it used."""
        usage = {"gen_ai__usage__input_tokens": tokens[0], "gen_ai__usage__output_tokens": tokens[1] or None}
        asked = {"gen_ai__operation__name": operation, "gen_ai__provider__name": provider}
        models = {"gen_ai__request__model": model, "gen_ai__response__model": model}
        given = {**asked, **models, **usage, **more}
        return self.add(
            f"{operation} {model}", service, start_ms, length_ms, under, kind=Span.SPAN_KIND_CLIENT, **given
        )


def requests(traces: Iterable[Trace]) -> Iterator[bytes]:
    """These traces as OTLP requests."""
    everything = ((service, span) for trace in traces for service, span in trace.spans)
    while part := list(islice(everything, PER_REQUEST)):
        by_service: dict[str, list[Span]] = {}
        for service, span in part:
            by_service.setdefault(service, []).append(span)
        groups = [
            ResourceSpans(resource=resource(service), scope_spans=[ScopeSpans(spans=spans)])
            for service, spans in by_service.items()
        ]
        yield ExportTraceServiceRequest(resource_spans=groups).SerializeToString()


def call(visit: Visit, end_ns: int) -> Trace:
    """A visit of the demo's traffic: a server span and the model call below it."""
    slow = 3.0 if visit.number % 61 == 0 else 1.0
    length_ms = min(9_000.0, 40 + visit.output_tokens * 2.3 + visit.input_tokens * 0.03) * slow
    trace = Trace("call", visit.number, start_ns=end_ns - round(length_ms * MS))
    service = SERVICES[visit.kind]
    failed = visit.number % (13 if service == "voice-backend" else 151) == 0
    root = trace.add(
        f"POST /v1/{visit.kind.replace('_', '/')}",
        service,
        0,
        length_ms,
        kind=Span.SPAN_KIND_SERVER,
        error="RateLimitError: 429, try again in 2 s" if failed else "",
        http__route=f"/v1/{visit.kind.replace('_', '/')}",
    )
    who = {"user__id": visit.user_id, "session__id": visit.session_id, "spanledger__feature": visit.feature}
    who |= {"spanledger__user_tier": visit.user_tier, "spanledger__tenant": visit.tenant}
    provider = "anthropic" if visit.model.startswith("claude") else "openai"
    tokens = (visit.input_tokens, 0 if visit.kind == "search" else visit.output_tokens)
    streamed = length_ms / 5000 if visit.kind.endswith("stream") else None
    trace.model(
        visit.model,
        service,
        2,
        length_ms - 4,
        root,
        tokens,
        provider=provider,
        operation=OPERATIONS.get(visit.kind, "chat"),
        error="RateLimitError: 429, try again in 2 s" if failed else "",
        gen_ai__response__time_to_first_chunk=streamed,
        gen_ai__usage__cache_read__input_tokens=visit.input_tokens // 3 if visit.number % 4 == 0 else None,
        spanledger__usage__characters=visit.input_tokens if visit.kind == "speak" else None,
        **who,
    )
    return trace


def traffic(speed: float) -> Iterator[Visit]:
    """The demo's visits, but those to kinds of service that the scene does not have."""
    return (visit for visit in visits(speed) if visit.kind in SERVICES)


def quarter_hour(now_ns: int, *, seconds: int = 900, speed: float = 0.5) -> list[Trace]:
    """The calls that ended in the last `seconds`, with a lull of half a minute in which nothing came."""
    begin = now_ns - seconds * NS
    lull = (seconds * 0.55, seconds * 0.55 + 30)
    found = []
    for visit in traffic(speed):
        if visit.at_s >= seconds:
            return found
        if not lull[0] <= visit.at_s < lull[1]:
            found.append(call(visit, begin + round(visit.at_s * NS)))
    return found


def month(now_ns: int, *, days: int, per_day: int = 320) -> Iterator[bytes]:
    """Ledger events of the days before today: more on weekdays than at weekends, growing a little."""
    midnight = now_ns // DAY_NS * DAY_NS
    visitors = traffic(1.0)
    by_service: dict[str, list[LogRecord]] = {}
    for back in range(days, 0, -1):
        weekday = (midnight // DAY_NS - back + 3) % 7
        calls = round(per_day * (1 + 0.015 * (days - back)) * (0.35 if weekday >= 5 else 1 + 0.12 * (weekday % 3)))
        for at, visit in enumerate(islice(visitors, calls)):
            at_ns = midnight - back * DAY_NS + (9 * 3600 + at * 30_000 // calls) * NS
            by_service.setdefault(SERVICES[visit.kind], []).append(_line(visit, at_ns))
    for service, events in by_service.items():
        yield ledger_request(*events, service=service)


def today(now_ns: int, *, calls: int) -> Iterator[bytes]:
    """Ledger events of today so far, even if it has only just begun."""
    midnight = now_ns // DAY_NS * DAY_NS
    for number, visit in enumerate(islice(traffic(1.0), calls), start=1):
        at_ns = midnight + (now_ns - midnight) * number // (calls + 1)
        yield ledger_request(_line(visit, at_ns), service=SERVICES[visit.kind])


def _line(visit: Visit, at_ns: int) -> LogRecord:
    provider = "anthropic" if visit.model.startswith("claude") else "openai"
    more = {
        "gen_ai.provider.name": provider,
        "gen_ai.operation.name": OPERATIONS.get(visit.kind, "chat"),
        "gen_ai.usage.input_tokens": visit.input_tokens,
        "gen_ai.usage.output_tokens": 0 if visit.kind == "search" else visit.output_tokens,
        "spanledger.usage.characters": visit.input_tokens if visit.kind == "speak" else 0,
        "user.id": visit.user_id,
        "spanledger.feature": visit.feature,
        "spanledger.user_tier": visit.user_tier,
        "spanledger.usage.state": "reported",
    }
    seed = ("line", at_ns, visit.number)
    ids = {"trace_id": identity(*seed, length=16), "span_id": identity(*seed, "span", length=8)}
    return ledger_event(cost=None, model=visit.model, at_ns=at_ns, duration_ms=900, **ids, **more)


def dialogue(now_ns: int) -> Trace:
    """A spoken question to an agent: audio, search, tools, a streamed answer, a voice that ran out of time."""
    trace = Trace("dialogue", now_ns, start_ns=now_ns - 6 * NS)
    gate, voice, llm = "chat-api", "voice-backend", "llm-gateway"
    server, client = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
    root = trace.add(
        "POST /v1/dialogue",
        gate,
        0,
        4820,
        kind=server,
        http__route="/v1/dialogue",
        error="TimeoutError: no speech within 1.2 s",
    )
    trace.add("GET session", gate, 3, 4, root, kind=client, db__system__name="redis", cache__hit=True)
    audio = trace.add("audio pipeline", voice, 12, 1240, root)
    trace.add("load", voice, 14, 84, audio, audio__format="opus")
    trace.add("denoise", voice, 102, 402, audio, audio__sample_rate=16000, events=[(120, "model warmed")])
    trace.add("voice activity", voice, 506, 96, audio, audio__speech_ratio=0.74)
    trace.model(
        "whisper-1", voice, 610, 630, audio, (0, 0), operation="speech_to_text", spanledger__usage__audio_seconds=8.4
    )
    agent = trace.add("agent", llm, 1262, 2290, root)
    trace.model("text-embedding-3-small", llm, 1266, 41, agent, (212, 0), operation="embeddings")
    trace.add(
        "SELECT passages",
        llm,
        1310,
        66,
        agent,
        kind=client,
        db__system__name="postgresql",
        db__query__text="SELECT … ORDER BY embedding <=> $1 LIMIT 8",
    )
    trace.model("shelf-ranker-preview", llm, 1380, 118, agent, (3_410, 12), provider="local", operation="rerank")
    messages = [
        {
            "role": "system",
            "parts": [{"type": "text", "content": "You help readers of Harbour Books. Answer in two sentences."}],
        },
        {
            "role": "user",
            "parts": [
                {
                    "type": "text",
                    "content": "Is the second part of the lighthouse novel out, and can I pick it up today?",
                }
            ],
        },
    ]
    answer = [
        {
            "role": "assistant",
            "parts": [
                {
                    "type": "text",
                    "content": "Yes, it came out on Tuesday, and the harbour shop has three copies.\nI can hold one for you until six.",
                }
            ],
        }
    ]
    trace.model(
        "gpt-5.4",
        llm,
        1502,
        738,
        agent,
        (6_120, 94),
        gen_ai__response__time_to_first_chunk=0.312,
        gen_ai__usage__cache_read__input_tokens=4_096,
        gen_ai__usage__reasoning__output_tokens=40,
        gen_ai__input__messages=json.dumps(messages),
        user__id="reader-117",
        spanledger__user_tier="business",
        spanledger__feature="dialogue",
    )
    tools = trace.add("tools", llm, 2244, 391, agent)
    for at, (name, begin, length) in enumerate(
        [("stock.lookup", 2248, 212), ("holds.list", 2250, 387), ("opening_hours", 2252, 96)]
    ):
        tool = trace.add(
            f"execute_tool {name}",
            llm,
            begin,
            length,
            tools,
            gen_ai__operation__name="execute_tool",
            gen_ai__tool__name=name,
        )
        trace.add(
            f"GET /{name.partition('.')[0]}",
            llm,
            begin + 6,
            length - 12,
            tool,
            kind=client,
            http__request__method="GET",
            url__full=f"http://shop.internal/{at}",
        )
    trace.model(
        "claude-sonnet-4-5",
        llm,
        2640,
        905,
        agent,
        (6_734, 188),
        provider="anthropic",
        gen_ai__response__time_to_first_chunk=0.274,
        gen_ai__usage__cache_read__input_tokens=4_096,
        gen_ai__input__messages=json.dumps(messages),
        gen_ai__output__messages=json.dumps(answer),
        user__id="reader-117",
        session__id="visit-117-4",
        spanledger__user_tier="business",
        spanledger__feature="dialogue",
        spanledger__tenant="harbour-books",
    )
    speech = trace.add(
        "speak", voice, 3560, 1250, root, error="TimeoutError: no speech within 1.2 s", events=[(1204, "deadline")]
    )
    trace.model(
        "tts-1", voice, 3566, 640, speech, (0, 0), operation="text_to_speech", spanledger__usage__characters=139
    )
    trace.add("encode", voice, 4210, 590, speech, audio__format="opus", error="TimeoutError: no speech within 1.2 s")
    return trace


def dialogue_logs(trace: Trace) -> bytes:
    """What the voice said while it failed."""
    service, span = trace.spans[-1]
    record = LogRecord(
        time_unix_nano=span.end_time_unix_nano,
        severity_number=17,
        severity_text="ERROR",
        trace_id=trace.trace_id,
        span_id=span.span_id,
        body=attributes({"body": "encoder gave up after 590 ms"})[0].value,
    )
    group = ResourceLogs(resource=resource(service), scope_logs=[ScopeLogs(log_records=[record])])
    return ExportLogsServiceRequest(resource_logs=[group]).SerializeToString()


def huge(now_ns: int, spans: int = 10_000) -> Trace:
    """A batch job: one root, a hundred steps, and many small calls below each."""
    trace = Trace("huge", now_ns, start_ns=now_ns - 40 * NS)
    root = trace.add("nightly summaries", "batch", 0, 30_000)
    step = root
    for at in range(spans - 1):
        if at % 100 == 0:
            step = trace.add(f"chapter {at // 100}", "batch", at * 3, 290, root)
        else:
            trace.add(
                f"paragraph {at}", "batch", (at // 100) * 300 + at % 100 * 2.8, 2.4, step, db__system__name="postgresql"
            )
    return trace


def hostile(now_ns: int) -> Trace:
    """A trace whose every text tries to become markup, or to be very long."""
    trace = Trace("hostile", now_ns, start_ns=now_ns - 2 * NS)
    service = f"{HOSTILE} service"
    root = trace.add(HOSTILE, service, 0, 300, error=f"{HOSTILE}: {HOSTILE}", events=[(3, HOSTILE)], user__id=HOSTILE)
    said = json.dumps([{"role": HOSTILE, "parts": [{"content": HOSTILE}]}])
    trace.model(
        HOSTILE,
        service,
        5,
        90,
        root,
        (10, 10),
        gen_ai__input__messages=said,
        spanledger__feature=HOSTILE,
        user__id=HOSTILE,
    )
    trace.add("a_name_without_any_place_to_break_" * 30, "Donaudampfschifffahrtsgesellschaft" * 6, 100, 90, root)
    trace.add("مرحبا بالعالم 你好 🧾 \u202egnidaer", service, 200, 50, root, deep="x" * 4000)
    return trace


def send(server: Server, traces: Iterable[Trace] = (), logs: Iterable[bytes] = ()) -> None:
    """Give it all to the backend; it is stored when this returns."""
    for signal, bodies in (("traces", requests(traces)), ("logs", logs)):
        for body in bodies:
            answer = server.send(signal, body)
            assert answer.status_code == 200, answer.text
