"""The bills and exports that are known, as data: by which columns each is told, and what is read from them.

Given the names of columns, gives a `Format`; the readers of single cells that a format needs (which model a line of a
bill is about, what is not about models at all) are functions beside it. Where the columns are documented stands in
docs/prices.md.

Never: a format told by anything but its columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spanledger_server.errors import Invalid

Row = Mapping[str, str]

PACIFIC: Final = "America/Los_Angeles"  # in which Google Cloud's days begin
GOOGLE: Final = ("gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai")
_LINE_ITEM = re.compile(
    r"(?:(?:batch|flex|priority|scale)\s*\|\s*)?(?P<model>[\w.:-]+)(?:\s+(?:audio|text|image))?\s*(?:,.*)?",
    re.IGNORECASE,
)
_SKU = re.compile(
    r"^(?P<model>.+?)(?:\s+(?:GA|Live|Batch|Priority|Native|Thinking|Cached|Text|Audio|Image|Video|Input|Output|Caching"
    r"|Online|Predictions)\b)+.*$",
    re.IGNORECASE,
)
_REGION = re.compile(r"^(?:[A-Z]{2,4}\d?|us-[a-z]+-\d|eu-[a-z]+-\d|ap-[a-z]+-\d)-", re.ASCII)
_USAGE = re.compile(
    r"[-_](?:mantle|text|input|output|cache|cached|batch|flex|priority|long|ondemand|provisioned|image|audio).*$",
    re.IGNORECASE,
)
_ABOUT_MODELS = re.compile(
    r"vertex ai|gemini|generative language|text-to-speech|speech-to-text|cloud speech|claude|mistral|llama",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of bill.

    Attributes:
        name: What it is called.
        providers: Whose lines of the ledger it is about; empty for all.
        zone: In which its days begin, as far as its provider says.
        needs: Columns that it is told by, lower case; each a choice of names.
        columns: What -> the names of the column that says it, the best first.
        model: The model that a row is about; None when it says none.
        left_out: Why a row is about something else; None when it is not.
        once: Whether a row that stands twice is counted once: it has a key of its own.
        daily: Whether its moments name days.
    """

    name: str
    providers: tuple[str, ...]
    zone: str
    needs: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[str, ...]]
    model: Callable[[Row, str | None], str | None] = lambda _, said: said or None
    left_out: Callable[[Row], str | None] = lambda _: None
    once: bool = True
    daily: bool = False


def line_item(_: Row, said: str | None) -> str | None:
    """``priority | gpt-5-2026-04-23, cached input`` is about ``gpt-5-2026-04-23``."""
    match = _LINE_ITEM.fullmatch((said or "").strip())
    return match["model"] if match else (said or "").strip() or None


def sku(_: Row, said: str | None) -> str | None:
    """``Gemini 2.5 Flash GA Text Input - Predictions`` is about ``Gemini 2.5 Flash``."""
    text = " ".join((said or "").split())
    match = _SKU.match(text)
    return (match["model"] if match else text) or None


def usage_type(row: Row, said: str | None) -> str | None:
    """``USE1-Claude4.6Opus-input-tokens`` is about ``Claude4.6Opus``; a marketplace's names its product instead."""
    product = _any(row, ("product/productname", "product_product_name", "lineitem/lineitemdescription"))
    text = _REGION.sub("", said or "")
    if text.startswith("MP:") or "token" not in text.lower():
        name = (product or text).partition("(")[0]
        return name.strip() or None
    return _USAGE.sub("", text) or None


def not_bedrock(row: Row) -> str | None:
    """Why a row of a cost and usage report is not about calls to models."""
    kind = _any(row, ("lineitem/lineitemtype", "line_item_line_item_type")) or "Usage"
    if kind in ("Tax", "Fee", "RIFee", "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee"):
        return kind.lower()
    code = _any(row, ("lineitem/productcode", "line_item_product_code")) or ""
    name = _any(row, ("product/productname", "product_product_name", "lineitem/lineitemdescription")) or ""
    return None if "bedrock" in f"{code} {name}".lower() else code or "another service"


def not_models(row: Row) -> str | None:
    """Why a row of Google Cloud's is not about calls to models."""
    service = _any(row, ("service description", "service.description", "service_description")) or ""
    text = _any(row, ("sku description", "sku.description", "sku_description")) or ""
    kind = (_any(row, ("cost type", "cost_type")) or "regular").lower()
    if kind in ("tax", "rounding error", "rounding_error", "adjustment"):
        return kind
    return None if _ABOUT_MODELS.search(f"{service} {text}") else service or "another service"


def no_spend(row: Row) -> str | None:
    """A day of OpenAI's on which nothing was spent has a row without an amount."""
    return None if (row.get("amount_value") or "").strip() else "days without spend"


def web_search(row: Row, said: str | None) -> str | None:
    """Anthropic's charges that are not of a model are named by their type."""
    return said or _any(row, ("cost_type", "usage_type", "description")) or None


def _any(row: Row, names: Sequence[str]) -> str | None:
    return next((row[name] for name in names if row.get(name)), None)


