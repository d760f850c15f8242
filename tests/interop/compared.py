"""The same spans and the same questions to a real Jaeger and to our backend, and the answers made comparable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from tests.interop import questions, spans
from tests.interop.normal import normal
from tests.interop.running import jaeger
from tests.support.inside import Inside
from tests.support.waiting import until

GOLDEN = Path(__file__).parents[1] / "contract" / "golden" / "jaeger"
AGO_NS = 10 * 60 * 10**9  # the spans began so long ago
SERVICES = 4  # of the spans, those that do not say their name as one
OTLP = {"content-type": "application/x-protobuf"}

Answers = dict[str, dict[str, Any]]


def of_jaeger(binary: Path, directory: Path, now_ns: int) -> Answers:
    """What a real Jaeger answers."""
    at_ns = began_ns(now_ns)
    with jaeger(binary, directory) as running:
        body = spans.request(at_ns).SerializeToString()
        address = f"http://127.0.0.1:{running.http_port}/v1/traces"
        assert httpx.post(address, content=body, headers=OTLP, trust_env=False).status_code == 200
        until(lambda: all_there(running.client), called="all spans are there")
        return asked(running.client, at_ns)


def began_ns(now_ns: int) -> int:
    """When the spans began that are sent at `now_ns`: a whole second, so that microseconds are the same everywhere."""
    return (now_ns - AGO_NS) // 10**9 * 10**9


def all_there(client: httpx.Client) -> bool:
    """Whether all spans have come: they come in one batch."""
    return len(client.get("/api/services").json()["data"] or ()) == SERVICES


def of_ours(directory: Path, now_ns: int) -> Answers:
    """What our backend answers."""
    at_ns = began_ns(now_ns)
    server = Inside(directory)
    try:
        server.start()
        assert server.send("traces", spans.request(at_ns).SerializeToString()).status_code == 200
        with server.client() as client:
            return asked(client, at_ns)
    finally:
        server.stop()


def asked(client: httpx.Client, at_ns: int) -> Answers:
    """The answers to all questions."""
    found = {}
    for question in questions.ALL:
        answer = client.get(question.path, params=question.filled(at_ns))
        found[question.name] = normal(answer.status_code, answer.json(), at_ns)
    return found


def different(real: Answers, ours: Answers) -> list[str]:
    """The questions that are answered differently."""
    return [name for name in real if real[name] != ours.get(name)]


def record(answers: Answers) -> None:
    """Write the answers down, one file each."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for old in GOLDEN.glob("*.json"):
        old.unlink()
    for name, answer in answers.items():
        text = json.dumps(answer, ensure_ascii=False, indent=1, sort_keys=True)
        (GOLDEN / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def recorded() -> Answers:
    """The answers that were written down."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*.json"))}
