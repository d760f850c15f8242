"""The sender of the ingest benchmark, a process of its own: prints what was acknowledged and how fast.

``python -m tests.benchmarks.sender http|grpc URL SPANS CONNECTIONS SECONDS [SPANS_A_SECOND [SPANS_A_CALL]]`` prints one
line of JSON.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count, islice
from urllib.parse import urlsplit

import grpc

from tests.benchmarks.load import trace_requests

_PREPARED = 48
_SLOWER = 1.3  # at most, beside other work, than the first request is prepared
_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def _http(url: str) -> Callable[[bytes], bool]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)

    def send(body: bytes) -> bool:
        connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200

    return send


def _grpc(url: str) -> Callable[[bytes], bool]:
    options = [("grpc.max_send_message_length", -1)]
    export = grpc.insecure_channel(url, options).unary_unary(_EXPORT)

    def send(body: bytes) -> bool:
        try:
            export(body, timeout=60)
        except grpc.RpcError:
            return False
        return True

    return send


def _prepared(spans: int) -> list[bytes]:
    return list(islice(trace_requests(spans), _PREPARED if spans > 1000 else 600))


def _timed(spans: int, seconds: float, rate: float, spans_a_call: int) -> list[bytes]:
    """Requests whose spans end as they are sent: a minute holds what a minute brings. Returns when the first is due."""
    number, apart_ns = int(rate * seconds / spans) + 1, int(spans / rate * 1e9)
    began = time.perf_counter()
    next(trace_requests(spans, spans_a_call=spans_a_call))
    begin_ns = time.time_ns() + int((time.perf_counter() - began) * _SLOWER * number * 1e9)
    sent_ns = partial(next, count(begin_ns, apart_ns))
    prepared = list(islice(trace_requests(spans, now_ns=sent_ns, spans_a_call=spans_a_call), number))
    time.sleep(max(0.0, (begin_ns - time.time_ns()) / 1e9))
    return prepared


def main(
    protocol: str, url: str, spans: int, connections: int, seconds: float, rate: float | None, spans_a_call: int = 1
) -> dict[str, object]:
    """Send prepared requests over several connections until time or requests run out."""
    prepared = _prepared(spans) if rate is None else _timed(spans, seconds, rate, spans_a_call)
    lock = threading.Lock()
    taken = 0
    waits: list[float] = []
    refused = 0
    began = time.perf_counter()

    def work() -> None:
        nonlocal taken, refused
        send = _http(url) if protocol == "http" else _grpc(url)
        while time.perf_counter() - began < seconds:
            with lock:
                if taken == len(prepared):
                    return
                mine, taken = taken, taken + 1
            if rate is not None:
                time.sleep(max(0.0, began + mine * spans / rate - time.perf_counter()))
            due = time.perf_counter()
            sent = send(prepared[mine])
            with lock:
                waits.append(time.perf_counter() - due)
                refused += not sent

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - began
    waits.sort()
    return {
        "acknowledged": (len(waits) - refused) * spans,
        "refused_requests": refused,
        "spans_per_second": round((len(waits) - refused) * spans / elapsed),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 1),
        "seconds": round(elapsed, 2),
    }


if __name__ == "__main__":
    _, protocol_, url_, spans_, connections_, seconds_, *paced_ = sys.argv
    rate_, spans_a_call_ = [*paced_, None, None][:2]
    found = main(
        protocol_,
        url_,
        int(spans_),
        int(connections_),
        float(seconds_),
        None if rate_ is None else float(rate_),
        int(spans_a_call_ or 1),
    )
    print(json.dumps(found))
