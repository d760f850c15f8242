"""Our answers held against those that a real Jaeger gave for the same spans; `make interop` writes them down anew."""

from __future__ import annotations

import time

import pytest

from tests.interop import compared, questions

RECORDED = compared.recorded()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> compared.Answers:
    return compared.of_ours(tmp_path_factory.mktemp("jaeger"), time.time_ns())


def test_every_question_has_its_answer_written_down():
    assert set(RECORDED) == {question.name for question in questions.ALL}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_we_answer_as_a_real_jaeger_did(ours: compared.Answers, name: str):
    assert ours[name] == RECORDED[name]
