"""Silences as Alertmanager's API has them, so that amtool and its web pages can make, list and expire ours.

Never: a silence whose maker is not written down; the caller's name counts, what they call themselves is kept beside.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger_server.api import answers, parameters
from spanledger_server.api import silences_bodies as bodies
from spanledger_server.api.alerts import an_id
from spanledger_server.api.alerts_changes import actor, done_by
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.api.silences import SilenceId, expired
from spanledger_server.silences import matchers, silence
from spanledger_server.silences.matchers import Matcher, Operator
from spanledger_server.silences.silence import Silence, Wish

MOST: Final = 1000
HOW: Final[dict[tuple[bool, bool], Operator]] = {
    (False, True): "=",
    (False, False): "!=",
    (True, True): "=~",
    (True, False): "!~",
}
EXAMPLE: Final = {
    "id": bodies.ID,
    "status": {"state": "active"},
    "updatedAt": "2026-11-21T21:58:00Z",
    "comment": "the shop moves",
    "createdBy": "ana",
    "startsAt": "2026-11-21T22:00:00Z",
    "endsAt": "2026-11-22T02:00:00Z",
    "matchers": [{"name": "team", "value": "shop", "isRegex": False, "isEqual": True}],
}


class PostedMatcher(BaseModel):
    """One matcher."""

    model_config = ConfigDict(extra="ignore")
    name: str
    value: str
    isRegex: bool = False  # noqa: N815 - Alertmanager's name
    isEqual: bool | None = True  # noqa: N815


class Posted(BaseModel):
    """A silence as amtool posts it."""

    model_config = ConfigDict(extra="ignore")
    id: str | None = None
    matchers: list[PostedMatcher] = Field(min_length=1, max_length=matchers.MOST_MATCHERS)
    startsAt: str  # noqa: N815
    endsAt: str  # noqa: N815
    createdBy: str = ""  # noqa: N815
    comment: str = ""

    def wish(self, now_ns: int) -> Wish:
        """What is to be silenced.

        Raises:
            Invalid: A matcher or a time is none.
        """
        found = [
            matchers.checked(Matcher(each.name, HOW[each.isRegex, each.isEqual is not False], each.value), "matchers")
            for each in self.matchers
        ]
        starts_ns, ends_ns = parameters.together(
            lambda: parameters.instant("startsAt", self.startsAt, now_ns),
            lambda: parameters.instant("endsAt", self.endsAt, now_ns),
        )
        return Wish(found, max(starts_ns, now_ns), ends_ns, self.comment)


@cache
def router() -> APIRouter:
    """Reading, for everybody; changing, for administrators."""
    routes = APIRouter(tags=["silences"])
    example: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": [EXAMPLE]}}}}
    one_example: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": EXAMPLE}}}}

    @routes.get("/api/v2/silences", responses=example)
    def silences(
        store: Store,
        now_ns: NowNs,
        filter_: Annotated[
            list[str] | None, Query(alias="filter", description="matchers, repeated; a silence has all of them")
        ] = None,
    ) -> Response:
        """The newest thousand silences, as Alertmanager lists them."""
        asked = matchers.parse(filter_ or [])
        with store.reader() as reader:
            found = silence.listed(reader, "any", now_ns, MOST)
        kept = [each for each in found if all(matcher in each.matchers for matcher in asked)]
        return answers.answer([_shown(each, now_ns) for each in kept])

    @routes.post("/api/v2/silences", responses={200: {"content": {"application/json": {"example": {"silenceID": ""}}}}})
    def post(body: Posted, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Make a silence; with the id of one that is not over, change it."""
        wish, name = body.wish(now_ns), actor(request)
        with store.transaction() as tx:
            if body.id:
                made = silence.change(tx, an_id("id", body.id), wish, name, now_ns)
            else:
                made = silence.add(tx, wish, name, now_ns)
            action = "silence.changed" if body.id else "silence.created"
            shown = bodies.silence(made, now_ns)
            done_by(tx, request, now_ns, action, str(made.silence_id), after=shown, calls_themselves=body.createdBy)
        return answers.answer({"silenceID": str(made.silence_id)})

    @routes.get("/api/v2/silence/{silence_id}", responses=one_example)
    def one(silence_id: SilenceId, store: Store, now_ns: NowNs) -> Response:
        """One silence, as Alertmanager shows it."""
        with store.reader() as reader:
            return answers.answer(_shown(silence.one(reader, an_id("silence_id", silence_id)), now_ns))

    @routes.delete("/api/v2/silence/{silence_id}", response_class=Response)
    def expire(silence_id: SilenceId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """End a silence now."""
        expired(store, an_id("silence_id", silence_id), now_ns, request)
        return Response(status_code=200)

    return routes


def _shown(one: Silence, now_ns: int) -> dict[str, Any]:
    return {
        "id": str(one.silence_id),
        "status": {"state": one.state(now_ns)},
        "updatedAt": answers.when(one.updated_ns),
        "comment": one.comment,
        "createdBy": one.created_by,
        "startsAt": answers.when(one.starts_ns),
        "endsAt": answers.when(one.ends_ns),
        "matchers": [
            {
                "name": each.name,
                "value": each.value,
                "isRegex": each.how.endswith("~"),
                "isEqual": not each.how.startswith("!"),
            }
            for each in one.matchers
        ],
    }
