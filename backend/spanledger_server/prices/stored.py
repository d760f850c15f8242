"""The price book that the server works with: what is published, the owner's files, and what was set here.

Given changes within a transaction, writes them and, once they are committed, tells who needs the book. What is set
holds for lines that arrive from then on; lines that stand keep their price until somebody prices them anew.

Never: a price overwritten (a change ends one row and adds another), or a change while lines are being priced anew.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from spanledger.pricing import MalformedPricesError, PriceBook
from spanledger.pricing.files import made, stated_in
from spanledger.pricing.published import FOREVER_NS
from spanledger_server.errors import Conflict, NotFound
from spanledger_server.prices import overrides
from spanledger_server.prices.overrides import Override, PricesRefused
from spanledger_server.store import sqlfile
from spanledger_server.store.database import Database, Reader, Transaction

SQL = sqlfile.load(__package__)

MOST_OVERRIDES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a price file changed: entries that are new, changed, as they were, and no longer there."""

    added: int
    changed: int
    unchanged: int
    ended: int


class StoredPrices:
    """The price book of one database."""

    def __init__(self, database: Database, book: PriceBook) -> None:
        """Take what is published and the owner's files as `book`; what was set is read from the database."""
        self._database = database
        self._told: list[Callable[[PriceBook], None]] = []
        self.book = book
        self._read()

    def tell(self, who: Callable[[PriceBook], None]) -> None:
        """Call `who` with the book, now and whenever it is another one. Must not block or raise."""
        self._told.append(who)
        who(self.book)

    def _read(self) -> None:
        with self._database.reader() as reader:
            found = list(of(reader))
        self.book = self.book.with_dated(overrides.dated_prices(found))
        for who in self._told:
            who(self.book)

    def add(
        self,
        tx: Transaction,
        stated: Mapping[str, Any],
        bounds: tuple[int | None, int | None],
        by: str,
        now_ns: int,
    ) -> Override:
        """Set a price.

        Args:
            tx: The transaction of the change.
            stated: In the keys of a price file.
            bounds: Its first moment, and the moment from which on it no longer holds.
            by: Who sets it.
            now_ns: The time.

        Raises:
            PricesRefused: It is not a price.
            Conflict: There is one for the same model, moment and way of being served, or lines are being priced anew.
        """
        self._begin(tx)
        new = Override(_id(), 0, None, *bounds, overrides.checked(stated, *bounds), now_ns, by)
        standing = list(of(tx))
        twin = next((each for each in standing if each.place == new.place), None)
        if twin is not None:
            raise Conflict(
                f"there is a price for the same model, valid_from and way of being served: change {twin.override_id}"
            )
        if len(standing) >= MOST_OVERRIDES:
            raise Conflict(f"{MOST_OVERRIDES} prices are set, which is the most: delete some")
        return self._write(tx, [new])[0]

    def put(
        self,
        tx: Transaction,
        stated: Mapping[str, Any],
        bounds: tuple[int | None, int | None],
        by: str,
        now_ns: int,
    ) -> tuple[Override | None, Override]:
        """As `add`; where there is one for the same model, moment and way of being served, in its place.

        Returns:
            The one before, None when there was none, and the new one.
        """
        place = Override("", 0, None, *bounds, overrides.checked(stated, *bounds), now_ns, by).place
        twin = next((each for each in of(tx) if each.place == place), None)
        if twin is None:
            return None, self.add(tx, stated, bounds, by, now_ns)
        return self.change(tx, twin.override_id, stated, bounds, by, now_ns)

    def change(
        self,
        tx: Transaction,
        override_id: str,
        stated: Mapping[str, Any],
        bounds: tuple[int | None, int | None],
        by: str,
        now_ns: int,
    ) -> tuple[Override, Override]:
        """Set a price in place of another; gives both, the old one first.

        Raises:
            NotFound: There is no such price.
            PricesRefused: The new one is not a price.
            Conflict: As for `add`.
        """
        self._begin(tx)
        old = _found(tx, override_id)
        new = Override(override_id, 0, old.file, *bounds, overrides.checked(stated, *bounds), now_ns, by)
        if any(each.place == new.place for each in of(tx) if each.override_id != override_id):
            raise Conflict("there is another price for the same model, valid_from and way of being served")
        tx.execute(SQL["end_override"], override_id=override_id, ended_ns=now_ns, ended_by=by)
        return old, self._write(tx, [new])[0]

    def end(self, tx: Transaction, override_id: str, by: str, now_ns: int) -> Override:
        """Let a price count no longer.

        Raises:
            NotFound: There is no such price.
            Conflict: Lines are being priced anew.
        """
        self._begin(tx)
        old = _found(tx, override_id)
        tx.execute(SQL["end_override"], override_id=override_id, ended_ns=now_ns, ended_by=by)
        self._write(tx, [])
        return old

    def refresh(self, tx: Transaction, name: str, content: str, by: str, now_ns: int) -> Refreshed:
        """Let the prices of a file be those of `content`: what it no longer has ends, what is the same stays.

        Raises:
            PricesRefused: The text is not a price file; every mistake with its line.
            Conflict: Lines are being priced anew, or there would be too many prices.
        """
        self._begin(tx)
        wanted = {each.place: each for each in _of_file(name, content, by, now_ns)}
        everything = list(of(tx))
        standing = {each.place: each for each in everything if each.file == name}
        if len(everything) - len(standing) + len(wanted) > MOST_OVERRIDES:
            raise Conflict(f"there would be more than {MOST_OVERRIDES} prices")
        same = {place for place, each in wanted.items() if place in standing and standing[place].same_as(each)}
        for place in standing.keys() - same:
            tx.execute(SQL["end_override"], override_id=standing[place].override_id, ended_ns=now_ns, ended_by=by)
        changed = (wanted.keys() & standing.keys()) - same
        new = [
            replace(each, override_id=standing[place].override_id) if place in standing else each
            for place, each in wanted.items()
            if place not in same
        ]
        self._write(tx, new)
        return Refreshed(len(new) - len(changed), len(changed), len(same), len(standing.keys() - wanted.keys()))

    def _begin(self, tx: Transaction) -> None:
        running = [row for row in _running(tx) if row["applies"]]
        if running:
            raise Conflict(
                f"lines are being priced anew by run {running[0]['run_id']}: wait for it, or cancel it, "
                "before prices are changed"
            )

    def _write(self, tx: Transaction, new: Iterable[Override]) -> list[Override]:
        revision = int(tx.value(SQL["last_revision"]))
        written = [replace(each, revision=revision + number) for number, each in enumerate(new, 1)]
        for each in written:
            tx.execute(SQL["add_override"], **overrides.row(each))
        tx.after_commit(self._read)
        return written


