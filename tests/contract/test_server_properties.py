"""Every operation of the OpenAPI document, asked with generated parameters and bodies, right and wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from tests.support.inside import Inside
from tests.support.thorough import examples

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # so schemathesis does, now and then

BUSY = 503  # the one answer above 499 that a server in order gives; it comes with the time to come back
JAEGER = ("/api/v3", "/api/services", "/api/operations", "/api/traces", "/api/dependencies")
PARTS = 4
SOME = settings(
    max_examples=examples(4),
    database=None,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def client(shared_server: Inside) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_operation_fails_whatever_it_is_asked(
    document: dict[str, Any], client: httpx.Client, shared_server: Inside, mode: GenerationMode, part: int
):
    asked = 0
    for found in islice(schemathesis.openapi.from_dict(document).get_all_operations(), part, None, PARTS):
        operation = found.ok()

        @SOME
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Case) -> None:
            nonlocal asked
            asked += 1
            check(case, shared_server)

        with contextlib.suppress(Unsatisfiable):  # it takes nothing that could be wrong
            ask()
    assert asked > 20
    assert client.get("/readyz").status_code == 200


def check(case: Case, server: Inside) -> None:
    answer = case.call(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"})
    told = f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:2000]}"
    assert answer.status_code < 500 or (answer.status_code == BUSY and "retry-after" in answer.headers), told
    if answer.status_code >= 400 and not case.path.startswith(("/v1/", "/sampling", *JAEGER)):
        assert answer.headers["content-type"][0].startswith("application/problem+json"), told
