"""Which sampler the settings and `OTEL_TRACES_SAMPLER` ask for.

Given the settings and the environment, gives a sampler and a sentence for each mistake. OpenTelemetry's names keep
their meaning; the two that name a ratio are ours, because OpenTelemetry's own do not write down the threshold by which
kept spans can be counted.

Never: an exception; all traces are kept where what was asked for is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, DEFAULT_OFF, DEFAULT_ON, Sampler

from spanledger.guard import guard
from spanledger.sampling.ratio import RatioSampler, from_argument
from spanledger.settings import Settings

CONSTANT: Mapping[str, Sampler] = {
    "always_on": ALWAYS_ON,
    "always_off": ALWAYS_OFF,
    "parentbased_always_on": DEFAULT_ON,
    "parentbased_always_off": DEFAULT_OFF,
}
RATIO = {"traceidratio": False, "parentbased_traceidratio": True, "spanledger": True}
_guard = guard("sampling.choose")


def chosen_sampler(settings: Settings, environ: Mapping[str, str]) -> tuple[Sampler, list[str]]:
    """The sampler, and what was wrong with what was asked for."""
    if settings.sample_ratio is not None:
        return RatioSampler(settings.sample_ratio), []
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if not name:
        return RatioSampler(1.0), []
    if name in CONSTANT:
        return CONSTANT[name], []
    if name in RATIO:
        try:
            sampler = from_argument(argument)
        except ValueError:
            mistake = f"OTEL_TRACES_SAMPLER_ARG={argument!r} is not a ratio between 0 and 1; all traces are kept"
            return RatioSampler(1.0), [mistake]
        return RatioSampler(sampler.ratio, parent_based=RATIO[name]), []
    return _installed(name, argument)


def _installed(name: str, argument: str) -> tuple[Sampler, list[str]]:
    """A sampler that some package brings along."""
    for found in entry_points(group="opentelemetry_traces_sampler", name=name):
        with _guard:
            made = found.load()(argument or None)
            if isinstance(made, Sampler):
                return made, []
    return RatioSampler(1.0), [f"OTEL_TRACES_SAMPLER={name!r} is no sampler that is installed; all traces are kept"]
