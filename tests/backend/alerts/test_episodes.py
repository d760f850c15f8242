"""What messages make of an alert, whatever comes again, late, or from two senders."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from spanledger_server.alerts.episodes import Change, Episode, Message, expired, heard

NS = 10**9
VALID_S = 240  # as a Prometheus says it: four times a minute


def said(now_s: int, since_s: int, ended_s: int | None = None, **more: str) -> Message:
    """What a Prometheus would send at this second."""
    return Message(
        fingerprint=7,
        labels='{"alertname": "A"}',
        name="A",
        severity=None,
        annotations=more.get("annotations", "{}"),
        generator_url=None,
        starts_ns=since_s * NS,
        ends_ns=(now_s + VALID_S if ended_s is None else ended_s) * NS,
        fires=ended_s is None,
    )


def after(messages: Iterable[tuple[int, Message]]) -> tuple[list[Episode], list[Change]]:
    """All episodes, oldest first, and all changes."""
    episodes: list[Episode] = []
    changes: list[Change] = []
    for now_s, message in messages:
        for change in heard(episodes[-1] if episodes else None, message, now_s * NS):
            changes.append(change)
            if episodes and episodes[-1].alert_id == change.episode.alert_id:
                episodes[-1] = change.episode
            else:
                episodes.append(change.episode)
    return episodes, changes


def states(changes: Sequence[Change]) -> list[tuple[str, str | None]]:
    return [(change.episode.state, change.why) for change in changes if change.why is not None]


def test_an_alert_fires_and_ends_once_however_often_that_is_told():
    firing = [(at, said(at, 0)) for at in (0, 60, 120)]
    ended = [(at, said(at, 0, ended_s=150)) for at in (151, 210, 270)]
    (episode,), changes = after([*firing, *ended])
    assert states(changes) == [("firing", "told"), ("resolved", "told")]
    assert (episode.starts_ns, episode.ends_ns, episode.ended_by) == (0, 150 * NS, "sender")


def test_what_fires_again_later_is_another_episode():
    episodes, changes = after([(0, said(0, 0)), (60, said(60, 0, ended_s=50)), (90, said(90, 80))])
    assert [(each.starts_ns, each.state) for each in episodes] == [(0, "resolved"), (80 * NS, "firing")]
    assert [state for state, _ in states(changes)] == ["firing", "resolved", "firing"]


def test_a_late_message_of_an_earlier_episode_changes_nothing():
    story = [(0, said(0, 0)), (60, said(60, 0, ended_s=50)), (90, said(90, 80))]
    before, _ = after(story)
    for late in (story[0], story[1], (120, said(0, 0)), (120, said(60, 0, ended_s=50))):
        assert after([*story, late])[0] == before


def test_a_message_from_before_the_end_that_comes_after_it_changes_nothing():
    story = [(0, said(0, 0)), (61, said(60, 0)), (120, said(120, 0, ended_s=100))]
    assert after([*story, (130, said(60, 0))])[0] == after(story)[0]


def test_an_end_that_one_sender_keeps_telling_does_not_end_what_another_still_sends():
    story = [
        (0, said(0, 0)),
        (5, said(5, 5)),  # the same alert by the other of a pair
        (60, said(60, 0, ended_s=55)),
        (65, said(65, 5)),
        (120, said(120, 0, ended_s=55)),
        (125, said(125, 5)),
        (180, said(180, 0, ended_s=55)),
    ]
    (episode,), changes = after(story)
    assert episode.state == "firing"
    assert states(changes) == [("firing", "told"), ("resolved", "told"), ("firing", "told")]


def test_what_was_never_heard_of_while_it_fired_is_known_once_its_end_is_told():
    (episode,), changes = after([(100, said(100, 10, ended_s=90))])
    assert (episode.starts_ns, episode.ends_ns, episode.state) == (10 * NS, 90 * NS, "resolved")
    assert states(changes) == [("resolved", "told")]


def test_an_alert_that_expired_fires_on_when_its_sender_comes_back():
    (episode,), _ = after([(0, said(0, 0))])
    lost = expired(episode, 250 * NS)
    assert (lost.state, lost.ends_ns, lost.ended_by) == ("resolved", 240 * NS, "expiry")
    (back,) = heard(lost, said(600, 0), 600 * NS)
    assert (back.episode.state, back.why, back.episode.alert_id) == ("firing", "told", episode.alert_id)
    (ended,) = heard(lost, said(600, 0, ended_s=400), 600 * NS)
    assert (ended.episode.ends_ns, ended.episode.ended_by, ended.why) == (400 * NS, "sender", None)


def test_what_began_after_the_last_word_on_an_alert_ends_that_one():
    episodes, changes = after([(0, said(0, 0)), (1000, said(1000, 990))])
    assert [each.state for each in episodes] == ["resolved", "firing"]
    assert states(changes) == [("firing", "told"), ("resolved", "superseded"), ("firing", "told")]


def test_texts_are_those_of_the_newest_word():
    newer = said(60, 0, annotations='{"summary": "now"}')
    story = [(0, said(0, 0, annotations='{"summary": "then"}')), (60, newer), (61, said(0, 0, annotations="{}"))]
    (episode,), changes = after(story)
    assert episode.annotations == '{"summary": "now"}'
    assert states(changes) == [("firing", "told")]


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[int, Message]]:
    """What a Prometheus sends of one alert that fires and ends a few times."""
    story: list[tuple[int, Message]] = []
    at_s = 0
    for _ in range(draw(st.integers(1, 4))):
        since_s = at_s
        for _ in range(draw(st.integers(1, 5))):
            story.append((at_s, said(at_s, since_s)))
            at_s += 60
        ended_s = at_s - 30
        story += [(at_s + 60 * again, said(at_s, since_s, ended_s=ended_s)) for again in range(draw(st.integers(1, 3)))]
        at_s = story[-1][0] + draw(st.integers(10, 600))
    return story


@given(lives(), st.data())
def test_whatever_comes_again_changes_nothing(story: list[tuple[int, Message]], data: st.DataObject):
    again = data.draw(st.lists(st.tuples(st.integers(0, len(story) - 1), st.integers(0, len(story) - 1)), max_size=10))
    repeated = list(story)
    for source, later in sorted(again, key=lambda pair: -max(pair)):
        place = max(source, later)
        repeated.insert(place + 1, (story[place][0], story[source][1]))
    episodes, changes = after(repeated)
    assert (episodes, states(changes)) == (after(story)[0], states(after(story)[1]))
    assert sum(each.state == "firing" for each in episodes) <= 1


@given(lives())
def test_at_most_one_episode_fires_and_none_overlap(story: list[tuple[int, Message]]):
    episodes, _ = after(story)
    assert len({each.alert_id for each in episodes}) == len(episodes)
    for earlier, later in itertools.pairwise(episodes):
        assert earlier.ends_ns is not None
        assert earlier.ends_ns < later.starts_ns
