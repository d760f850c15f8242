"""The price book over HTTP: what a model costs at an instant and why, what waits for a price, and prices that are set.

Never: a price without its source, version and stretch of time, or a change of what stands in the ledger.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger.pricing.files import made
from spanledger.pricing.published import FOREVER_NS, provider_id
from spanledger.pricing.rates import Rates
from spanledger_server.api import answers, parameters
from spanledger_server.api import price_examples as examples
from spanledger_server.api.deps import NowNs, Store
from spanledger_server.auth import audit
from spanledger_server.prices import stored
from spanledger_server.prices.overrides import Override
from spanledger_server.prices.stored import StoredPrices
from spanledger_server.timegrid import DAY_NS, Range

MOST_STRETCHES: Final = 100
HISTORY: Final = {"stretches": [examples.PRICE], "truncated": False, "overrides": [examples.OVERRIDE]}
REFRESHED: Final = {"name": "acme.yml", "added": 2, "changed": 1, "unchanged": 7, "ended": 0}
MOST_FILE: Final = 2**20
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$"
PriceId = Annotated[str, Path(description="a price's id")]


class NewPrice(BaseModel):
    """The body that sets a price: the keys of a price file, and when it holds."""

    model_config = ConfigDict(extra="forbid")
    provider: str = Field(max_length=256, description="OpenTelemetry's name, genai-prices' or your own")
    model: str | None = Field(None, max_length=256, description="the model's exact name; or")
    model_prefix: str | None = Field(None, max_length=256, description="what its name begins with")
    rates: dict[str, str | float] = Field(description="unit -> US dollars for one unit, best as text: exact")
    valid_from: str | None = Field("now", description="RFC 3339 or now-7d; null: from the beginning")
    valid_to: str | None = Field(None, description="RFC 3339; from then on it no longer holds; null: without end")
    batch: bool | None = Field(None, description="for the provider's batch interface")
    service_tier: str | None = Field(None, max_length=64, description="for this tier only")
    estimated: bool | None = Field(None, description="mark lines as estimated")
    source: str | None = Field(None, max_length=1000, description="where the rate is from, in words")
    audio_seconds_minimum: str | float | None = Field(None, description="shorter audio is billed as this long")
    audio_seconds_step: str | float | None = Field(None, description="each started step is billed whole")
    audio_channels: int | None = Field(None, description="the seconds are billed for so many channels")

    def stated(self) -> dict[str, Any]:
        """The keys of a price file."""
        return self.model_dump(exclude={"valid_from", "valid_to"}, exclude_none=True)

    def bounds(self, now_ns: int) -> tuple[int | None, int | None]:
        """Its first moment, and the moment from which on it no longer holds."""
        times = (("valid_from", self.valid_from), ("valid_to", self.valid_to))
        first, last = (None if text is None else parameters.instant(name, text, now_ns) for name, text in times)
        return first, last


class PriceFile(BaseModel):
    """The body that refreshes prices from a file."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=NAME, description="the file's name: its prices take the place of those of this name")
    content: str = Field(max_length=MOST_FILE, description="the file: YAML as in prices/speech.yml")


def router(prices: StoredPrices) -> APIRouter:
    """All routes of the price book."""
    routes = APIRouter(tags=["prices"])
    _reading(routes, prices)
    _history(routes, prices)
    _waiting(routes, prices)
    _setting(routes, prices)
    _changing(routes, prices)
    return routes


def _reading(routes: APIRouter, prices: StoredPrices) -> None:
    @routes.get("/api/v1/prices", responses=examples.page(examples.PRICE))
    def listed(
        now_ns: NowNs,
        provider: Annotated[str | None, Query(description="only this provider's")] = None,
        model: Annotated[str | None, Query(description="a part of the model's name")] = None,
        at: Annotated[str | None, Query(description="RFC 3339 or now-7d; default now")] = None,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    ) -> Response:
        """What models cost at an instant, by provider and model, with where that is known from."""
        part, seller = parameters.free_text("model", model).lower(), parameters.free_text("provider", provider)
        question = ("prices", part, seller, at)
        place, most = parameters.cursor(cursor, question), parameters.limit(limit)
        at_ns = place.window.from_ns if place else parameters.instant("at", at or "now", now_ns)
        wanted = sorted(
            key
            for key in prices.book.known()
            if part in key[1].lower() and (not seller or key[0] == provider_id(seller))
        )
        if place:
            wanted = [key for key in wanted if key > tuple(place.position)]
        following = None
        if len(wanted) > most:
            window = Range(at_ns, at_ns + 1)
            following = parameters.cursor_text(parameters.Cursor(window, wanted[most - 1]), question)
        items = [_known(prices, key, at_ns) for key in wanted[:most]]
        return answers.answer({"at": answers.when(at_ns), "items": items, "next_cursor": following})


