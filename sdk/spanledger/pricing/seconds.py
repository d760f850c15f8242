"""Which seconds of audio a provider bills: not less than a minimum, whole started steps, each channel.

Given the seconds that were used, gives those that are billed, exactly; and the same as part of a stored rate, which is
how a line's cost can be taken apart years later.

Never: seconds for a call that had none.
"""

from __future__ import annotations

import json
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

MINIMUM: Final = "audio_seconds_minimum"
STEP: Final = "audio_seconds_step"
CHANNELS: Final = "audio_channels"
KEYS: Final = (MINIMUM, STEP, CHANNELS)  # in a stored rate beside the units, and in price files
_exact: Final = Context(prec=64)


class AudioBilling(NamedTuple):
    """How audio is billed.

    Attributes:
        minimum_s: Shorter audio is billed as this long.
        step_s: Each started step of this length is billed whole; 0: to the moment.
        channels: How many channels the provider bills the seconds for.
    """

    minimum_s: Decimal = Decimal(0)
    step_s: Decimal = Decimal(0)
    channels: int = 1

    def billed(self, seconds: Decimal) -> Decimal:
        """The seconds that are billed for so many used; none for none."""
        if not seconds:
            return seconds
        longer = max(seconds, self.minimum_s)
        if self.step_s:
            started = -(-Fraction(longer) // Fraction(self.step_s))
            longer = _exact.multiply(self.step_s, Decimal(started))
        return _exact.multiply(longer, Decimal(self.channels))

    def told(self, seconds: Decimal) -> str:
        """What of this made a difference for so many seconds, as members of a JSON object."""
        found: dict[str, str] = {}
        if seconds < self.minimum_s:
            found[MINIMUM] = plain(self.minimum_s)
        if self.step_s:
            found[STEP] = plain(self.step_s)
        if self.channels != 1:
            found[CHANNELS] = str(self.channels)
        return json.dumps(found)[1:-1]


AS_USED: Final = AudioBilling()


def taken_out(rates: dict[str, Any]) -> AudioBilling:
    """How audio was billed, taken out of a stored rate; what is left are its units."""
    minimum_s, step_s, channels = (rates.pop(key, None) for key in KEYS)
    return AudioBilling(Decimal(minimum_s or 0), Decimal(step_s or 0), int(channels or 1))


def plain(number: Decimal) -> str:
    """A decimal as text: no exponent, no needless zeros."""
    return format(number.normalize(), "f")
