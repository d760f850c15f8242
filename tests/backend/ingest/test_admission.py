from __future__ import annotations

import pytest

from spanledger_server.errors import Busy
from spanledger_server.ingest.admission import Admission


def test_requests_are_let_in_until_the_limit_and_again_when_one_has_left() -> None:
    admission = Admission(100)
    with admission.admit(60):
        with admission.admit(40):
            assert admission.inside_bytes == 100
            with pytest.raises(Busy) as error, admission.admit(1):
                pass
            assert 1 <= error.value.retry_after_s <= 3
        with admission.admit(40):
            pass
    assert admission.inside_bytes == 0
    assert admission.turned_away == 1


def test_a_place_is_given_back_when_the_request_fails() -> None:
    admission = Admission(100)
    with pytest.raises(ZeroDivisionError), admission.admit(100):
        raise ZeroDivisionError
    assert admission.inside_bytes == 0


def test_a_request_larger_than_the_limit_is_let_in_alone() -> None:
    admission = Admission(100)
    with admission.admit(1000), pytest.raises(Busy), admission.admit(1):
        pass
