"""The examples of docs/sampling.md, run as they stand there, and its defaults."""

import re

import pytest

from spanledger.sampling.choose import OTHERWISE, read
from spanledger.sampling.remote import ASK_EVERY_S, BELIEVE_S, Remote
from spanledger.sampling.strategies import SpansPerSecond
from spanledger.sampling.tail import LONGEST_S, MOST_OF_ONE, MOST_REMEMBERED, MOST_SPANS, Keep
from spanledger.settings import Settings
from tests.sdk.making import ROOT, program
from tests.sdk.receiver import attributes, http_receiver

PAGE = (ROOT / "docs" / "sampling.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Choosing, in the program")[2].partition("\n## ")[0]
(PYTHON,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
(SHELL,) = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
(YAML,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
TRACES = """
from opentelemetry import trace
tracer = trace.get_tracer("mine")
for number in range(100):
    with tracer.start_as_current_span("request") as span:
        if number == 50:
            span.set_status(trace.StatusCode.ERROR)
"""


def test_the_example_in_python_chooses_and_keeps_what_failed():
    with http_receiver() as (received, address):
        done = program(PYTHON + TRACES, env={"SPANLEDGER_ENDPOINT": address})
        assert done.returncode == 0, done.stderr
    roots = [attributes(span) for span in received.spans()]
    assert {root["spanledger.sampling.strategy"] for root in roots} == {"adaptive"}
    assert [root["spanledger.sampling.stratum"] for root in roots].count("error") == 1


def test_the_example_of_the_variables_asks_the_backend():
    argument = SHELL.partition("_ARG='")[2].partition("'")[0]
    strategy = read(argument, "shop", Settings(), {}).sampler.strategy
    assert type(strategy) is Remote
    assert strategy._otherwise.target == 20


def test_the_example_of_a_file_is_what_opentelemetry_reads(tmp_path):
    pytest.importorskip("opentelemetry.configuration", reason="opentelemetry-configuration is not installed")
    file = tmp_path / "otel.yaml"
    file.write_text(YAML)
    code = "from spanledger.distro import SpanledgerConfigurator\nSpanledgerConfigurator().configure()\n"
    code += "from opentelemetry import trace\nprint(trace.get_tracer_provider().sampler.get_description())\n"
    with http_receiver() as (_, address):
        env = {"SPANLEDGER_ENDPOINT": address, "OTEL_CONFIG_FILE": str(file), "SPANLEDGER_SAMPLER": "adaptive=7"}
        done = program(code, env=env)
    assert "ConsistentSampler{adaptive" in done.stdout, done.stderr


def test_every_argument_in_the_tables_is_one_and_the_defaults_are_those_told():
    found = re.findall(r"^\| `([a-z_]+)(=[^`]*)?`", SECTION, re.MULTILINE)
    assert [name for name, _ in found] == [
        *("ratio", "rate", "adaptive", "remote", "keep_errors", "slow", "expensive", "cpu", "lag"),
    ]
    for name, value in found:
        read(f"{name}{value or '=1'}".replace("…", "localhost"), "", Settings(), {})
    assert type(read("adaptive=100", "", Settings()).sampler.strategy) is SpansPerSecond
    usual = read("rate=1,slow=10,expensive=0.5", "", Settings()).keep
    assert usual == Keep()
    assert (OTHERWISE["rate"], ASK_EVERY_S, BELIEVE_S) == (10, 60, 300)
    assert (LONGEST_S, MOST_OF_ONE, MOST_SPANS, MOST_REMEMBERED) == (30, 256, 20_000, 20_000)