def _history(routes: APIRouter, prices: StoredPrices) -> None:
    @routes.get("/api/v1/prices/history", responses=examples.of(HISTORY))
    def history(
        store: Store,
        now_ns: NowNs,
        provider: Annotated[str, Query(description="the provider", max_length=256)],
        model: Annotated[str, Query(description="the model's name", max_length=256, min_length=1)],
        service_tier: Annotated[str | None, Query(description="as served by this tier", max_length=64)] = None,
        batch: Annotated[bool, Query(description="through the batch interface")] = False,
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339; default a year ago")] = None,
    ) -> Response:
        """A model's prices one after another, and every price that was ever set for it, by whom and when."""
        from_ns = parameters.instant("from", from_, now_ns) if from_ else max(0, now_ns - 365 * DAY_NS)
        found: list[dict[str, Any]] = []
        at_ns = from_ns
        for _ in range(MOST_STRETCHES):
            if at_ns >= FOREVER_NS:
                break
            stretch = prices.book.stretch(provider, model, at_ns, service_tier, batch)
            price = _head(provider, model, False) | _price(stretch)
            if found and price | _bounds(found[-1]) == found[-1]:
                found[-1]["valid_to"] = price["valid_to"]
            else:
                found.append(price)
            at_ns = stretch.until_ns
        with store.reader() as reader:
            everything = list(stored.of(reader, ended=True))
        name = model.strip().lower()
        mine = [_override(each) for each in everything if made(dict(each.stated)).names(provider_id(provider), name)]
        return answers.answer({"stretches": found, "truncated": at_ns < FOREVER_NS, "overrides": mine})


def _waiting(routes: APIRouter, prices: StoredPrices) -> None:
    @routes.get("/api/v1/prices/missing", responses=examples.of({"items": [examples.MISSING], "more": 0}))
    def missing(
        store: Store,
        now_ns: NowNs,
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-7d; default now-30d")] = None,
        to: Annotated[str | None, Query(description="RFC 3339 or now (default)")] = None,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
    ) -> Response:
        """Calls that wait for a price, by provider, model and reason: how many, what they used, what would help."""
        window = parameters.window(from_, to, now_ns, default_s=30 * 86_400)
        with store.reader() as reader:
            rows = stored.missing(reader, window.from_ns, window.to_ns, parameters.limit(limit))
        groups = rows[0]["groups"] if rows else 0
        items = [_missing(prices, row) for row in rows]
        head = {"from": answers.when(window.from_ns), "to": answers.when(window.to_ns)}
        return answers.answer(head | {"items": items, "more": groups - len(items)})

    @routes.get("/api/v1/prices/used", responses=examples.of({"items": [examples.USED], "more": 0}))
    def used(
        store: Store,
        now_ns: NowNs,
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339 or now-7d; default now-30d")] = None,
        to: Annotated[str | None, Query(description="RFC 3339 or now (default)")] = None,
        limit: Annotated[str | None, Query(description="1 to 1000, default 100")] = None,
    ) -> Response:
        """Models that were called, the dearest first, with what they cost now."""
        window = parameters.window(from_, to, now_ns, default_s=30 * 86_400)
        with store.reader() as reader:
            rows = stored.used(reader, window.from_ns, window.to_ns, parameters.limit(limit))
        items = [_used(prices, row, now_ns) for row in rows]
        head = {"from": answers.when(window.from_ns), "to": answers.when(window.to_ns)}
        return answers.answer(head | {"items": items, "more": rows[0]["groups"] - len(items) if rows else 0})

    @routes.get("/api/v1/prices/overrides", responses=examples.of({"items": [examples.OVERRIDE]}))
    def overridden(
        store: Store, ended: Annotated[bool, Query(description="also those that were changed or deleted")] = False
    ) -> Response:
        """The prices that were set here or came with a price file, in the order in which they were set."""
        with store.reader() as reader:
            return answers.answer({"items": [_override(each) for each in stored.of(reader, ended=ended)]})


