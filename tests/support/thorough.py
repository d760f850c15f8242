"""How hard the generated tests try: a little each time, and as much as one likes when asked (`make fuzz`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("SPANLEDGER_TEST_THOROUGHNESS", "1"))


def examples(usually: int) -> int:
    """How many examples to generate."""
    return usually * TIMES


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For `@given`: a machine that is busy makes no test fail."""
