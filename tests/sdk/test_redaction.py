"""What must not leave does not: secrets planted anywhere in spans, logs and ledger lines, and content unasked for."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from spanledger import semconv
from spanledger.delivery.encode import EntryEncoder, log_encoder, span_encoder
from spanledger.meter import Meter
from spanledger.redacting import CleanEntries, CleanLogs, CleanSpans, clean_resource
from spanledger.redaction import _BARE, _SECRET, _WORDS, REDACTED, Redaction
from tests.sdk.making import entry, program
from tests.sdk.receiver import REQUESTS, http_receiver

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
TAIL = st.text(ALPHABET, min_size=36, max_size=48)
PREFIXES = (
    "sk-", "sk-ant-api03-", "sk-proj-", "sk_", "gsk_", "csk-", "xai-", "pplx-", "hf_", "r8_", "fw_", "nvapi-", "AIza",
    "glpat-", "ghp_", "github_pat_", "xoxb-", "ya29.", "tgp_", "pa-", "sl_",
)  # fmt: skip
SECRETS = st.one_of(
    st.builds(str.__add__, st.sampled_from(PREFIXES), TAIL),
    st.builds(lambda tail: "AKIA" + tail[:16].upper(), TAIL),
    st.builds(lambda a, b: f"eyJ{a}.{b}.{a[::-1]}", TAIL, TAIL),
)
CALM = st.text(st.sampled_from("abc xyz ÄÖ\u0130\u212a-:/.=\n\t\"'{}[],"), max_size=20)


@st.composite
def planted(draw: Any) -> tuple[str, str]:
    """A secret, and a text that holds it among other things; or a secret that only its surroundings betray."""
    before, after = draw(CALM), draw(CALM)
    if draw(st.booleans()):
        secret = draw(SECRETS)
        return secret, f"{before} {secret} {after}"
    secret = draw(TAIL)
    form = draw(
        st.sampled_from(
            [
                "Authorization: Bearer {}", "authorization={}", "'x-api-key': '{}'", '{{"api_key": "{}"}}', "Bearer {}",
                r"{{\"password\": \"{}\"}}", "(b'authorization', b'{}')", "https://h/v1?key={}&alt=sse", "?a=1&sig={}",
                "https://user:{}@host/path", "X-Amz-Security-Token={}", "access_token = {}", "AWS_SECRET_ACCESS_KEY={}",
                "https://h/?X-Amz-Signature={}", "client_secret: {}", "Basic {}", "Ocp-Apim-Subscription-Key: {}",
            ]
        )
    )  # fmt: skip
    return secret, f"{before} {form.format(secret)} {after}"


def scope(name: str) -> InstrumentationScope:
    return InstrumentationScope(name, "1")


def span_with(text: str, name: str, place: str) -> ReadableSpan:
    provider = TracerProvider(
        resource=Resource({"service.name": "s", **({"process.command_args": (text,)} if place == "resource" else {})})
    )
    linked = SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(1))
    links = [Link(linked, {"x": text})] if place == "link" else []
    span = provider.get_tracer(name).start_span(text if place == "name" else "n", links=links)
    match place:
        case "attribute":
            span.set_attribute("http.url", text)
        case "array":
            span.set_attribute("list", ["a", text])
        case "event":
            span.add_event("e", {"log": text})
        case "event name":
            span.add_event(text)
        case "exception":
            span.record_exception(ValueError(text))
        case "status":
            span.set_status(Status(StatusCode.ERROR, text))
    span.end()
    return span  # type: ignore[return-value]


def sent(span: ReadableSpan, **rules: Any) -> bytes:
    clean = CleanSpans(Redaction(**rules), Redaction(**{**rules, "content": True}))
    payload, good = span_encoder(clean).encode([span, span_with("calm", "httpx", "attribute")], lambda: None)
    assert len(good) == 2
    return payload


PLACES = ("attribute", "array", "event", "event name", "exception", "status", "name", "link", "resource")


@given(planted(), st.sampled_from(PLACES), st.sampled_from(["httpx", "spanledger"]))
@settings(max_examples=300, deadline=None)
def test_a_secret_anywhere_in_a_span_does_not_leave(plant: tuple[str, str], place: str, by: str) -> None:
    secret, text = plant
    payload = sent(span_with(text, by, place))
    assert secret.encode() not in payload
    assert REDACTED.encode() in payload
    REQUESTS["traces"].FromString(payload)


@given(planted(), st.sampled_from(["body", "nested body", "bytes", "attribute", "nested"]))
@settings(max_examples=150, deadline=None)
def test_a_secret_anywhere_in_a_log_record_does_not_leave(plant: tuple[str, str], place: str) -> None:
    secret, text = plant
    bodies = {"body": text, "nested body": {"a": [{"b": text}]}, "bytes": text.encode()}
    attributes = {"attribute": {"a": text}, "nested": {"a": {"b": ["c", {"d": text}]}}}.get(place, {})
    record = LogRecord(
        timestamp=1, severity_number=SeverityNumber.INFO, body=bodies.get(place, "calm"), attributes=attributes
    )
    item = ReadableLogRecord(record, Resource({}), scope("some.library"))
    payload, good = log_encoder(CleanLogs(Redaction(), Redaction())).encode([item], lambda: None)
    assert len(good) == 1
    assert secret.encode() not in payload


@given(planted(), st.sampled_from(["metadata", "nested", "user", "session", "model", "name"]))
@settings(max_examples=150, deadline=None)
def test_a_secret_in_a_ledger_line_does_not_leave_and_the_line_does(plant: tuple[str, str], place: str) -> None:
    secret, text = plant
    changes: dict[str, Any] = {
        "metadata": {"attributes": {"note": text}},
        "nested": {"attributes": {"note": {"a": [text]}}},
        "user": {"context": {"user.id": text}},
        "session": {"context": {"session.id": text, "user.id": "u"}},
        "model": {"request_model": text},
        "name": {"attributes": {"api_key": secret, "cookie": [secret], "credentials": {"a": secret}}},
    }[place]
    item = entry(**changes)
    encoder = CleanEntries(EntryEncoder(lambda: Resource({}), lambda entry: None), Redaction(content=True))
    payload, good = encoder.encode([item, entry(2)], lambda: None)
    assert good[0] is item
    assert len(good) == 2
    assert secret.encode() not in payload
    (whole,) = REQUESTS["logs"].FromString(payload).resource_logs[0].scope_logs
    assert len(whole.log_records) == 2


@given(planted(), st.sampled_from(["provider", "request_model", "response_model", "error_type", "tenant", "feature"]))
@settings(max_examples=100, deadline=None)
def test_a_secret_in_a_name_that_calls_share_leaves_neither_in_their_lines_nor_as_a_label(
    plant: tuple[str, str], place: str
) -> None:
    secret, text = plant
    of_context = {"tenant": semconv.TENANT, "feature": semconv.FEATURE}
    item = entry(**({"context": {of_context[place]: text}} if place in of_context else {place: text}))
    rules = Redaction(content=True)
    meter = Meter(rules.text)
    encoder = CleanEntries(EntryEncoder(lambda: Resource({}), lambda entry: None), rules)
    for _ in range(2):  # the second time by what was kept of the first
        meter.observe(item)
        payload, good = encoder.encode([item], lambda: None)
        assert good == [item]
        assert secret.encode() not in payload
    points = [point for metric in meter.read(1) for point in metric.histogram.data_points]
    assert {point.count for point in points} == {2}
    assert secret.encode() not in b"".join(point.SerializeToString() for point in points)


BARE = st.from_regex(r"[a-z]{0,3}(?:AKIA|ASIA|AIza|sk|eyJ|token|key|bearer)[a-zA-Z0-9]{16,40}", fullmatch=True)


@given(st.one_of(planted().map(lambda plant: plant[1]), st.text(max_size=200), BARE))
@settings(max_examples=500, deadline=None)
def test_looking_for_a_word_first_overlooks_nothing(text: str) -> None:
    if _SECRET.search(text):
        small = text.lower()
        assert any(word in small for word in (_BARE if small.isalnum() else _WORDS)), text


@given(st.text(max_size=100), st.one_of(st.text(max_size=50), st.integers(), st.booleans(), st.lists(st.text())))
def test_what_would_change_is_found_and_what_was_cleaned_stays(name: str, value: Any) -> None:
    rules = Redaction("ab+c", keys=["Secret Thing"])
    cleaned = rules.value(name, value)
    assert rules.finds(name, value) is (cleaned != value)
    assert rules.value(name, cleaned) == cleaned


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http.request.header.authorization", ("Bearer short",)),
        ("http.request.header.x_api_key", ("k1",)),
        ("http.request.header.x-goog-api-key", ("k1",)),
        ("http.request.header.cookie", ("a=b; k1",)),
        ("http.response.header.set_cookie", ("k1",)),
        ("db.password", "k1"),
        ("pin.password", 1234),
        ("gen_ai.prompt.0.content", "k1"),
        ("gen_ai.completion.0.content", "k1"),
        ("gen_ai.input.messages", '[{"role": "user", "content": "k1"}]'),
        ("gen_ai.system_instructions", "k1"),
        ("gen_ai.tool.call.arguments", "k1"),
        ("llm.input_messages.0.message.content", "k1"),
        ("input.value", "k1"),
        ("traceloop.entity.input", "k1"),
        ("pydantic_ai.all_messages", "k1"),
        ("My-Own", "k1"),
        ("shop.my-own", "k1"),
    ],
)
def test_a_value_whose_name_says_what_it_is_does_not_leave(name: str, value: Any) -> None:
    span = TracerProvider().get_tracer("some.library").start_span("n", attributes={name: value})
    span.end()
    payload = sent(span, keys=["my-own"])  # type: ignore[arg-type]
    (group,) = REQUESTS["traces"].FromString(payload).resource_spans[:1]
    (pair,) = group.scope_spans[0].spans[0].attributes
    assert (pair.key, pair.value.string_value) == (name, REDACTED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gen_ai.usage.input_tokens", 12),
        ("gen_ai.usage.prompt_tokens", 12),
        ("gen_ai.token.type", "input"),
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.completion.0.finish_reason", "stop"),
        ("gen_ai.operation.name", "text_completion"),
        ("gen_ai.server.time_to_first_token", 0.5),
        ("gen_ai.response.id", "chatcmpl-" + "a1" * 12),
        ("url.full", "https://api.openai.com/v1/chat/completions?api-version=2024-10-21&model=gpt-4"),
        ("session.id", "2f1b2c34-aaaa-4bbb-8ccc-123456789abc"),
        ("db.query.text", "select a, b from keys where basic = 1 and token is null"),
        ("code.file.path", "/srv/task-runner/disk-manager/risk_model_evaluation_of_things.py"),
        ("message.id", "m-1"),
        ("cloud.region", "asia-east1"),
        ("user.email", "reader@example.org"),
        ("url", "http://[::1]:8080/a:b@c"),
    ],
)
def test_what_only_looks_alike_stays_as_it_is(name: str, value: Any) -> None:
    assert not Redaction().finds(name, value)
    assert Redaction().value(name, value) == value


def test_content_that_was_asked_for_stays_and_only_that() -> None:
    provider = TracerProvider()
    for tracer, kept in (("spanledger", True), ("opentelemetry.instrumentation.openai", False)):
        span = provider.get_tracer(tracer).start_span("n", attributes={"gen_ai.input.messages": "who is Ahab?"})
        span.end()
        assert (b"Ahab" in sent(span)) is kept  # type: ignore[arg-type]
        assert b"Ahab" in sent(span, content=True)  # type: ignore[arg-type]


def test_a_text_is_cut_where_the_setting_says() -> None:
    payload = sent(span_with("x" * 1000, "httpx", "attribute"), longest=100)
    assert ("x" * 99 + "…").encode() in payload
    assert b"x" * 100 not in payload


@pytest.mark.parametrize(
    "part",
    [
        "eyJ-",
        "eyJaaaaaaaa.",
        "sk-",
        "://a:",
        "://",
        "api_key\\",
        "secret ",
        "&key=",
        "-----BEGIN ",
        "'authorization',",
        "@k",
    ],
)
def test_hostile_text_is_read_in_time_that_grows_with_its_length(part: str) -> None:
    text = part * ((1 << 17) // len(part))
    began = time.process_time()
    Redaction(longest=1 << 20).text(text)
    assert time.process_time() - began < 1  # where each start looked at all that follows, it would take many seconds


def test_a_resource_without_secrets_is_the_same_object() -> None:
    rules = Redaction()
    resource = Resource({"service.name": "s", "process.command_args": ("python", "app.py")})
    assert clean_resource(resource, rules) is resource
    cleaned = clean_resource(Resource({"process.command_args": ("app", "--api-key=abc")}), rules)
    assert cleaned.attributes["process.command_args"] == ("app", "--api-key=[redacted]")


PROGRAM = """
import logging, httpx, spanledger
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
spanledger.configure(service_name="shop", logs=True, logs_level="INFO")
HTTPXClientInstrumentor().instrument()
keys = {"Authorization": "Bearer PLANTED-0002", "x-api-key": "PLANTED-0003", "x-goog-api-key": "PLANTED-0004"}
try:
    httpx.get("http://u:PLANTED-0000@127.0.0.1:9/v1beta/models/gemini:generateContent?key=PLANTED-0001", headers=keys)