def _setting(routes: APIRouter, prices: StoredPrices) -> None:
    @routes.post("/api/v1/prices", status_code=201, responses=examples.of(examples.OVERRIDE, 201))
    def add(body: NewPrice, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Set a price from an instant on: for lines that arrive from now on; those that stand wait for `reprice`."""
        bounds, by = body.bounds(now_ns), _who(request)
        with store.transaction() as tx:
            new = prices.add(tx, body.stated(), bounds, by, now_ns)
            audit.record(tx, now_ns, by, "price.set", new.override_id, {"before": None, "after": _override(new)})
        return answers.answer(_override(new), 201)

    @routes.put("/api/v1/prices", responses=examples.of(examples.OVERRIDE))
    def put(body: NewPrice, store: Store, now_ns: NowNs, request: Request) -> Response:
        """As setting a price; where there is one for the same model and instant, in its place."""
        bounds, by = body.bounds(now_ns), _who(request)
        with store.transaction() as tx:
            old, new = prices.put(tx, body.stated(), bounds, by, now_ns)
            detail = {"before": None if old is None else _override(old), "after": _override(new)}
            audit.record(tx, now_ns, by, "price.set" if old is None else "price.change", new.override_id, detail)
        return answers.answer(_override(new))


def _changing(routes: APIRouter, prices: StoredPrices) -> None:
    @routes.put("/api/v1/prices/{override_id}", responses=examples.of(examples.OVERRIDE))
    def change(override_id: PriceId, body: NewPrice, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Set a price in place of another one; the old one stays in the history."""
        bounds, by = body.bounds(now_ns), _who(request)
        with store.transaction() as tx:
            old, new = prices.change(tx, override_id, body.stated(), bounds, by, now_ns)
            detail = {"before": _override(old), "after": _override(new)}
            audit.record(tx, now_ns, by, "price.change", override_id, detail)
        return answers.answer(_override(new))

    @routes.delete("/api/v1/prices/{override_id}", responses=examples.of(examples.OVERRIDE))
    def delete(override_id: PriceId, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Let a price that was set count no longer."""
        by = _who(request)
        with store.transaction() as tx:
            old = prices.end(tx, override_id, by, now_ns)
            audit.record(tx, now_ns, by, "price.delete", override_id, {"before": _override(old), "after": None})
        return answers.answer(_override(old))

    @routes.post("/api/v1/prices/refresh", responses=examples.of(REFRESHED))
    def refresh(body: PriceFile, store: Store, now_ns: NowNs, request: Request) -> Response:
        """Take the prices of a file in place of those that came with a file of this name."""
        by = _who(request)
        with store.transaction() as tx:
            found = prices.refresh(tx, body.name, body.content, by, now_ns)
            told = {
                "added": found.added,
                "changed": found.changed,
                "unchanged": found.unchanged,
                "ended": found.ended,
            }
            audit.record(tx, now_ns, by, "price.refresh", body.name, told)
        return answers.answer({"name": body.name, **told})


def _who(request: Request) -> str:
    return str(request.state.caller.name or "nobody")


def _head(provider: str, model: str, prefix: bool) -> dict[str, Any]:
    return {"provider": provider, "model": model, "match": "prefix" if prefix else "exact"}


def _known(prices: StoredPrices, key: tuple[str, str, bool], at_ns: int) -> dict[str, Any]:
    provider, model, _ = key
    return _head(*key) | _price(prices.book.stretch(provider, model or "any", at_ns))


def _price(stretch: Any) -> dict[str, Any]:
    """A stretch of one price as answers show it; where there is none, why."""
    bounds = {"valid_from": _when(stretch.from_ns), "valid_to": _when(stretch.until_ns)}
    if not isinstance(stretch.rates, Rates):
        nothing = dict.fromkeys(("rates", "tiers", "audio", "source", "version", "note"))
        return bounds | nothing | {"reason": stretch.refusal.reason if stretch.refusal else None}
    source, version, note = stretch.rates.origin
    tiers = {
        rate.unit.name: [{"above_input_tokens": start, "rate": price} for start, price in rate.tiers]
        for rate in stretch.rates.units
        if rate.tiers
    }
    return bounds | {
        "rates": {rate.unit.name: rate.base for rate in stretch.rates.units},
        "tiers": tiers,
        "audio": _audio(stretch.rates),
        "source": source,
        "version": version,
        "note": note,
        "reason": None,
    }


def _bounds(price: dict[str, Any]) -> dict[str, Any]:
    return {name: price[name] for name in ("valid_from", "valid_to")}


def _audio(rates: Rates) -> dict[str, Any] | None:
    audio = rates.audio
    if audio == type(audio)():
        return None
    return {"seconds_minimum": audio.minimum_s, "seconds_step": audio.step_s, "channels": audio.channels}


def _when(at_ns: int) -> str | None:
    return None if abs(at_ns) >= FOREVER_NS else answers.when(at_ns)


def _override(each: Override) -> dict[str, Any]:
    entry = made(dict(each.stated))
    return {
        "id": each.override_id,
        "revision": each.revision,
        "file": each.file,
        **_head(entry.provider, entry.model, entry.prefix),
        "rates": {rate.unit.name: rate.base for rate in entry.rates},
        "valid_from": answers.when(each.from_ns),
        "valid_to": answers.when(each.until_ns),
        "batch": entry.batch,
        "service_tier": entry.service_tier or None,
        "estimated": entry.estimated,
        "stated": dict(each.stated),
        "source": each.source,
        "version": each.version,
        "set_at": answers.when(each.set_ns),
        "set_by": each.set_by,
        "ended_at": answers.when(each.ended_ns),
        "ended_by": each.ended_by,
    }


def _used(prices: StoredPrices, row: dict[str, Any], now_ns: int) -> dict[str, Any]:
    provider, model = row["provider"] or "", row["model"] or ""
    counted = {name: row[name] for name in ("calls", "cost_usd", "unpriced_calls")}
    price = _price(prices.book.stretch(provider, model, now_ns))
    return _head(provider, model, False) | price | counted | {"last_at": answers.when(row["last_ns"])}


def _missing(prices: StoredPrices, row: dict[str, Any]) -> dict[str, Any]:
    known = bool(row["model"]) and prices.book.stretch(row["provider"], row["model"], row["last_ns"]).rates is not None
    names = ("provider", "model", "reason", "calls", "input_tokens", "output_tokens", "audio_seconds", "characters")
    return {name: row[name] for name in names} | {
        "first_at": answers.when(row["first_ns"]),
        "last_at": answers.when(row["last_ns"]),
        "has_price_now": known,
    }
