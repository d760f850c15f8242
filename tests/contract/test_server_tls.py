"""TLS at the backend's doors: whose certificate it shows, whose it wants to see, and new ones while it runs."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from spanledger_server.errors import SpanledgerError
from spanledger_server.settings import SettingsError
from tests.support.certificates import Authority, Pair, trusting
from tests.support.inside import Inside
from tests.support.telemetry import ledger_event, ledger_request
from tests.support.waiting import until

LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@contextmanager
def serving(directory: Path, pair: Pair, ours: Authority, *flags: str, shown: Pair | None = None) -> Iterator[Inside]:
    certificate = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
    server = Inside(directory, *certificate, "--tick", "100ms", *flags)
    server.verify = trusting(ours, shown)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def told(server: Inside, ours: Authority, shown: Pair | None = None) -> bytes:
    """The answer to a ledger event over gRPC."""
    chain = (shown.key.read_bytes(), shown.certificate.read_bytes()) if shown else (None, None)
    credentials = grpc.ssl_channel_credentials(ours.file.read_bytes(), *chain)
    with grpc.secure_channel(f"127.0.0.1:{server.grpc_port}", credentials) as channel:
        answer: bytes = channel.unary_unary(LOGS)(ledger_request(ledger_event()), timeout=5)
    return answer


def test_http_and_grpc_are_served_by_tls_and_no_longer_without(ours: Authority, tmp_path: Path) -> None:
    with serving(tmp_path, ours.issue("backend"), ours) as server:
        assert server.url.startswith("https://")
        assert server.send("logs", ledger_request(ledger_event())).status_code == 200
        assert ExportLogsServiceResponse.FromString(told(server, ours)) == ExportLogsServiceResponse()
        assert len(server.get("/api/v1/ledger", from_="now-1h", to="now+1h")["items"]) == 2
        plain = server.url.replace("https://", "http://")
        with pytest.raises(httpx.HTTPError), httpx.Client(trust_env=False) as client:
            client.get(f"{plain}/healthz")


def test_who_shows_no_certificate_or_a_strangers_is_refused_at_both_doors(ours: Authority, tmp_path: Path) -> None:
    agent, stranger = ours.issue("agent"), Authority(tmp_path, "strangers").issue("agent")
    with serving(tmp_path, ours.issue("backend"), ours, "--tls-client-ca", str(ours.file), shown=agent) as server:
        assert server.get("/healthz")
        assert told(server, ours, agent) == b""
        for shown in (None, stranger):
            with pytest.raises(httpx.HTTPError), httpx.Client(verify=trusting(ours, shown), trust_env=False) as client:
                client.get(f"{server.url}/healthz")
            with pytest.raises(grpc.RpcError) as refused:
                told(server, ours, shown)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE  # so that it is tried again


def test_an_expired_certificate_is_replaced_while_it_runs(ours: Authority, tmp_path: Path) -> None:
    running, new = ours.issue("backend", expired=True), ours.issue("new")
    with serving(tmp_path, running, ours) as server:
        with pytest.raises(httpx.ConnectError, match="expired"):
            server.get("/healthz")
        running.certificate.write_text("half written")
        shutil.copy(new.key, running.key)
        shutil.copy(new.certificate, running.certificate)

        def answers() -> bool:
            try:
                return bool(server.get("/healthz"))
            except httpx.ConnectError:
                return False

        until(answers, called="it shows the new one")
        assert told(server, ours) == b""


def test_files_that_cannot_be_used_are_told_at_the_start(ours: Authority, tmp_path: Path) -> None:
    pair, other = ours.issue("backend"), ours.issue("other")
    wrong = Pair(pair.certificate, other.key)
    with pytest.raises(SpanledgerError, match="--tls-cert"), serving(tmp_path, wrong, ours):
        pass
    with pytest.raises(SettingsError, match="needed together"):
        Inside(tmp_path, "--tls-cert", str(pair.certificate)).start()
    with pytest.raises(SettingsError, match="a file that exists"):
        Inside(tmp_path, "--tls-key", str(tmp_path / "nothing"), "--tls-cert", str(pair.certificate)).start()


def test_what_is_older_than_tls_1_2_is_refused(ours: Authority, tmp_path: Path) -> None:
    with serving(tmp_path, ours.issue("backend"), ours) as server:
        old = trusting(ours)
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError), httpx.Client(verify=old, trust_env=False) as client:
            client.get(f"{server.url}/healthz")
