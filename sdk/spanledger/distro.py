"""For `opentelemetry-instrument`: the same as `configure()` and `instrument()`, with no code.

Given the environment, configures the SDK and instruments what is installed.

Never: a setting that OpenTelemetry's variables or ours have said and that is not honoured.
"""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.util._importlib_metadata import EntryPoint

from spanledger.configure import enabled, set_up
from spanledger.instrumentation import use_stable_names


class SpanledgerDistro(BaseDistro):  # type: ignore[misc]
    """Chooses how libraries are instrumented."""

    def _configure(self, **kwargs: Any) -> None:
        """Ask for the stable HTTP names before the first instrumentation is loaded; the rest is `configure()`'s."""
        del kwargs
        if enabled():
            use_stable_names()

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Instrument one library, the way `spanledger.instrument()` does; that its version fits was checked before."""
        del kwargs
        if enabled():
            from spanledger.libraries import turn_on

            turn_on(entry_point)


class SpanledgerConfigurator:
    """Configures the SDK from the environment."""

    def configure(self, **kwargs: Any) -> None:
        """Called by `opentelemetry-instrument` with the version of the instrumentation that is loaded."""
        if os.environ.get("OTEL_CONFIG_FILE"):  # a whole SDK as a file: OpenTelemetry makes it, we add our processors
            from opentelemetry.sdk._configuration import _OTelSDKConfigurator

            _OTelSDKConfigurator().configure()  # type: ignore[no-untyped-call]
        version = kwargs.get("auto_instrumentation_version")
        set_up({}, attributes={"telemetry.auto.version": str(version)} if version else None)
