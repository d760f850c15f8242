"""The demo takes any number of signals while it runs."""

from __future__ import annotations

import signal

from spanledger_examples import demo


def test_a_signal_that_comes_while_one_is_taken_is_noted_too() -> None:
    taken: list[int] = []

    class Interrupted(list[int]):
        """Where a second signal comes while the first one is being noted."""

        def append(self, got: int) -> None:
            if not taken:
                taken.append(got)
                signal.raise_signal(signal.SIGINT)
            super().append(got)

    before = signal.getsignal(signal.SIGTERM)
    signals = Interrupted()
    with demo._kept_signals(signals):
        signal.raise_signal(signal.SIGTERM)
    assert signals == [signal.SIGINT, signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before
