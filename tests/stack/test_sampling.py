"""What a real Collector's samplers make of our spans, and whether the backend counts them right afterwards."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_server.otlp.tracestate import RANGE, sampling
from tests.stack.between import Between
from tests.stack.collectors import TOKEN, Collector
from tests.stack.stack import OTLP, Stack
from tests.support.inside import Inside
from tests.support.server import ROOT, environment
from tests.support.telemetry import NS, attributes, span, span_request

CALLS = 3000
FAILED_EACH = 50
KEPT = "e6666666666668"  # the threshold of 10 %
POLICIES = {"errors", "slow", "expensive", "rest"}
EXPENSIVE = {"spanledger.cost.estimated_micro_usd": 60_000}
AGO_NS = 120 * NS
SAMPLER = """
processors:
  probabilistic_sampler:
    mode: {mode}
    sampling_percentage: 25
service:
  pipelines:
    traces/sampled:
      processors: [probabilistic_sampler]
"""


def made(rng: random.Random, kind: str, state: str) -> list[Span]:
    """A trace of two spans with this trace state."""
    trace_id = rng.randbytes(16)
    at_ns = time.time_ns() - AGO_NS
    root = span(kind, at_ns=at_ns, duration_ms=6000 if kind == "slow" else 40, failed=kind == "errors")
    child = span("inside", at_ns=at_ns, duration_ms=20)
    child.kind, child.parent_span_id = Span.SPAN_KIND_INTERNAL, root.span_id
    if kind == "expensive":
        child.attributes.extend(attributes(EXPENSIVE))
    for one in (root, child):
        one.trace_id, one.trace_state = trace_id, state
    return [root, child]


def randomness(one: Span) -> str:
    """What decides about the span's trace."""
    said = [part[3:] for part in one.trace_state.split("ot=")[-1].split(";") if part.startswith("rv:")]
    return said[0] if said else one.trace_id[-7:].hex()


def weight(one: Span) -> float | None:
    return sampling(one.trace_state)[1]


