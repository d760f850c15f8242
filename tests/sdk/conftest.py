"""For the SDK's tests: a garbage collection looks at what a test made, not at the packages that are imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def only_what_tests_make_is_garbage() -> Iterator[None]:
    """Many tests collect garbage to see what is thrown away; with whole packages to look through, each took seconds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
