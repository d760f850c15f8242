"""Which sampler the settings and `OTEL_TRACES_SAMPLER` ask for.

Given the settings and the environment, gives what was chosen and a sentence for each mistake. OpenTelemetry's names
keep their meaning, but the samplers are ours, because OpenTelemetry's own do not write down the threshold by which kept
spans can be counted.

Never: an exception; all traces are kept where what was asked for is not there.
"""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from importlib.metadata import entry_points

from opentelemetry.sdk.trace.sampling import Sampler

from spanledger.endpoints import Target, targets
from spanledger.guard import guard
from spanledger.sampling.load import Limits
from spanledger.sampling.remote import ASK_EVERY_S, Remote
from spanledger.sampling.sampler import ConsistentSampler, RatioSampler
from spanledger.sampling.selection import Chosen
from spanledger.sampling.strategies import Ratio, SpansPerSecond, Strategy, TracesPerSecond
from spanledger.sampling.tail import Keep
from spanledger.settings import Settings, load

CONSTANT: Mapping[str, tuple[float, bool]] = {  # the share, and whether a span with a parent follows it
    "always_on": (1.0, False),
    "always_off": (0.0, False),
    "parentbased_always_on": (1.0, True),
    "parentbased_always_off": (0.0, True),
}
RATIO = {"traceidratio": False, "parentbased_traceidratio": True}
WAYS: Mapping[str, Callable[[float], Strategy]] = {
    "ratio": Ratio,
    "rate": TracesPerSecond,
    "adaptive": SpansPerSecond,
}
OTHERWISE = {"ratio": 1.0, "rate": 10.0, "adaptive": 100.0}
MORE = ("every", "keep_errors", "slow", "expensive", "cpu", "lag")
_guard = guard("sampling.choose")


def chosen_sampler(settings: Settings, environ: Mapping[str, str], service: str = "") -> tuple[Chosen, list[str]]:
    """What was chosen, and what was wrong with what was asked for.

    Args:
        settings: The settings that hold; what they say of sampling goes before OpenTelemetry's variables.
        environ: For those variables.
        service: Whose shares a remote endpoint is asked for.
    """
    if settings.sampler is not None:
        return _chosen("SPANLEDGER_SAMPLER", settings.sampler, service, settings, environ)
    if settings.sample_ratio is not None:
        return Chosen(RatioSampler(settings.sample_ratio)), []
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if not name or name == "spanledger":
        return _chosen("OTEL_TRACES_SAMPLER_ARG", argument if name else "", service, settings, environ)
    if name in CONSTANT:
        ratio, parent_based = CONSTANT[name]
        return Chosen(RatioSampler(ratio, parent_based=parent_based)), []
    if name in RATIO:
        try:
            ratio = _number({"ratio": argument.removeprefix("ratio=")} if argument else {}, "ratio", 1.0)
            return Chosen(RatioSampler(ratio, parent_based=RATIO[name])), []
        except ValueError as error:
            return Chosen(RatioSampler(1.0)), [f"OTEL_TRACES_SAMPLER_ARG={argument!r}: {error}; all traces are kept"]
    return _installed(name, argument)


def from_argument(argument: str | None = None) -> Sampler:
    """The sampler alone, where OpenTelemetry's own configurator puts programs together.

    Args:
        argument: `OTEL_TRACES_SAMPLER_ARG`; a configuration file gives none, and then `SPANLEDGER_SAMPLER` is asked.

    Raises:
        ValueError: When it is wrong, with what is allowed.
    """
    held, _ = load()
    return read(argument or held.sampler or "", held.service_name or "", held).sampler


def read(argument: str, service: str, settings: Settings, environ: Mapping[str, str] | None = None) -> Chosen:
    """What an argument asks for: `ratio=0.1`, `rate=50`, `adaptive=100` or `remote=http://…`, and what goes with it.

    Args:
        argument: `name=value` with commas between; a bare number is a ratio, nothing is all.
        service: Whose shares a remote endpoint is asked for.
        settings: For what a remote endpoint is sent.
        environ: The same; None: the process's.

    Raises:
        ValueError: When it is wrong, with what is allowed.
    """
    said: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in argument.split(","))):
        name, equals, value = part.partition("=")
        name, value = (name.strip(), value.strip()) if equals else ("ratio", name.strip())
        if name not in (*WAYS, "remote", *MORE):
            raise ValueError(f"{name!r} is none of {', '.join((*WAYS, 'remote', *MORE))}")
        if name in said:
            raise ValueError(f"{name} is said twice")
        said[name] = value
    ways = [name for name in WAYS if name in said]
    if len(ways) > 1:
        raise ValueError(f"{' and '.join(ways)} cannot both hold")
    way = ways[0] if ways else "rate" if "remote" in said else "ratio"
    number = _number(said, way, OTHERWISE[way])
    if "remote" not in said and way == "ratio":
        return Chosen(RatioSampler(number), _keep(said), _limits(said))
    strategy = WAYS[way](number)
    if "remote" in said:
        every_s = _number(said, "every", ASK_EVERY_S)
        strategy = _remote(said["remote"], service, strategy, every_s, settings, environ)
    return Chosen(ConsistentSampler(strategy), _keep(said), _limits(said))


def _remote(
    url: str,
    service: str,
    otherwise: Strategy,
    every_s: float,
    settings: Settings,
    environ: Mapping[str, str] | None,
) -> Remote:
    """Asked with the token and the certificates that spans are sent with."""
    way = targets(settings, os.environ if environ is None else environ)[0]["traces"]
    headers = {name: value for name, value in way.headers.items() if name == "authorization"}
    return Remote(url, service, otherwise, headers=headers, trust=partial(_trusting, way), every_s=every_s)


def _trusting(way: Target) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=way.certificate)
    if way.client_certificate:
        context.load_cert_chain(way.client_certificate, way.client_key)
    return context


def _chosen(
    where: str, argument: str, service: str, settings: Settings, environ: Mapping[str, str]
) -> tuple[Chosen, list[str]]:
    try:
        return read(argument, service, settings, environ), []
    except ValueError as error:
        return Chosen(RatioSampler(1.0)), [f"{where}={argument!r}: {error}; all traces are kept"]


def _keep(said: Mapping[str, str]) -> Keep:
    if not _number(said, "keep_errors", 1):
        return Keep(errors=False, slow_s=None, expensive_usd=None)
    usual = Keep()
    slow_s = _number(said, "slow", usual.slow_s or 0.0)
    expensive = _number(said, "expensive", float(usual.expensive_usd or 0))
    return Keep(slow_s=slow_s or None, expensive_usd=Decimal(str(expensive)) or None)


def _limits(said: Mapping[str, str]) -> Limits:
    return Limits(_number(said, "cpu", 0.0) or None, _number(said, "lag", 0.0) or None)


def _number(said: Mapping[str, str], name: str, otherwise: float) -> float:
    text = said.get(name)
    if text is None:
        return otherwise
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name}={text} is no number from 0 up")
    return number


def _installed(name: str, argument: str) -> tuple[Chosen, list[str]]:
    """A sampler that some package brings along."""
    for found in entry_points(group="opentelemetry_traces_sampler", name=name):
        with _guard:
            made = found.load()(argument or None)
            if isinstance(made, Sampler):
                return Chosen(made), []
    mistake = f"OTEL_TRACES_SAMPLER={name!r} is no sampler that is installed; all traces are kept"
    return Chosen(RatioSampler(1.0)), [mistake]
