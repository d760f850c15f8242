"""When any of them dies, is away or answers badly, the ledger has each call once, and spans too where all are kept."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stack import between
from tests.stack.between import Behaviour, Between
from tests.stack.collectors import TOKEN
from tests.stack.disk import can_be_small, give_room, on_a_disk_of
from tests.stack.network import HERE, THERE, Cable, can_be_cut
from tests.stack.stack import OTLP, Sending, Stack, expect_each_once, expect_the_sum_to_close, note
from tests.stack.wire import Wire
from tests.support.certificates import Authority, Pair, trusting
from tests.support.inside import Inside
from tests.support.telemetry import NS, ledger_event, ledger_request, span, span_request
from tests.support.thorough import TIMES

MORE = 300 * TIMES  # calls between two blows
HOUR_NS = 3600 * NS


def expect_all_spans(stack: Stack, sent: Sending) -> None:
    """As many spans as calls: none lost, none twice; and the sum of what became of them closes."""
    try:
        stack.wait_for(lambda: stack.stored("spans") >= len(sent.taken), "all spans are there")
    except AssertionError as error:
        raise AssertionError(f"{error}: {len(sent.taken)} were taken, and {stack.loss('spans')}") from error
    expect_the_sum_to_close(stack, sent, "spans")


@pytest.mark.slow
def test_a_backend_that_is_away_and_then_killed_under_load_has_each_call_once(stack: Stack) -> None:
    stack.backend_process()
    stack.add_gateway("keep-all.yaml").start()
    stack.add_agent().start()
    with Sending(stack.agent.http_port).running() as sent:
        sent.reach(MORE)  # nobody is there yet
        stack.backend.start()
        stack.wait_for(lambda: stack.stored("ledger") >= MORE, "what waited has come")
        stack.backend.kill()
        sent.reach(len(sent.taken) + MORE)
        stack.backend.start()
        sent.reach(len(sent.taken) + MORE)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
def test_an_agent_killed_with_a_full_queue_on_disk_loses_nothing(stack: Stack) -> None:
    stack.backend.start()
    stack.add_gateway("keep-all.yaml")
    stack.add_agent(AGENT_QUEUE_ITEMS="3000").start()
    with Sending(stack.agent.http_port, batch=100).running() as sent:
        agent = stack.agent
        stack.wait_for(lambda: agent.count("otelcol_exporter_enqueue_failed_spans") > 0, "the queue is full")
        assert 2900 <= len(sent.taken) <= 3100  # it takes no more than it can keep
        agent.kill()
        agent.start()
        stack.gateway.start()
        sent.reach(len(sent.taken) + MORE)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
def test_a_killed_gateway_and_then_both_at_once_lose_nothing_where_all_traces_are_kept(stack: Stack) -> None:
    stack.start()
    with Sending(stack.agent.http_port).running() as sent:
        sent.reach(MORE)
        stack.gateway.kill()
        sent.reach(len(sent.taken) + MORE)
        stack.gateway.start()
        sent.reach(len(sent.taken) + MORE)
        stack.agent.kill()
        stack.gateway.kill()
        stack.gateway.start()
        stack.agent.start()
        sent.reach(len(sent.taken) + MORE)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


def test_a_killed_gateway_loses_only_the_traces_that_it_was_deciding_and_no_money(stack: Stack) -> None:
    waits = {"GATEWAY_DECISION_WAIT": "60s", "GATEWAY_WAIT_AFTER_ROOT": "60s"}
    stack.start(keep_all=False, GATEWAY_KEEP_RATIO="1", GATEWAY_OWN_METRICS_EVERY_MS="300", **waits)
    with Sending(stack.agent.http_port).running() as sent:
        sent.reach(MORE)
        stack.wait_for(lambda: stack.stored("ledger") >= MORE, "the ledger does not wait for traces")
    accepted = lambda: passage(stack, "spanledger-gateway", "spans").get("accepted", 0)  # noqa: E731
    stack.wait_for(lambda: accepted() >= len(sent.taken), "the gateway has the spans, and has told so")
    sent.tell(stack.backend)
    told = stack.loss("spans")
    assert (told["waiting"], told["unexplained"]) == ({"spanledger-gateway": len(sent.taken)}, 0)
    stack.gateway.kill()
    stack.gateway.start()
    expect_each_once(stack, sent)
    stack.wait_for(lambda: bool(stack.loss("spans")["dropped"]), "the new one has told of itself")
    expect_the_sum_to_close(stack, sent, "spans", stored=0, dropped=len(sent.offered))
    assert stack.loss("spans")["drops"]["spanledger-gateway"] == {"killed_undecided": len(sent.taken)}


TROUBLE = [
    between.unavailable,
    between.unavailable_for_a_while,
    between.exhausted_for_a_while,
    between.stored_but_not_acknowledged,
    between.stored_and_acknowledged_too_late,
]


@pytest.mark.slow
def test_a_backend_in_trouble_gets_each_call_once_in_the_end(stack: Stack) -> None:
    stack.backend.start()
    with Between(stack.backend.grpc_port, [*TROUBLE, *TROUBLE]) as troubled:
        stack.add_gateway("keep-all.yaml", to_port=troubled.port, GATEWAY_TIMEOUT="1s").start()
        stack.add_agent().start()
        with Sending(stack.agent.http_port).running() as sent:
            stack.wait_for(troubled.trouble_over, "all of the trouble was met")
            sent.reach(len(sent.taken) + MORE)
        assert all(troubled.behaved[each.__name__] == 2 for each in TROUBLE)
        expect_each_once(stack, sent)
        expect_all_spans(stack, sent)
        stack.gateway.stop()


def passage(stack: Stack, service: str, signal: str) -> dict[str, Any]:
    """What the backend knows of a Collector's items of one signal."""
    rows = stack.backend.get("/api/v1/loss")["collectors"]
    return next((row for row in rows if (row["service"], row["signal"]) == (service, signal)), {})


