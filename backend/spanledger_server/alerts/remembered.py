"""Alerts that fire and are spoken of again: what was said last, so that saying it once more costs no transaction.

Given messages, says whether they change nothing but until when an alert fires, and by little; that is kept here until
the tick writes it. Whoever holds one of these takes turns: it has no lock of its own.

Never: a message kept here of which somebody is told, or that moves an end by more than `LITTLE_NS`: those are written
before they are answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from spanledger_server.alerts.episodes import Episode, Message, heard

MOST: Final = 10_000
LITTLE_NS: Final = 30 * 10**9  # a crash may lose that much of when an alert ends by itself


class Remembered:
    """The newest episodes of labels that were spoken of, as they are in the store or about to be."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._stored: dict[str, Episode] = {}
        self._waiting: dict[str, Episode] = {}

    def take(self, messages: Sequence[Message], now_ns: int) -> bool:
        """Keep what these messages say; False, and nothing is kept, where they have to be written."""
        found: dict[str, Episode] = {}
        for message in messages:
            labels = message.labels
            stored = self._stored.get(labels)
            if stored is None:
                return False
            newest = found.get(labels) or self._waiting.get(labels, stored)
            for change in heard(newest, message, now_ns):
                if change.why is not None or not _hardly_other(stored, change.episode):
                    return False
                found[labels] = change.episode
        self._waiting |= found
        return True

    def newer(self, stored: Episode) -> Episode:
        """The episode as it was spoken of last."""
        waits = self._waiting.get(stored.labels)
        return stored if waits is None or waits.alert_id != stored.alert_id else waits

    def keep(self, newest: Mapping[str, Episode]) -> None:
        """Know these, as they were written or found; of those that wait, until the next tick."""
        for labels, episode in newest.items():
            if self._waiting.get(labels) == episode:
                continue
            self._forget(labels)
            if episode.ends_ns is None:
                self._stored[labels] = episode
        beyond = len(self._stored) - MOST
        if beyond > 0:
            for labels in [each for each in self._stored if each not in self._waiting][:beyond]:
                del self._stored[labels]

    def waiting(self) -> list[Episode]:
        """What is to be written."""
        return list(self._waiting.values())

    def written(self, ended: Iterable[Episode]) -> None:
        """All that waited is in the store; these have ended there."""
        self._stored |= self._waiting
        self._waiting.clear()
        for episode in ended:
            self._forget(episode.labels)

    def _forget(self, labels: str) -> None:
        self._stored.pop(labels, None)
        self._waiting.pop(labels, None)


def _hardly_other(stored: Episode, said: Episode) -> bool:
    same = stored.ends_ns == said.ends_ns and stored.told_end_ns == said.told_end_ns
    told = (stored.annotations, stored.generator_url) == (said.annotations, said.generator_url)
    return same and told and said.expires_ns - stored.expires_ns <= LITTLE_NS
