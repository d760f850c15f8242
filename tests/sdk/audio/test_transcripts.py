"""Word error rate: right where there are words to compare, a named reason where there are none."""

from __future__ import annotations

import pytest

import spanledger
from spanledger.audio.transcripts import word_error_rate
from spanledger.testing import capture

SAID = "go forward ten meters"


@pytest.mark.parametrize(
    ("heard", "said", "wrong"),
    [
        (SAID, SAID, 0),
        ("Go forward, ten METERS!", SAID, 0),
        ("go forward two meters", SAID, 1),
        ("go forward meters", SAID, 1),
        ("please go forward ten meters", SAID, 1),
        ("forward go ten meters", SAID, 2),
        ("", SAID, 4),
        ("a b c d e f g h i j k l", SAID, 12),
        ("it’s the king's", "it's the king’s", 0),
        ("ﬁne café", "fine cafe\u0301", 0),
        ("страна", "Страна", 0),
        ("24 h", "24 h", 0),
    ],
)
def test_every_changed_missing_or_added_word_counts_once(heard, said, wrong):
    assert word_error_rate(heard, said) == wrong / len(said.split())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "empty_reference"),
        ("... !?", "empty_reference"),
        ("我们走", "no_spaces_between_words"),
        ("สวัสดี", "no_spaces_between_words"),
        ("a " * 10_001, "too_long"),
    ],
)
def test_where_there_are_no_words_to_count_there_is_no_rate(said, reason):
    assert word_error_rate("a", said) == reason


def test_the_rate_agrees_with_the_textbook_on_random_texts():
    import random

    chosen = random.Random(7)

    def distance(a, b):
        rows = [list(range(len(b) + 1))]
        for i, x in enumerate(a, 1):
            row = [i]
            for j, y in enumerate(b, 1):
                row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y)))
            rows.append(row)
        return rows[-1][-1]

    for _ in range(200):
        heard, said = ([chosen.choice("abcd") for _ in range(chosen.randint(1, 12))] for _ in range(2))
        assert word_error_rate(" ".join(heard), " ".join(said)) == distance(heard, said) / len(said)


def told(text, reference):
    with capture() as captured:
        with spanledger.audio_pipeline("a") as pipeline, pipeline.stage("transcription") as stage:
            stage.transcript(text, reference=reference)
        assert spanledger.flush(60)
    assert spanledger.stats()["failures"] == {}
    return dict(captured.span("transcription").attributes)


def test_a_stage_shows_the_rate_and_no_word_of_the_texts():
    found = told("go backward ten meters", SAID)
    assert found == {"audio.stage": "transcription", "audio.word_error_rate": 0.25}


@pytest.mark.parametrize(
    ("text", "reference", "reason"),
    [
        (None, SAID, "not_text"),
        (SAID, None, "not_text"),
        (SAID, b"x", "not_text"),
        ("a", "a" * 200_000, "too_long"),
        (SAID, "", "empty_reference"),
    ],
)
def test_a_stage_shows_why_there_is_no_rate(text, reference, reason):
    found = told(text, reference)
    assert found == {"audio.stage": "transcription", "audio.quality_skipped_reason": f"word_error_rate={reason}"}