except httpx.ConnectError:
    pass

@spanledger.traced_cost(attributes={"note": "api_key=PLANTED-0005"})
def failing(): raise RuntimeError("401: Incorrect API key provided: sk-PLANTED-0006-abcdefghijklmnop")

with spanledger.context(user_id="sk-PLANTED-0007-abcdefghijklmnop", feature="answers"):
    with trace.get_tracer("mine").start_as_current_span("n", attributes={"gen_ai.prompt.0.content": "PLANTED-0008"}):
        try:
            failing()
        except RuntimeError:
            logging.getLogger("shop").exception("failed", extra={"headers": {"authorization": "PLANTED-0009"}})
    try:
        with trace.get_tracer("mine").start_as_current_span("raises"):
            failing()
    except RuntimeError:
        pass
    spanledger.track_cost("openai", "ft-7", "1", metadata={"password": "PLANTED-0010", "prompt": "PLANTED-0013"})
    spanledger.track_dialogue("s", "b", feedback="my key is sk-PLANTED-0011-abcdefghijklmnop")
assert spanledger.flush(20)
assert not spanledger.stats()["failures"], spanledger.stats()
"""


def test_no_planted_secret_reaches_the_receiver_whoever_made_the_span() -> None:
    headers = {"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST": "authorization,x-api-key,x-goog-api-key"}
    resource = {"OTEL_RESOURCE_ATTRIBUTES": "deploy.command=run --token sk-PLANTED-0012-abcdefghijklmnop"}
    with http_receiver() as (received, address):
        done = program(PROGRAM, env={"SPANLEDGER_ENDPOINT": address, **headers, **resource})
    assert done.returncode == 0, done.stderr
    everything = b"".join(message.SerializeToString() for _, message in received.requests)
    assert b"PLANTED" not in everything
    assert b"ft-7" in everything
    assert len(received.records("spanledger.ledger.entry")) == 3
    names = {span.name for span in received.spans()}
    assert {"GET", "n", "raises", "chat"} <= names
    (record,) = [record for record in received.records() if record.body.string_value == "failed"]
    assert record.attributes


def test_rules_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import spanledger
from opentelemetry import trace
spanledger.configure(service_name="shop")
attributes = {"iban": "DE02", "note": "call 0171-2345", "input.value": "what was asked"}
with trace.get_tracer("mine").start_as_current_span("n", attributes=attributes):
    spanledger.track_cost("openai", "x", "1", metadata=attributes)
assert spanledger.flush(20)
"""
    env = {"SPANLEDGER_REDACT": r"\d{4}-\d{4}", "SPANLEDGER_REDACT_KEYS": "iban", "SPANLEDGER_SPANS_CONTENT": "true"}
    env["SPANLEDGER_LEDGER_CONTENT"] = "true"
    with http_receiver() as (received, address):
        done = program(code, env={"SPANLEDGER_ENDPOINT": address, **env})
    assert done.returncode == 0, done.stderr
    for told in (*received.spans(), *received.records()):
        found = {pair.key: pair.value.string_value for pair in told.attributes}
        assert (found["iban"], found["note"], found["input.value"]) == (REDACTED, "call [redacted]", "what was asked")


def test_what_is_written_to_a_log_file_follows_the_same_rules() -> None:
    rules = Redaction("Anna", keys=["iban"])
    assert rules.text(json.dumps({"Authorization": "Bearer x", "a": "Anna"})).count(REDACTED) == 2
    assert rules.value("iban", "DE02") == REDACTED