PLAIN: Final = Format(
    "plain",
    (),
    "UTC",
    (),
    {
        "date": (
            "date",
            "day",
            "timestamp",
            "created_at",
            "created",
            "time",
            "usage_date",
            "datum",
            "tag",
            "start_time",
        ),
        "model": ("model", "model_name", "model_id", "modell", "line_item", "sku"),
        "amount": (
            "amount",
            "amount_usd",
            "cost",
            "cost_usd",
            "spend",
            "total",
            "price",
            "betrag",
            "kosten",
        ),
        "currency": ("currency", "currency_code", "amount_currency", "währung"),
        "project": ("project", "project_id", "project_name", "workspace", "key", "api_key", "team", "projekt"),
        "input_tokens": ("input_tokens", "prompt_tokens", "tokens_input", "tokens_in"),
        "output_tokens": ("output_tokens", "completion_tokens", "tokens_output", "tokens_out"),
        "requests": ("requests", "calls", "num_model_requests", "request_count"),
    },
    once=False,
)
FORMATS: Final = (
    Format(
        "openai-costs",
        ("openai",),
        "UTC",
        (("start_time",), ("amount_value",)),
        {
            "date": ("start_time", "start_time_iso"),
            "model": ("line_item",),
            "amount": ("amount_value",),
            "currency": ("amount_currency",),
            "project": ("project_name", "project_id"),
        },
        model=line_item,
        left_out=no_spend,
        daily=True,
    ),
    Format(
        "openai-usage",
        ("openai",),
        "UTC",
        (("start_time",), ("num_model_requests",), ("input_tokens",)),
        {
            "date": ("start_time", "start_time_iso"),
            "model": ("model",),
            "project": ("project_name", "project_id"),
            "input_tokens": ("input_tokens",),
            "output_tokens": ("output_tokens",),
            "requests": ("num_model_requests",),
        },
        daily=True,
    ),
    Format(
        "anthropic-costs",
        ("anthropic",),
        "UTC",
        (("usage_date_utc",), ("cost_usd",)),
        {
            "date": ("usage_date_utc",),
            "model": ("model",),
            "amount": ("cost_usd",),
            "project": ("workspace",),
        },
        model=web_search,
        daily=True,
    ),
    Format(
        "anthropic-usage",
        ("anthropic",),
        "UTC",
        (("usage_date_utc",), ("model_version",), ("usage_output_tokens",)),
        {
            "date": ("usage_date_utc",),
            "model": ("model_version",),
            "project": ("workspace",),
            "input_tokens": (
                "usage_input_tokens_no_cache",
                "usage_input_tokens_cache_write_5m",
                "usage_input_tokens_cache_write_1h",
                "usage_input_tokens_cache_read",
            ),
            "output_tokens": ("usage_output_tokens",),
        },
        daily=True,
    ),
    Format(
        "google-costs",
        GOOGLE,
        PACIFIC,
        (("sku description",), ("usage start date",)),
        {
            "date": ("usage start date",),
            "model": ("sku description",),
            "amount": ("unrounded cost", "cost"),
            "currency": ("currency",),
            "project": ("project id", "project name"),
        },
        model=sku,
        left_out=not_models,
    ),
    Format(
        "google-bigquery",
        GOOGLE,
        PACIFIC,
        (("usage_start_time",), ("cost",), ("sku.description", "sku_description")),
        {
            "date": ("usage_start_time",),
            "model": ("sku.description", "sku_description"),
            "amount": ("cost",),
            "currency": ("currency",),
            "project": ("project.id", "project_id"),
        },
        model=sku,
        left_out=not_models,
        once=False,
    ),
    Format(
        "aws-cur",
        ("aws.bedrock",),
        "UTC",
        (
            ("lineitem/unblendedcost", "line_item_unblended_cost"),
            ("lineitem/usagestartdate", "line_item_usage_start_date"),
        ),
        {
            "date": ("lineitem/usagestartdate", "line_item_usage_start_date"),
            "model": ("lineitem/usagetype", "line_item_usage_type"),
            "amount": ("lineitem/unblendedcost", "line_item_unblended_cost"),
            "currency": ("lineitem/currencycode", "line_item_currency_code"),
            "project": ("lineitem/usageaccountid", "line_item_usage_account_id"),
        },
        model=usage_type,
        left_out=not_bedrock,
    ),
)
AMOUNTS: Final = frozenset(("unrounded cost", *PLAIN.columns["amount"]))  # what a currency may stand behind
NAMES: Final = (*(each.name for each in FORMATS), PLAIN.name)


def recognised(columns: Sequence[str]) -> Format | None:
    """The format that has these columns (lower case); None when none has."""
    there = set(columns)
    return next((each for each in FORMATS if all(there.intersection(names) for names in each.needs)), None)


def plain(columns: Sequence[str]) -> bool:
    """Whether these columns (lower case) are enough for a plain bill."""
    there = set(columns)
    return bool(there.intersection(PLAIN.columns["date"])) and any(
        there.intersection(PLAIN.columns[what]) for what in ("amount", "input_tokens")
    )


def placed(chosen: Format, columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Which column says what; several are added up.

    Args:
        chosen: The format.
        columns: The header, lower case.
        mapping: What -> column, as the user says it.

    Raises:
        Invalid: A column that is named is not there, or one that is needed.
    """
    found: dict[str, tuple[int, ...]] = {}
    for what, names in chosen.columns.items():
        there = [columns.index(name) for name in names if name in columns]
        together = what == "input_tokens" and chosen.name == "anthropic-usage"
        found[what] = tuple(there) if together else tuple(there[:1])
    for what, name in mapping.items():
        if what not in PLAIN.columns:
            raise Invalid("columns", what, f"any of {', '.join(PLAIN.columns)}")
        if name.strip().lower() not in columns:
            raise Invalid("columns", f"{what}={name}", f"a column of the file: {_shown(columns)}")
        found[what] = (columns.index(name.strip().lower()),)
    if not found.get("date") or not (found.get("amount") or found.get("input_tokens")):
        raise Invalid(
            "columns",
            _shown(columns),
            f"one of {', '.join(each.name for each in FORMATS)}; or say which column is which: "
            "columns=date=DAY,model=MODEL,amount=AMOUNT",
        )
    return found


def _shown(columns: Sequence[str]) -> str:
    return ", ".join(columns[:20])[:500]