@pytest.mark.parametrize("answer", [between.exhausted, between.invalid])
def test_what_a_final_answer_drops_is_counted_and_put_to_its_service(answer: Behaviour, stack: Stack) -> None:
    stack.backend.start()
    with Between(stack.backend.grpc_port, [answer], only=between.LOGS) as troubled:
        stack.add_gateway("keep-all.yaml", to_port=troubled.port, GATEWAY_OWN_METRICS_EVERY_MS="300").start()
        url = f"http://127.0.0.1:{stack.gateway.http_port}/v1/logs"
        for count in (7, 5):
            body = ledger_request(*(ledger_event() for _ in range(count)))
            assert httpx.post(url, content=body, headers=OTLP | {"authorization": f"Bearer {TOKEN}"}).status_code == 200
            stack.wait_for(
                lambda: stack.gateway.count("otelcol_exporter_send_failed_log_records") == 7, "7 were dropped"
            )
        stack.wait_for(lambda: stack.stored("ledger") == 5, "the others have come")
        ways = {"otlp_grpc/backend": {"sent": 5, "dropped": 7, "queued": 0, "capacity": 500_000}}
        told = {"service": "spanledger-gateway", "host": "local", "signal": "logs", "accepted": 12, "refused": 0}
        told |= {"exporters": ways, "sampled": 0, "deciding": 0, "undecided": 0}
        stack.wait_for(lambda: passage(stack, "spanledger-gateway", "logs") == told, "the backend knows")
        sent = Sending()
        sent.offered = sent.taken = {str(number) for number in range(12)}
        expect_the_sum_to_close(stack, sent, "ledger", stored=5, dropped=7)
        assert stack.loss("ledger")["drops"]["spanledger-gateway"] == {"send_failed": 7}
        stack.gateway.stop()


def test_an_agent_with_the_wrong_token_says_what_it_drops(stack: Stack) -> None:
    stack.backend.start()
    stack.add_gateway("keep-all.yaml").start()
    stack.add_agent(GATEWAY_TOKEN="of yesterday").start()
    url = f"http://127.0.0.1:{stack.agent.http_port}/v1/logs"
    body = ledger_request(*(ledger_event() for _ in range(9)))
    assert httpx.post(url, content=body, headers=OTLP).status_code == 200
    stack.wait_for(lambda: stack.agent.count("otelcol_exporter_send_failed_log_records") == 9, "9 were dropped")
    assert "Unauthenticated" in stack.agent.log()
    sent = Sending()
    sent.offered = sent.taken = {str(number) for number in range(9)}
    sent.tell(stack.backend)
    row = stack.loss("ledger")  # the agent's own counters are refused as well: what is missing shows, and not where
    note(row)
    assert (row["stored"], row["unexplained"], row["reason"]) == (0, 9, "nobody on the way tells of these")


def test_the_same_batch_through_two_gateways_is_there_once(stack: Stack) -> None:
    stack.backend.start()
    for _ in range(2):
        stack.add_gateway("keep-all.yaml").start()
    events = [ledger_event() for _ in range(50)]
    spans = [span() for _ in range(50)]
    headers = OTLP | {"authorization": f"Bearer {TOKEN}"}
    for gateway in stack.gateways:
        for signal, body in (("logs", ledger_request(*events)), ("traces", span_request(*spans))):
            url = f"http://127.0.0.1:{gateway.http_port}/v1/{signal}"
            assert httpx.post(url, content=body, headers=headers).status_code == 200
    for gateway in stack.gateways:
        stack.wait_for(lambda gateway=gateway: gateway.count("otelcol_exporter_sent_spans") == 50, "it sent its spans")
        stack.wait_for(
            lambda gateway=gateway: gateway.count("otelcol_exporter_sent_log_records") == 50, "it sent its events"
        )
    sent = Sending()
    sent.offered = sent.taken = {str(number) for number in range(50)}
    for signal in ("ledger", "spans"):
        expect_the_sum_to_close(stack, sent, signal)


