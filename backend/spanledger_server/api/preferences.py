"""What an administrator wants to hear, over HTTP: one's own words only.

Never: a change without its row in the audit trail.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from spanledger_server.api import answers
from spanledger_server.api.deps import DefaultZone, NowNs, Store
from spanledger_server.api.notifications import who
from spanledger_server.api.notifications_examples import PREFERENCES, example
from spanledger_server.auth import audit
from spanledger_server.notify import preferences
from spanledger_server.notify.office import Notifications
from spanledger_server.notify.preferences import Kept

Given = Annotated[dict[str, Any], Body(description="members that are left out stay as they are")]


def router(office: Notifications) -> APIRouter:
    """One's own preferences."""
    routes = APIRouter(tags=["notifications"])

    @routes.get("/api/admin/monitoring/preferences", responses=example(PREFERENCES))
    def read(store: Store, request: Request) -> Response:
        """What whoever asks wants to hear: severities by channel, quiet hours, messages an hour."""
        with store.reader() as reader:
            return answers.answer(shown(preferences.of(reader, who(request))))

    @routes.put("/api/admin/monitoring/preferences", responses=example(PREFERENCES))
    def write(body: Given, store: Store, now_ns: NowNs, default_zone: DefaultZone, request: Request) -> Response:
        """Say what you want to hear; members that are left out stay as they are."""
        with store.transaction() as tx:
            before = preferences.of(tx, who(request))
            after = preferences.put(tx, before, body, now_ns, default_zone)
            detail = {"before": before.given, "after": after.given}
            audit.record(tx, now_ns, who(request), "preferences.changed", after.admin, detail)
        office.delivery.wake()
        return answers.answer(shown(after))

    return routes


def shown(kept: Kept) -> dict[str, Any]:
    """Preferences as answers have them."""
    return {
        "admin_user": kept.admin,
        **kept.given,
        "stored": kept.preference_id is not None,
        "created_at": answers.when(kept.created_ns),
        "updated_at": answers.when(kept.updated_ns),
    }
