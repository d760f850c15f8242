from dataclasses import fields

import pytest

from spanledger import variables
from spanledger.endpoints import targets
from spanledger.settings import TABLE, Settings, load
from spanledger.state_directory import spool_directory


def test_every_field_has_one_line_in_the_table_and_a_variable_of_its_own():
    assert [setting.field for setting in TABLE] == [field.name for field in fields(Settings)]
    assert {setting.env for setting in TABLE} == {f"SPANLEDGER_{field.name.upper()}" for field in fields(Settings)}
    assert all(setting.meaning for setting in TABLE)


def test_an_argument_wins_over_our_variable_which_wins_over_opentelemetrys_which_wins_over_the_default():
    otel = {"OTEL_SERVICE_NAME": "from-otel"}
    ours = otel | {"SPANLEDGER_SERVICE_NAME": "from-ours"}
    assert load({}, {})[0].service_name is None
    assert load({}, otel)[0].service_name == "from-otel"
    assert load({}, ours)[0].service_name == "from-ours"
    assert load({"service_name": "from-code"}, ours)[0].service_name == "from-code"


def test_all_mistakes_are_told_at_once_and_defaults_are_used_in_their_place():
    settings, mistakes = load(
        {"sample_ratio": 2, "colour": "red"},
        {
            "SPANLEDGER_PROTOCOL": "carrier-pigeon",
            "SPANLEDGER_QUEUE_SIZE": "many",
            "SPANLEDGER_HEADERS": "secret-without-equals",
        },
    )
    assert settings == Settings()
    assert len(mistakes) == 5
    assert any("carrier-pigeon" in mistake and "grpc" in mistake for mistake in mistakes)
    assert any("colour is not a setting" in mistake for mistake in mistakes)
    assert not any("secret-without-equals" in mistake for mistake in mistakes), "a header may be a secret"


@pytest.mark.parametrize(
    "environ", [{"SPANLEDGER_ENABLED": "false"}, {"SPANLEDGER_ENABLED": "0"}, {"OTEL_SDK_DISABLED": "true"}]
)
def test_it_can_be_switched_off(environ):
    assert load({}, environ)[0].enabled is False


def test_values_of_all_kinds_are_read_from_text_and_from_arguments():
    text = {
        "SPANLEDGER_HEADERS": "x-a=1,x-b=a%2Cb",
        "OTEL_TRACES_EXPORTER": "console, otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "SPANLEDGER_LOGS": "yes",
        "SPANLEDGER_LOGS_LEVEL": "warning",
        "SPANLEDGER_SPOOL_DIR": "",
    }
    settings, mistakes = load({"batch_size": 7, "handle_sigterm": False, "resource_attributes": {"k": 1}}, text)
    assert not mistakes
    assert settings.headers == {"x-a": "1", "x-b": "a,b"}
    assert settings.traces_exporter == ("console", "otlp")
    assert settings.metrics_exporter == ()
    assert (settings.logs, settings.logs_level, settings.batch_size, settings.handle_sigterm) == (
        True,
        "WARNING",
        7,
        False,
    )
    assert settings.resource_attributes == {"k": "1"}
    assert spool_directory(settings) is None


def test_the_spool_lies_in_the_users_state_directory_unless_something_else_is_said(tmp_path):
    assert spool_directory(Settings(), {"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "spanledger" / "spool"
    assert spool_directory(Settings(spool_dir=str(tmp_path / "here"))) == tmp_path / "here"


def test_without_a_word_everything_goes_to_the_local_machine_over_http():
    found, mistakes = targets(Settings(), {})
    assert not mistakes
    assert {signal: target.address for signal, target in found.items()} == {
        "traces": "http://localhost:4318/v1/traces",
        "metrics": "http://localhost:4318/v1/metrics",
        "logs": "http://localhost:4318/v1/logs",
    }


def test_a_signals_own_endpoint_is_used_as_it_is_and_the_general_one_gets_the_signals_path():
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318/otlp/",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://jaeger:4318/here",
    }
    found, _ = targets(Settings(), environ)
    assert found["traces"].address == "http://jaeger:4318/here"
    assert found["logs"].address == "https://collector:4318/otlp/v1/logs"
    assert found["logs"].secure
    assert targets(Settings(endpoint="http://mine:1"), environ)[0]["traces"].address == "http://mine:1/v1/traces"


@pytest.mark.parametrize(
    ("endpoint", "environ", "address", "secure"),
    [
        (None, {}, "localhost:4317", False),
        ("http://far:4317", {}, "far:4317", False),
        ("https://far", {}, "far:443", True),
        ("far:4317", {}, "far:4317", True),
        ("far:4317", {"OTEL_EXPORTER_OTLP_INSECURE": "true"}, "far:4317", False),
        ("localhost:9", {}, "localhost:9", False),
        ("http://[::1]:9", {}, "[::1]:9", False),
    ],
)
def test_grpc_uses_tls_where_the_scheme_says_so_and_without_a_scheme_everywhere_but_on_this_machine(
    endpoint, environ, address, secure
):
    found = targets(Settings(endpoint=endpoint, protocol="grpc"), environ)[0]["traces"]
    assert (found.address, found.secure) == (address, secure)


def test_headers_add_up_and_the_token_becomes_a_bearer():
    environ = {"OTEL_EXPORTER_OTLP_HEADERS": "a=1,b=1", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "B=2"}
    found = targets(Settings(token="t0p", headers={"C": "3"}), environ)[0]["logs"]
    assert found.headers == {"a": "1", "b": "2", "c": "3", "authorization": "Bearer t0p"}
    assert "t0p" not in repr(found)


def test_opentelemetrys_variables_for_each_signal_are_honoured_and_their_mistakes_told():
    environ = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
    }
    found, mistakes = targets(Settings(), environ)
    assert not mistakes
    assert (found["traces"].protocol, found["metrics"].protocol) == ("grpc", "http/protobuf")
    assert (found["logs"].compression, found["logs"].timeout_s, found["logs"].certificate) == ("gzip", 3.0, "/ca.pem")
    wrong = {
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "zstd",
        "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "soon",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "novalue",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "ftp://x",
    }
    found, mistakes = targets(Settings(), wrong)
    assert len(mistakes) == 5
    assert found["logs"].address == "http://localhost:4318/v1/logs"


def test_a_variable_that_nobody_reads_is_told_with_the_nearest_that_somebody_does():
    environ = {
        "SPANLEDGER_SAMPLE_RATE": "secret",
        "SPANLEDGER_ENDPONIT": "http://h",
        "SPANLEDGER_RETENTION_RAW": "7d",
        "SPANLEDGER_URL": "http://h",
        "SPANLEDGER_DEMO_PROVIDER_PORT": "1",
        "OTHER_SAMPLE_RATE": "1",
    }
    _, mistakes = load({}, environ)
    assert mistakes == [
        "SPANLEDGER_ENDPONIT is not a setting: did you mean SPANLEDGER_ENDPOINT?",
        "SPANLEDGER_SAMPLE_RATE is not a setting: did you mean SPANLEDGER_SAMPLE_RATIO?",
    ]


def test_the_sdk_knows_every_variable_of_the_backend():
    from spanledger_server.settings import table

    assert sorted(row.variable for row in table()) == sorted(variables.BACKEND)
