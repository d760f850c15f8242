"""Bills that are JSON: pages of the providers' own APIs, rows of BigQuery, and plain objects.

Given JSON documents one after another, adds what they say to a `Bill`.

Never: an amount in cents taken for dollars.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Final

from spanledger_server.bills import formats, tables, written
from spanledger_server.bills.bill import Bill, Entry
from spanledger_server.bills.opening import Table
from spanledger_server.bills.tables import Asked
from spanledger_server.errors import Invalid

CENTS: Final = Decimal("0.01")  # Anthropic tells amounts in the lowest unit of the currency
KNOWN: Final = (
    "pages of OpenAI's or Anthropic's usage and cost API, rows of a BigQuery billing export, or plain objects"
)
BY_NAME: Final = {each.name: each for each in formats.FORMATS}


def read(found: Iterator[Any], asked: Asked) -> Bill:
    """The documents as a bill.

    Raises:
        Invalid: They are not a bill, a value cannot be read, or nothing is in them.
    """
    objects = _objects(found)
    first = next(objects, None)
    if first is None:
        raise Invalid("file", "no objects", KNOWN)
    everything = chain([first], objects)
    if isinstance(first.get("data"), list):
        return _pages(everything, asked)
    return tables.read(_as_table(everything), asked)


def _objects(found: Iterator[Any]) -> Iterator[dict[str, Any]]:
    for each in found:
        for one in each if isinstance(each, list) else (each,):
            if not isinstance(one, dict):
                raise Invalid("file", str(one)[:40], KNOWN)
            yield one


def _pages(pages: Iterator[dict[str, Any]], asked: Asked) -> Bill:
    bill: Bill | None = None
    more = False
    seen: set[str] = set()
    for number, page in enumerate(pages, 1):
        for place, bucket in enumerate(_buckets(page, number)):
            where = f"page {number}, bucket {place + 1}"
            if not isinstance(bucket, dict) or not isinstance(bucket.get("results"), list):
                raise Invalid("file", where, KNOWN)
            for result in bucket["results"]:
                if not isinstance(result, dict):
                    raise Invalid("file", where, KNOWN)
                bill = bill or asked.bill(_format(bucket, result, where))
                key = json.dumps(
                    [bucket.get("start_time") or bucket.get("starting_at"), result], default=str, sort_keys=True
                )
                if key in seen and asked.duplicates != "keep":
                    bill.note("results that stand there twice were counted once")
                    continue
                seen.add(key)
                _take(bill, bucket, result, where)
        more = bool(page.get("has_more"))
    if bill is None:
        raise Invalid("file", "pages without results", "a bill with at least one result")
    if more:
        bill.note("the last page says that there are more: the bill is not whole")
    return bill


def _buckets(page: Mapping[str, Any], number: int) -> list[Any]:
    found = page.get("data")
    if found is None or isinstance(found, list):
        return found or []
    raise Invalid("file", f"page {number}: data {str(found)[:40]}", KNOWN)


def _text(value: object, where: str) -> str | None:
    """A name; None when there is none.

    Raises:
        Invalid: It is a list, an object or a truth value.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Invalid("file", f"{where}: {str(value)[:40]}", "a text")
    return str(value)


def _format(bucket: Mapping[str, Any], result: Mapping[str, Any], where: str) -> formats.Format:
    if "starting_at" in bucket:
        return BY_NAME["anthropic-costs" if "amount" in result else "anthropic-usage"]
    if "start_time" in bucket:
        return BY_NAME["openai-costs" if isinstance(result.get("amount"), dict) else "openai-usage"]
    raise Invalid("file", where, KNOWN)


def _take(bill: Bill, bucket: Mapping[str, Any], result: Mapping[str, Any], where: str) -> None:
    begin = str(bucket.get("start_time") or bucket.get("starting_at") or "")
    at = written.moment(begin, "mdy", bill.zone, where)
    if bill.format.startswith("anthropic"):
        bill.add(_anthropic(at, result, where), where)
    else:
        bill.add(_openai(at, result, where), where)


def _openai(at: Any, result: Mapping[str, Any], where: str) -> Entry:
    amount = result.get("amount")
    project = _text(result.get("project_name") or result.get("project_id"), where)
    if isinstance(amount, Mapping):
        value = written.number(str(amount.get("value", "")), ".", where)
        model = formats.line_item({}, _text(result.get("line_item"), where))
        return Entry(at, model, project, value, str(amount.get("currency") or "USD").upper())
    return Entry(
        at,
        _text(result.get("model"), where),
        project,
        None,
        input_tokens=written.count(result.get("input_tokens"), where),
        output_tokens=written.count(result.get("output_tokens"), where),
        requests=written.count(result.get("num_model_requests"), where),
    )


def _anthropic(at: Any, result: Mapping[str, Any], where: str) -> Entry:
    project = _text(result.get("workspace_id"), where)
    if "amount" in result:
        value = written.number(str(result["amount"]), ".", where)
        model = _text(result.get("model") or result.get("cost_type") or result.get("description"), where)
        amount = None if value is None else value * CENTS
        return Entry(at, model, project, amount, str(result.get("currency") or "USD").upper())
    written_to_cache = result.get("cache_creation") or {}
    if not isinstance(written_to_cache, Mapping):
        raise Invalid("file", f"{where}: cache_creation {str(written_to_cache)[:40]}", "an object")
    inputs = (
        result.get("uncached_input_tokens"),
        result.get("cache_read_input_tokens"),
        written_to_cache.get("ephemeral_5m_input_tokens"),
        written_to_cache.get("ephemeral_1h_input_tokens"),
    )
    counted = [count for count in (written.count(each, where) for each in inputs) if count is not None]
    output = written.count(result.get("output_tokens"), where)
    model = _text(result.get("model"), where)
    return Entry(at, model, project, None, input_tokens=sum(counted), output_tokens=output)


def _as_table(objects: Iterator[dict[str, Any]]) -> Table:
    """Objects as rows, what is nested under dotted names; credits that stand inside a row become rows of their own."""
    sample = list(islice(objects, 100))
    header = list(dict.fromkeys(name for each in sample for name in _flat(each)))

    def rows() -> Iterator[tuple[int, list[str]]]:
        for number, each in enumerate(chain(sample, objects), 1):
            flat = _flat(each)
            yield number, [flat.get(name, "") for name in header]
            for credit in flat_credits(each):
                yield number, [credit if name == "cost" else flat.get(name, "") for name in header]

    return Table([(0, header)], rows(), ())


def flat_credits(row: Mapping[str, Any]) -> list[str]:
    """The amounts of the credits within a row of BigQuery's export."""
    found = row.get("credits")
    if not isinstance(found, list):
        return []
    return [str(each.get("amount", "")) for each in found if isinstance(each, Mapping)]


def _flat(row: Mapping[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, Mapping) and len(before) < 200:
            found |= _flat(value, f"{before}{name}.")
        elif not isinstance(value, list):
            found[f"{before}{name}"] = "" if value is None else str(value)
    return found
