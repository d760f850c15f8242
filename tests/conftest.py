"""Fixtures that any test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import thorough
from tests.support.inside import Inside

settings.register_profile(  # the same examples each time, however slow the machine; `make fuzz` looks for new ones
    "repeated",
    derandomize=thorough.TIMES == 1,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeated")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    """A running server of this test's own."""
    running = Inside(tmp_path)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A running server for all tests of a file: for those that change nothing others would notice."""
    running = Inside(tmp_path_factory.mktemp("server"))
    try:
        yield running.start()
    finally:
        running.stop()
