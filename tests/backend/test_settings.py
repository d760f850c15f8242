"""The settings' table: four places, one order, and all mistakes at once."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_server import settings
from spanledger_server.settings import SettingsError, load


def test_without_anything_the_defaults_of_the_table_hold():
    given = load({}, {})
    assert (given.host, given.port, given.otlp_grpc_port, given.otlp_http_port) == ("127.0.0.1", 8321, 4317, 4318)
    assert given.data_dir == Path("~/.local/share/spanledger").expanduser()
    assert given.max_request_bytes == 64 * 2**20
    assert given.retention_raw == timedelta(days=7)
    assert given.admin_token is None
    assert given.max_disk is None
    assert given.loopback


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path):
    file = tmp_path / "spanledger.toml"
    file.write_text('port = 1001\ntick = "3s"\nhost = "::1"\nallowed-host = ["a.example", "b.example"]\n')
    given = load({"port": "1003", "tick": None}, {"SPANLEDGER_PORT": "1002", "SPANLEDGER_TICK": "2s"}, file)
    assert given.port == 1003
    assert given.tick == timedelta(seconds=2)
    assert given.host == "::1"
    assert given.allowed_host == ("a.example", "b.example")
    assert given.timezone == "UTC"


def test_an_empty_variable_counts_as_not_given():
    assert load({}, {"SPANLEDGER_PORT": ""}).port == 8321


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("15m", 900),
        ("2 min", 120),
        ("24h", 86400),
        ("7d", 604800),
        ("1.5h", 5400),
        ("2w", 1209600),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float):
    assert settings.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("1", 1), ("64MiB", 2**26), ("2GB", 2 * 10**9), ("1.5 KiB", 1536), ("10b", 10), ("1tib", 2**40)],
)
def test_a_size_is_a_number_and_a_unit(text: str, octets: int):
    assert settings.size(text) == octets


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0s", "1y", "1e3s", "١d", "seven days"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match="a duration above zero"):
        settings.duration(text)


@pytest.mark.parametrize("text", ["", "MiB", "-1", "0", "0.2", "1PB", "1e9", "much"])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValueError, match="a size above zero"):
        settings.size(text)


@given(st.text(max_size=12))
def test_any_text_is_a_duration_and_a_size_or_a_clear_mistake(text: str):
    for read in (settings.duration, settings.size):
        with suppress(ValueError):
            assert read(text)


def test_every_mistake_is_told_with_its_name_its_value_and_what_is_allowed(tmp_path: Path):
    file = tmp_path / "wrong.toml"
    file.write_text('colour = "red"\ntick = "soon"\n')
    with pytest.raises(SettingsError) as told:
        load({"port": "70000"}, {"SPANLEDGER_MAX_DISK": "big", "SPANLEDGER_TIMEZONE": "../etc/passwd"}, file)
    text = str(told.value)
    assert len(told.value.mistakes) == 5
    for part in (
        "--port: '70000'",
        "65535",
        "SPANLEDGER_MAX_DISK: 'big'",
        "SPANLEDGER_TIMEZONE",
        "colour in ",
        "tick in the",
    ):
        assert part in text


def test_a_wrong_admin_token_is_told_without_being_shown():
    with pytest.raises(SettingsError) as told:
        load({}, {"SPANLEDGER_ADMIN_TOKEN": "hunter2"})
    assert "hunter2" not in str(told.value)
    assert "SPANLEDGER_ADMIN_TOKEN" in str(told.value)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"late_limit": "8d"}, "--late-limit must be shorter"),
        ({"retention_minutes": "2d"}, "must not get shorter"),
        ({"port": "4317"}, "--otlp-grpc-port: 4317"),
        ({"otlp_http_port": "8321"}, "--otlp-http-port: 8321"),
        ({"price_files": "/no/such/file.yml"}, "files that exist"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(flags: dict[str, str | None], told: str):
    with pytest.raises(SettingsError, match=told):
        load(flags, {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        ("port = ", "is not TOML"),
        ("prot = 1", "prot in"),
        ("[server]\nport = 1", "server in"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, told: str):
    file = tmp_path / "spanledger.toml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load({}, {}, file)
    assert told in str(refused.value)
    assert str(file) in str(refused.value)


def test_several_servers_may_all_take_any_kept_port():
    given = load({"port": "0", "otlp_http_port": "0", "otlp_grpc_port": "0", "data_dir": ":memory:"}, {})
    assert given.file is None


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.8.9.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False)]
)
def test_loopback_is_what_only_this_machine_can_reach(host: str, loopback: bool):
    assert load({"host": host}, {}).loopback is loopback


@pytest.mark.parametrize(
    ("given", "pages"),
    [
        ({}, "http://127.0.0.1:9000"),
        ({"host": "0.0.0.0"}, "http://127.0.0.1:9000"),
        ({"host": "::"}, "http://[::1]:9000"),
        ({"host": "10.0.0.1"}, "http://10.0.0.1:9000"),
        ({"external_url": "https://ops.example.org/spanledger/"}, "https://ops.example.org/spanledger"),
    ],
)
def test_people_reach_the_pages_where_it_is_said_or_where_the_server_listens(given: dict[str, str], pages: str):
    assert settings.load(given, {}).pages(9000) == pages


@pytest.mark.parametrize(
    "address", ["ops.example.org", "https://a:b@ops.example.org", "https://ops.example.org/?x=1", "ftp://x"]
)
def test_an_address_of_the_pages_that_cannot_be_one_is_refused(address: str):
    with pytest.raises(SettingsError, match="--external-url"):
        settings.load({"external_url": address}, {})