@pytest.mark.parametrize("by_ns", [-HOUR_NS, HOUR_NS - 60 * NS], ids=["an hour behind", "almost an hour ahead"])
def test_a_sender_whose_clock_is_off_loses_nothing(by_ns: int, stack: Stack) -> None:
    stack.start()
    with Sending(stack.agent.http_port, at_ns=lambda: time.time_ns() + by_ns).running() as sent:
        sent.reach(60)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
def test_a_network_that_freezes_half_closes_and_is_cut_loses_nothing(stack: Stack) -> None:
    stack.backend.start()
    stack.add_gateway("keep-all.yaml").start()
    with Wire(stack.gateway.grpc_port) as wire:
        stack.add_agent(GATEWAY_ENDPOINT=f"127.0.0.1:{wire.port}", AGENT_TIMEOUT="1s").start()
        with Sending(stack.agent.http_port).running() as sent:
            sent.reach(MORE)
            wire.freeze()
            stack.wait_for(lambda: "DeadlineExceeded" in stack.agent.log(), "the agent hears nothing")
            wire.heal()
            sent.reach(len(sent.taken) + MORE)
            wire.half_close()
            sent.reach(len(sent.taken) + MORE)
            wire.cut()
            stack.wait_for(lambda: stack.agent.count("otelcol_exporter_queue_size") > MORE, "it waits in the queue")
            wire.heal()
            sent.reach(len(sent.taken) + MORE)
        expect_each_once(stack, sent)
        expect_all_spans(stack, sent)
        stack.agent.stop()


@pytest.mark.slow
def test_all_of_them_restarted_one_by_one_under_load_lose_nothing(stack: Stack) -> None:
    stack.backend_process()
    stack.start()
    with Sending(stack.agent.http_port).running() as sent:
        sent.reach(100)
        stack.agent.change()
        stack.gateway.change()
        stack.backend.stop()
        stack.backend.start()
        sent.reach(len(sent.taken) + 100)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
def test_a_new_token_while_everything_runs_loses_nothing(stack: Stack) -> None:
    stack.backend.start()
    before = {"GATEWAY_TOKEN": "old"}
    stack.add_gateway("keep-all.yaml", **before).start()
    stack.add_agent(**before).start()
    with Sending(stack.agent.http_port).running() as sent:
        sent.reach(60)
        stack.gateway.change(GATEWAY_TOKEN="new", GATEWAY_TOKEN_BEFORE="old")
        sent.reach(len(sent.taken) + 60)
        stack.agent.change(GATEWAY_TOKEN="new")
        sent.reach(len(sent.taken) + 60)
        stack.gateway.change(GATEWAY_TOKEN_BEFORE="new")
        sent.reach(len(sent.taken) + 60)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
def test_a_backend_that_takes_five_seconds_for_an_answer_gets_each_call_once(stack: Stack) -> None:
    stack.backend.start()
    with Between(stack.backend.grpc_port, [between.slow] * 2) as troubled:
        stack.add_gateway("keep-all.yaml", to_port=troubled.port).start()
        stack.add_agent().start()
        with Sending(stack.agent.http_port).running() as sent:
            stack.wait_for(troubled.trouble_over, "it was slow")
            sent.reach(len(sent.taken) + MORE)
        expect_each_once(stack, sent)
        expect_all_spans(stack, sent)
        assert troubled.behaved["slow"] == 2
        stack.gateway.stop()


@pytest.mark.slow
@pytest.mark.skipif(not can_be_cut(), reason="no network namespaces here to cut")
def test_a_network_cut_between_an_agent_and_its_gateway_and_healed_loses_nothing(stack: Stack) -> None:
    stack.backend.start()
    with Cable() as cable:
        stack.add_gateway("keep-all.yaml", address=HERE).start()
        agent = stack.add_agent(address=THERE, AGENT_TIMEOUT="1s")
        agent.within(cable.within)
        agent.start()
        with Sending(agent.http_port, address=THERE).running() as sent:
            sent.reach(MORE)
            cable.cut()  # the sender is on this side of it
            stack.wait_for(lambda: len(sent.offered) > len(sent.taken), "a batch is on its way")
            cable.heal()
            sent.reach(len(sent.taken) + MORE)
        expect_each_once(stack, sent)
        expect_all_spans(stack, sent)
        agent.stop()


SMALL = pytest.mark.skipif(not can_be_small(), reason="no mount namespaces here to make a disk full in")


