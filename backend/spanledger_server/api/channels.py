"""Channels over HTTP: set up, changed, tried and deleted by administrators; what became of their messages, for readers.

Never: a secret in an answer or in the audit trail; of an address that is one, only where it leads.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Body, Path, Query, Request, Response

from spanledger_server.api import answers, channel_users, parameters
from spanledger_server.api.channel_examples import CHANNEL, SCHEMA, TESTED, TYPE, type_shown
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.auth import audit
from spanledger_server.clock import Clock
from spanledger_server.notify.channels import KINDS, register
from spanledger_server.notify.channels.register import Stored
from spanledger_server.notify.message import Delivered, Failed, Message
from spanledger_server.store.database import Transaction

ChannelId = Annotated[str, Path(description="its id or its name")]
Given = Annotated[dict[str, Any], Body(description="name, type, and what a channel of this type is told")]


def _example(example: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": example}}}}


CHANGES: Final[dict[str, Any]] = {
    "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}}}
}


def router(clock: Clock, pages: str) -> APIRouter:
    """Reading, for readers; changing and trying, for administrators.

    Args:
        clock: For the time at which something is sent.
        pages: Where people reach the pages.
    """
    routes = APIRouter(tags=["channels"])
    _reading(routes)
    _changing(routes)
    _trying(routes, clock, pages)
    return routes


def _reading(routes: APIRouter) -> None:
    @routes.get("/api/v1/channels", responses=_example({"items": [CHANNEL], "next_cursor": None}))
    def listed(store: Store) -> Response:
        """All channels by name: what each is told but for the secrets, and what became of its latest messages."""
        with store.reader() as reader:
            items = [shown(stored) for stored in register.listed(reader)]
        return answers.answer({"items": items, "next_cursor": None})

    @routes.get("/api/v1/channels/types", responses=_example({"items": [TYPE]}))
    def types() -> Response:
        """The types of channels, and what one of each is told when it is set up."""
        return answers.answer({"items": [type_shown(kind) for kind in KINDS]})

    @routes.get("/api/v1/channels/{channel_id}", responses=_example(CHANNEL))
    def one(channel_id: ChannelId, store: Store) -> Response:
        """One channel, by id or name."""
        with store.reader() as reader:
            return answers.answer(shown(register.found(reader, channel_id)))


def _changing(routes: APIRouter) -> None:
    @routes.post("/api/v1/channels", status_code=201, responses=_example(CHANNEL, 201), **CHANGES)
    def create(body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """A new channel. Secrets are never told again; private addresses are refused unless `allow_private`."""
        with store.transaction() as tx:
            made = register.add(tx, body, now_ns, _actor(request))
            _note(tx, request, now_ns, "channel.created", made.channel_id, {"after": _told(made)})
        return answers.answer(shown(made), 201)

    @routes.put("/api/v1/channels/{channel_id}", responses=_example(CHANNEL), **CHANGES)
    def change(channel_id: ChannelId, body: Given, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Another configuration; a secret that is left out stays, null removes it. `version`: the one you have seen."""
        seen = parameters.version(body.pop("version", None))
        with store.transaction() as tx:
            before = register.found(tx, channel_id)
            after = register.change(tx, before, body, now_ns, _actor(request), seen=seen)
            channel_users.check_renamed(tx, before, after)
            detail = {
                "before": _told(before),
                "after": _told(after),
                "secrets_changed": before.secrets != after.secrets,
            }
            _note(tx, request, now_ns, "channel.changed", before.channel_id, detail)
        return answers.answer(shown(after))

    @routes.delete("/api/v1/channels/{channel_id}", status_code=204)
    def delete(
        channel_id: ChannelId,
        store: Store,
        now_ns: NowNs,
        request: Request,
        force: Annotated[str | None, Query(description="true: also one that is named somewhere")] = None,
    ) -> Response:
        """Forget a channel and its secrets; refused while anything still names it, unless by `force`."""
        forced = parameters.choice("force", force, ("true", "false"), "false") == "true"
        with store.transaction() as tx:
            gone = register.found(tx, channel_id)
            if not forced:
                channel_users.check_unused(tx, gone)
            register.delete(tx, gone)
            _note(tx, request, now_ns, "channel.deleted", gone.channel_id, {"before": _told(gone)})
        return Response(status_code=204)


def _trying(routes: APIRouter, clock: Clock, pages: str) -> None:
    @routes.post("/api/v1/channels/{channel_id}/test", responses=_example(TESTED))
    def test(channel_id: ChannelId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Send a test message now, also through a channel that is not enabled, and say what became of it."""
        with store.reader() as reader:
            stored = register.found(reader, channel_id)
        outcome = stored.opened(clock.now_ns, pages).send(_test_message(stored, now_ns, _actor(request), pages))
        with store.transaction() as tx:
            register.note(tx, stored.channel_id, outcome, clock.now_ns())
            _note(tx, request, now_ns, "channel.tested", stored.channel_id, {"outcome": _sentence(outcome)})
        return answers.answer(
            {
                "delivered": isinstance(outcome, Delivered),
                "sentence": _sentence(outcome),
                "permanent": outcome.permanent if isinstance(outcome, Failed) else None,
                "after_s": outcome.after_s if isinstance(outcome, Failed) else None,
            }
        )


def shown(stored: Stored) -> dict[str, Any]:
    """A channel as answers have it."""
    return {
        "id": stored.channel_id,
        "name": stored.name,
        "type": stored.kind,
        "enabled": stored.enabled,
        **stored.shown(),
        "version": stored.version,
        "created_at": answers.when(stored.created_ns),
        "updated_at": answers.when(stored.updated_ns),
        "updated_by": stored.updated_by,
        "last_delivered_at": answers.when(stored.delivered_ns),
        "last_delivered": stored.delivered_detail,
        "last_failed_at": answers.when(stored.failed_ns),
        "last_failed": stored.failed_reason,
        "failed_in_a_row": stored.failed_in_a_row,
    }


def _told(stored: Stored) -> dict[str, Any]:
    """A channel as the audit trail has it; of long certificates, that there are some."""
    told = {"name": stored.name, "type": stored.kind, "enabled": stored.enabled, **stored.shown()}
    return told | {"ca": "set" if told["ca"] else None}


def _sentence(outcome: Delivered | Failed) -> str:
    if isinstance(outcome, Delivered):
        return f"Delivered in {outcome.detail}" if outcome.detail[:1].isdigit() else f"Delivered: {outcome.detail}"
    return f"Not delivered: {outcome.reason}"


def _test_message(stored: Stored, now_ns: int, actor: str, pages: str) -> Message:
    notification_id = uuid4()
    return Message(
        notification_id=notification_id,
        incident_id=f"test-{notification_id.hex}",
        status="test",
        severity="info",
        at_ns=now_ns,
        started_ns=now_ns,
        title=f"The channel {stored.name} works",
        text=f"{actor} has sent this message to try the channel. Nothing is wrong, and nothing has to be done.",
        links=(("Open spanledger", pages),),
    )


def _actor(request: Request) -> str:
    return str(request.state.caller.name or "nobody")


def _note(tx: Transaction, request: Request, now_ns: int, action: str, subject: str, detail: dict[str, Any]) -> None:
    audit.record(tx, now_ns, _actor(request), action, subject, detail)
