"""What the SDK can raise: while it is being set up, and where a program asks the backend something, or asks for it.

Never: raised from a call that records, measures or sends something.
"""

from __future__ import annotations

from collections.abc import Sequence


class SpanledgerError(Exception):
    """The root of everything the SDK raises."""


class ConfigurationError(SpanledgerError):
    """One or more settings are wrong; `configure(strict=True)` raises it, otherwise it is logged and defaults are used.

    Attributes:
        mistakes: One sentence for each wrong setting: where it was said, what was said, what is allowed.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class BackendError(SpanledgerError):
    """The backend is away, or said no; the text says what to do.

    Attributes:
        status: The HTTP status of its answer; None where it gave none.
    """

    def __init__(self, said: str, status: int | None = None) -> None:
        super().__init__(said)
        self.status = status


class NotOffered(BackendError):
    """The backend that answers has no such part, as it says itself; a newer one may."""


class BudgetExceeded(SpanledgerError):
    """A call may not be made: `check_budget(...).raise_for_budget()` says so where it was asked to.

    Attributes:
        budget: The name of the budget; None where nobody could say what is left.
    """

    def __init__(self, said: str, budget: str | None = None) -> None:
        super().__init__(said)
        self.budget = budget