def of(reader: Reader, *, ended: bool = False) -> Iterable[Override]:
    """The prices that were set and still count; with `ended` every one there ever was."""
    return overrides.read(reader.rows(SQL["overrides"], ended=ended))


def missing(reader: Reader, from_ns: int, to_ns: int, most: int) -> list[dict[str, Any]]:
    """What waits for a price: calls and what they used, by provider, model and reason, the most calls first."""
    return reader.rows(SQL["missing"], from_ns=from_ns, to_ns=to_ns, most=most)


def used(reader: Reader, from_ns: int, to_ns: int, most: int) -> list[dict[str, Any]]:
    """Models that were called: how often, what that cost, and when last; the dearest first."""
    return reader.rows(SQL["used"], from_ns=from_ns, to_ns=to_ns, most=most)


def _running(reader: Reader) -> list[dict[str, Any]]:
    return reader.rows(SQL["runs"], run_id=None, running=True, before_ns=None, before_run=None, most=10)


def _found(tx: Transaction, override_id: str) -> Override:
    found = next((each for each in of(tx) if each.override_id == override_id), None)
    if found is None:
        raise NotFound(f"no price with the id {override_id!r} is set")
    return found


def _of_file(name: str, content: str, by: str, now_ns: int) -> Iterable[Override]:
    """The prices of a file, dates turned into moments."""
    if "*" in content and _refers(content):
        raise PricesRefused([("content", name, "a price file without aliases (*name): write each entry out")])
    try:
        _, entries = stated_in(content, name)
    except MalformedPricesError as error:
        raise PricesRefused([("content", *_where(told)) for told in error.mistakes]) from error
    for raw in entries:
        begin = made(raw).from_ns
        stated = {key: value for key, value in raw.items() if key != "valid_from"}
        from_ns = None if begin == -FOREVER_NS else begin
        yield Override(_id(), 0, name, from_ns, None, json.loads(json.dumps(stated, default=str)), now_ns, by)


def _where(told: str) -> tuple[str, str]:
    """``file.yml:3: prices[0].rates: wrong`` as where and what."""
    where, _, what = told.partition(": ")
    return where, what


def _refers(content: str) -> bool:
    """Whether the YAML refers to parts of itself, which could make much out of little."""
    import yaml

    try:
        return any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, yaml.SafeLoader))
    except yaml.YAMLError:
        return False


def _id() -> str:
    return f"price_{secrets.token_hex(6)}"
