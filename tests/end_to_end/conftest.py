"""What the end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.backend import Backend


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """A real backend, not started yet."""
    one = Backend(tmp_path)
    yield one
    one.close()
