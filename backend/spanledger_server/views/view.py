"""A view of a page that is kept under a name: the page's path and what stands behind its question mark.

Given what somebody wants to keep, checks and keeps it; gives what they may open: their own, and what is shared.

Never: a view of one person shown to another, or an address that leads away from the pages.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from spanledger_server.errors import Conflict, Invalid, Mistakes, NotFound
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Reader, Transaction

SQL = sqlfile.load(__package__)

PAGES: Final = ("/traces", "/trends", "/costs", "/logs")
PASSING: Final = ("cursor", "focus", "sel", "view")  # say where somebody is, not what they look at
MOST_NAME: Final = 80  # characters
MOST_QUERY: Final = 4000
MOST_VIEWS: Final = 200  # of one owner


@dataclass(frozen=True, slots=True)
class View:
    """A view that is kept. Times are nanoseconds since 1970."""

    view_id: str
    name: str
    page: str
    query: str
    owner: str
    shared: bool
    created_ns: int
    updated_ns: int

    def told(self) -> dict[str, object]:
        """What it is, for the audit trail."""
        return {"name": self.name, "page": self.page, "query": self.query, "owner": self.owner, "shared": self.shared}


def content(name: str, page: str, query: str) -> tuple[str, str, str]:
    """The same, tidied up: without spaces around the name, and without what only says where somebody was.

    Raises:
        Mistakes: What of it cannot be kept, all at once.
    """
    name = name.strip()
    wrong: list[Invalid] = []
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        wrong.append(Invalid("name", name[:MOST_NAME], f"1 to {MOST_NAME} characters that can be seen"))
    if page not in PAGES:
        wrong.append(Invalid("page", page, "one of " + ", ".join(PAGES)))
    if len(query) > MOST_QUERY or not query.isprintable():
        wrong.append(Invalid("query", query[:MOST_NAME], f"at most {MOST_QUERY} characters that can be seen"))
    if wrong:
        raise Mistakes(wrong)
    pairs = [(key, value) for key, value in parse_qsl(query.removeprefix("?"), keep_blank_values=True)]
    return name, page, urlencode([pair for pair in pairs if pair[0] not in PASSING])


def listed(reader: Reader, owner: str) -> list[View]:
    """What `owner` may open, by name."""
    return [View(**row) for row in reader.rows(SQL["views_of"], owner=owner)]


def found(reader: Reader, view_id: str, owner: str) -> View:
    """The view with this id.

    Raises:
        NotFound: There is none that `owner` may open.
    """
    row = reader.row(SQL["one_view"], view_id=view_id, owner=owner)
    if row is None:
        raise NotFound(f"there is no view {view_id!r} of yours, and none that is shared")
    return View(**row)


def keep(tx: Transaction, view: View) -> None:
    """Keep `view`, in place of the one with its id where there is one.

    Raises:
        Conflict: Its owner has another one of this name on this page, or too many.
    """
    row = tx.row(SQL["rivals"], view_id=view.view_id, name=view.name, page=view.page, owner=view.owner)
    assert row is not None  # noqa: S101 - a count always is
    if row["same"]:
        raise Conflict(f"you keep a view {view.name!r} of {view.page} already: PUT changes it")
    if row["number"] >= MOST_VIEWS:
        raise Conflict(f"you keep {MOST_VIEWS} views already: forget some")
    remove(tx, view.view_id)
    tx.execute(SQL["add_view"], **asdict(view))


def remove(tx: Transaction, view_id: str) -> None:
    """Forget it."""
    tx.execute(SQL["remove_view"], view_id=view_id)
