"""For the audio tests: failures that are counted are the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spanledger import guard


@pytest.fixture(autouse=True)
def no_failures_of_others() -> Iterator[None]:
    """What the SDK kept in is counted for the whole process."""
    guard.forget()
    yield
    guard.forget()