def send(gateway: Collector, spans: list[Span]) -> None:
    headers = OTLP | {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(trust_env=False, timeout=10) as client:
        for at in range(0, len(spans), 1000):
            url = f"http://127.0.0.1:{gateway.http_port}/v1/traces"
            assert client.post(url, content=span_request(*spans[at : at + 1000]), headers=headers).status_code == 200


@contextmanager
def before_the_backend(stack: Stack, *files: str | Path, **variables: str) -> Iterator[Between]:
    """A gateway, and who notes what it passes on to a backend with quick rollups."""
    stack.backend = Inside(stack.directory, "--tick", "100ms")
    stack.backend.start()
    with Between(stack.backend.grpc_port) as between:
        stack.add_gateway(*files, to_port=between.port, GATEWAY_WAIT_AFTER_ROOT="500ms", **variables).start()
        yield between
        stack.gateway.stop()


def requests(stack: Stack, service: str) -> dict[str, Any]:
    """What the backend says of a service's requests."""
    services = stack.backend.get("/api/v1/sampling", service=service)["services"]
    return services[0] if services else {"kept": 0, "uncounted": 0, "operations": []}


def expect_near(estimate: dict[str, Any], truth: float) -> None:
    """Within twice the interval that holds 95 of 100: four standard deviations."""
    half = float(estimate["high"] - estimate["low"]) / 2
    assert abs(float(estimate["value"]) - truth) <= 2 * half + 1e-9 * truth


def test_tail_sampling_keeps_what_matters_and_leaves_weights_that_are_true(stack: Stack) -> None:
    rng = random.Random(6)
    kinds = ["errors"] * 60 + ["slow"] * 60 + ["expensive"] * 60 + ["plain"] * 1800
    traces = [made(rng, kind, "vendor=th:8,ot=th:c" if kind != "errors" else "ot=th:0") for kind in kinds]
    traces = [
        each for each in traces if each[0].name == "errors" or randomness(each[0]) >= "c"
    ]  # who had sampled before
    traces += [made(rng, "plain", f"ot=th:8;rv:{rng.randrange(RANGE // 2, RANGE):014x}") for _ in range(300)]
    traces += [made(rng, "plain", "") for _ in range(300)]
    expected = Counter[tuple[str, str]]()
    for root, _ in traces:
        state = root.trace_state
        if root.name != "plain":
            expected[root.name, state] += 2
        elif randomness(root) >= KEPT:
            raised = state.replace("ot=th:c", f"ot=th:{KEPT}").replace("ot=th:8;", f"ot=th:{KEPT};")
            expected["rest", raised] += 2
    with before_the_backend(stack) as between:
        send(stack.gateway, [root for root, _ in traces])
        send(stack.gateway, [child for _, child in traces])  # apart, as from another service
        stack.wait_for(lambda: len(between.spans) >= expected.total(), "what is kept has come")
        found = Counter[tuple[str, str]]()
        for scope, one in between.spans:
            (policy,) = (each.value.string_value for each in scope.attributes if each.key == "tailsampling.policy")
            found[policy, ",".join(sorted(one.trace_state.split(","), reverse=True))] += 1
        assert found == expected
        counted = sum(weight(one) or 1 for pair in traces for one in pair)
        stack.wait_for(
            lambda: stack.gateway.span_metric("traces_span_metrics_calls_total") == counted,
            f"span metrics count {counted} from before",
        )
        plain = sum(weight(root) or 0 for root, _ in traces if root.name == "plain")
        stack.wait_for(lambda: requests(stack, "shop")["kept"] * 2 == expected.total(), "the rollup is made")
        each = {operation["operation"]: operation for operation in requests(stack, "shop")["operations"]}
        assert each["errors"]["requests"]["value"] == 60
        assert each["slow"]["requests"]["value"] == 4 * sum(root.name == "slow" for root, _ in traces)
        expect_near(each["plain"]["requests"], plain)
        assert each["plain"]["uncounted"] * 2 == expected["rest", ""]


def test_more_traces_than_may_wait_are_decided_all_the_same(stack: Stack) -> None:
    rng = random.Random(10)
    traces = [made(rng, "errors", "ot=th:0") for _ in range(120)]
    with before_the_backend(stack, GATEWAY_TRACES="50", GATEWAY_DECISION_WAIT="1s") as between:
        send(stack.gateway, [one for pair in traces for one in pair])  # all at once
        stack.wait_for(lambda: len(between.spans) >= 240, "all have come")
    assert len(between.spans) == 240


@pytest.mark.parametrize(("unmarked", "state"), [("uncounted", {""}), ("whole", {"ot=th:0", f"ot=th:{KEPT}"})])
def test_traces_of_senders_that_write_no_threshold_count_only_if_the_owner_says_so(
    unmarked: str, state: set[str], stack: Stack
) -> None:
    rng = random.Random(7)
    traces = [made(rng, kind, "") for kind in ["errors"] * 5 + ["plain"] * 200]
    with before_the_backend(stack, GATEWAY_UNMARKED=unmarked) as between:
        send(stack.gateway, [one for pair in traces for one in pair])
        kept = sum(2 for root, _ in traces if root.name == "errors" or randomness(root) >= KEPT)
        stack.wait_for(lambda: len(between.spans) >= kept, "what is kept has come")
    assert len(between.spans) == kept
    assert {one.trace_state for _, one in between.spans} == state


def test_without_the_feature_that_records_policies_nothing_is_counted_wrongly(stack: Stack) -> None:
    rng = random.Random(8)
    traces = [made(rng, "errors", "ot=th:c;rv:ffffffffffffff") for _ in range(5)]
    stack.backend.start()
    with Between(stack.backend.grpc_port) as between:
        gateway = stack.add_gateway(to_port=between.port, GATEWAY_WAIT_AFTER_ROOT="500ms", gates="").start()
        send(gateway, [one for pair in traces for one in pair])
        stack.wait_for(lambda: len(between.spans) >= 10, "all have come")
        assert {weight(one) for _, one in between.spans} == {None}
        gateway.stop()


@pytest.mark.parametrize(
    ("mode", "thresholds"),
    [("equalizing", {"": "c", "8": "c", "e": "e"}), ("proportional", {"": "c", "8": "e", "e": "f8"})],
)
def test_a_probabilistic_sampler_raises_our_thresholds(
    mode: str, thresholds: dict[str, str], stack: Stack, tmp_path: Path
) -> None:
    rng = random.Random(9)
    overlay = tmp_path / "sampler.yaml"
    overlay.write_text(SAMPLER.format(mode=mode))
    traces = []
    for before in thresholds:
        drawn = (made(rng, f"th:{before}", f"ot=th:{before}" if before else "") for _ in range(2000))
        traces += [pair for pair in drawn if randomness(pair[0]) >= before]
    with before_the_backend(stack, overlay) as between:
        send(stack.gateway, [one for pair in traces for one in pair])
        kept = Counter[tuple[str, str]]()
        for before, after in thresholds.items():
            roots = (root for root, _ in traces if root.name == f"th:{before}")
            kept[f"th:{before}", f"ot=th:{after}"] = sum(randomness(root) >= after for root in roots)
        stack.wait_for(lambda: len(between.spans) >= 2 * kept.total(), "what is kept has come")
        found = Counter((one.name, one.trace_state) for _, one in between.spans if one.name != "inside")
        assert found == kept
        stack.wait_for(lambda: requests(stack, "shop")["kept"] == kept.total(), "the rollup is made")
        for operation in requests(stack, "shop")["operations"]:
            expect_near(operation["requests"], 2000)


def test_a_sampled_programs_requests_are_estimated_right_behind_tail_sampling(stack: Stack) -> None:
    with before_the_backend(stack, GATEWAY_KEEP_RATIO="0.2", GATEWAY_OWN_METRICS_EVERY_MS="300") as between:
        stack.add_agent().start()
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stack.agent.http_port}",
            "OTEL_TRACES_SAMPLER": "spanledger",
            "OTEL_TRACES_SAMPLER_ARG": "ratio=0.25",
            "SPANLEDGER_SPOOL_DIR": "",
        }
        command = [sys.executable, "-m", "tests.stack.program", str(CALLS), str(FAILED_EACH)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment(**settings), capture_output=True, text=True, timeout=90
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        stack.wait_for(lambda: stack.stored("ledger", "program") == CALLS, "the ledger has all")
        traces = told["spans"]["sent"] // 2
        decided = "otelcol_processor_tail_sampling_global_count_traces_sampled"
        stack.wait_for(lambda: stack.gateway.count(decided) == traces, "all traces are decided")
        sent = "otelcol_exporter_sent_spans"
        kept = stack.gateway.count(decided, sampled="true")
        stack.wait_for(lambda: stack.gateway.count(sent) == 2 * kept, "what is kept has come")
        stack.wait_for(lambda: requests(stack, "program")["kept"] == kept, "the rollup is made")
        assert failures(between) == CALLS // FAILED_EACH
        answer = requests(stack, "program")
        assert answer["uncounted"] == 0
        expect_near(answer["requests"], CALLS)
        assert told["ledger"]["sent"] == CALLS
        before = stack.gateway.span_metric("traces_span_metrics_calls_total", span_name="GET /ask")
        assert abs(before - CALLS) < 4 * math.sqrt(CALLS * (1 - 0.25) / 0.25)
        row: dict[str, Any] = {}
        sampled = 2 * (traces - kept)
        stack.wait_for(
            lambda: row.update(stack.loss("spans", "program")) or row["sampled"] == sampled, "the gateway has told"
        )
        assert (row["sent"], row["stored"], row["dropped"], row["unexplained"]) == (2 * traces, 2 * kept, 0, 0), row


def failures(between: Between) -> int:
    roots = (one for _, one in between.spans if one.name == "GET /ask")
    return sum(weight(one) == 1 for one in roots)