@pytest.mark.slow
@SMALL
def test_a_backend_whose_disk_is_full_asks_to_come_back_and_goes_on_when_there_is_room(stack: Stack) -> None:
    backend = stack.backend_process()
    backend.within = on_a_disk_of(67_000, backend.data)
    backend.start()
    stack.add_gateway("keep-all.yaml").start()
    stack.add_agent().start()
    with Sending(stack.agent.http_port, batch=100).running() as sent:
        stack.wait_for(lambda: "bytes are free" in stack.gateway.log(), "it asks to come back")
        give_room(262_144, backend.data, backend.pid)
        sent.reach(len(sent.taken) + MORE)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
@SMALL
def test_an_agent_whose_disk_is_full_refuses_and_goes_on_when_there_is_room(stack: Stack) -> None:
    stack.backend.start()
    stack.add_gateway("keep-all.yaml")
    agent = stack.add_agent()
    agent.within(on_a_disk_of(1200, agent.state))
    agent.start()
    with Sending(agent.http_port, batch=100).running() as sent:
        stack.wait_for(lambda: "no space left" in agent.log(), "the disk is full")
        assert agent.healthy()
        taken = len(sent.taken)
        give_room(65_536, agent.state, agent.pid)
        sent.reach(taken + MORE)
        stack.gateway.start()
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
def test_wrong_and_expired_certificates_on_either_side_lose_nothing(stack: Stack, tmp_path: Path) -> None:
    ours, strangers = Authority(tmp_path, "ours"), Authority(tmp_path, "strangers")
    good, expired = ours.issue("gateway"), ours.issue("old", expired=True)
    stack.backend.start()
    gateway = stack.add_gateway(
        "keep-all.yaml",
        "gateway-tls.yaml",
        GATEWAY_CERT_FILE=str(expired.certificate),
        GATEWAY_KEY_FILE=str(expired.key),
        GATEWAY_CLIENT_CA_FILE=str(ours.file),
    ).start()
    agent = stack.add_agent(
        GATEWAY_INSECURE="false", GATEWAY_CA_FILE=str(ours.file), **shown(ours.issue("agent"))
    ).start()
    with Sending(agent.http_port).running() as sent:
        stack.wait_for(lambda: "certificate has expired" in agent.log(), "the agent sees that it has expired")
        gateway.change(GATEWAY_CERT_FILE=str(good.certificate), GATEWAY_KEY_FILE=str(good.key))
        stack.wait_for(lambda: stack.stored("ledger") > 0, "the ledger comes")
        agent.change(**shown(strangers.issue("agent")))
        stack.wait_for(lambda: "unknown certificate authority" in agent.log(), "the gateway refuses a stranger's")
        sent.reach(len(sent.taken) + 60)
        agent.change(**shown(ours.issue("agent")))
        sent.reach(len(sent.taken) + 60)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


@pytest.mark.slow
def test_wrong_and_expired_certificates_between_gateway_and_backend_lose_nothing(stack: Stack, tmp_path: Path) -> None:
    ours, strangers = Authority(tmp_path, "ours"), Authority(tmp_path, "strangers")
    backend, good = ours.issue("backend", expired=True), ours.issue("new")
    files = ("--tls-cert", str(backend.certificate), "--tls-key", str(backend.key), "--tls-client-ca", str(ours.file))
    stack.backend = Inside(stack.directory, *files, "--tick", "100ms")
    stack.backend.verify = trusting(ours, ours.issue("reader"))
    stack.backend.start()
    trusts = {"BACKEND_INSECURE": "false", "BACKEND_CA_FILE": str(ours.file)}
    gateway = stack.add_gateway("keep-all.yaml", **trusts, **shown(ours.issue("gateway"), "GATEWAY_SHOWN")).start()
    stack.add_agent().start()
    with Sending(stack.agent.http_port).running() as sent:
        stack.wait_for(lambda: "certificate has expired" in gateway.log(), "the gateway sees that it has expired")
        shutil.copy(good.key, backend.key)
        shutil.copy(good.certificate, backend.certificate)
        stack.wait_for(lambda: gateway.count("otelcol_exporter_sent_log_records") > 0, "the ledger comes")
        gateway.change(**shown(strangers.issue("gateway"), "GATEWAY_SHOWN"))
        tried = gateway.log().count("Unavailable")
        stack.wait_for(lambda: gateway.log().count("Unavailable") > tried, "the backend refuses a stranger's")
        sent.reach(len(sent.taken) + 60)
        gateway.change(**shown(ours.issue("gateway"), "GATEWAY_SHOWN"))
        sent.reach(len(sent.taken) + 60)
    expect_each_once(stack, sent)
    expect_all_spans(stack, sent)


def shown(pair: Pair, whose: str = "AGENT") -> dict[str, str]:
    """A Collector's variables for the certificate that it shows."""
    return {f"{whose}_CERT_FILE": str(pair.certificate), f"{whose}_KEY_FILE": str(pair.key)}
