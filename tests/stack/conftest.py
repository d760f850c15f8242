"""The stack for its tests: agent, gateway and backend, real processes on free ports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spanledger_examples import collector
from tests.stack.stack import Stack


@pytest.fixture(scope="session")
def binary() -> Path:
    """The Collector; the tests that need it are skipped, with the reason, where it is not."""
    try:
        return collector.found()
    except collector.NoCollectorError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stack(binary: Path, tmp_path: Path) -> Iterator[Stack]:
    """The whole of it, nothing started yet."""
    one = Stack(binary, tmp_path)
    try:
        yield one
    finally:
        one.stop()
