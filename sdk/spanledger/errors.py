"""What the SDK can raise, and it raises only while it is being set up.

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
