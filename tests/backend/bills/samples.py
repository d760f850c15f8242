"""Bills as providers give them: real columns, made-up figures; three days of November 2026."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import simplejson

DAYS = ("2026-11-10", "2026-11-11", "2026-11-12")
EPOCHS = (1_794_268_800, 1_794_355_200, 1_794_441_600)  # the midnights, UTC


def table(header: str, rows: Iterable[Sequence[object]], mark: str = ",") -> bytes:
    """CSV with this header."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=mark, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue().encode()


def document(value: Any) -> bytes:
    return simplejson.dumps(value, use_decimal=True).encode()


OPENAI_COSTS = table(
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,organization_id,"
    "organization_name",
    [
        row
        for epoch, day in zip(EPOCHS, DAYS, strict=True)
        for row in (
            (
                epoch,
                epoch + 86_400,
                f"{day}T00:00:00+00:00",
                "",
                "6.2500000000000000",
                "usd",
                "gpt-5-2025-08-07, input",
                "proj_1",
                "org-1",
                "Acme",
            ),
            (
                epoch,
                epoch + 86_400,
                f"{day}T00:00:00+00:00",
                "",
                "3.75",
                "usd",
                "gpt-5-2025-08-07, output",
                "proj_1",
                "org-1",
                "Acme",
            ),
            (
                epoch,
                epoch + 86_400,
                f"{day}T00:00:00+00:00",
                "",
                "1e-05",
                "usd",
                "batch | gpt-4o-mini-2024-07-18, cached input",
                "proj_1",
                "org-1",
                "Acme",
            ),
        )
    ]
    + [(EPOCHS[2] + 86_400, EPOCHS[2] + 172_800, "2026-11-13T00:00:00+00:00", "", "", "", "", "", "", "")],
)
OPENAI_USAGE = table(
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,"
    "service_tier,input_tokens,output_tokens,input_cached_tokens",
    [
        (epoch, epoch + 86_400, day, "", "proj_1", 10, "", "", "gpt-5-2025-08-07", "", "", 5_000_000, 375_000, 0)
        for epoch, day in zip(EPOCHS, DAYS, strict=True)
    ],
)
OPENAI_COSTS_JSON = document(
    {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": epoch,
                "end_time": epoch + 86_400,
                "results": [
                    {
                        "object": "organization.costs.result",
                        "amount": {"value": 10.0, "currency": "usd"},
                        "line_item": "gpt-5-2025-08-07, input",
                        "project_id": None,
                    }
                ],
            }
            for epoch in EPOCHS
        ],
        "has_more": False,
        "next_page": None,
    }
)
OPENAI_USAGE_JSON = document(
    [
        {
            "object": "page",
            "data": [
                {
                    "object": "bucket",
                    "start_time": epoch,
                    "end_time": epoch + 86_400,
                    "results": [
                        {
                            "object": "organization.usage.completions.result",
                            "input_tokens": 5_000_000,
                            "output_tokens": 375_000,
                            "input_cached_tokens": 0,
                            "num_model_requests": 10,
                            "project_id": None,
                            "model": "gpt-5-2025-08-07",
                            "batch": None,
                        }
                    ],
                }
            ],
            "has_more": True,
            "next_page": "AAAA",
        }
        for epoch in EPOCHS
    ]
)
ANTHROPIC_COSTS = table(
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,"
    "inference_geo,speed,api_key_id,api_key_status",
    [
        (day, "Claude Haiku 4.5", "Default", "key", "message", "≤ 200k", kind, cost, cost, "token", "", "", "", "")
        for day in DAYS
        for kind, cost in (("input_no_cache", "4"), ("output", "6"))
    ],
)
ANTHROPIC_USAGE = table(
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed",
    [
        (
            day,
            "claude-haiku-4-5-20251001",
            "key",
            "Default",
            "message",
            "≤ 200k",
            4_000_000,
            500_000,
            0,
            500_000,
            375_000,
            0,
            "",
            "",
        )
        for day in DAYS
    ],
)
ANTHROPIC_COSTS_JSON = document(
    {
        "data": [
            {
                "starting_at": f"{day}T00:00:00Z",
                "ending_at": f"{day}T23:59:59Z",
                "results": [
                    {
                        "currency": "USD",
                        "amount": "1000.00",  # cents
                        "workspace_id": None,
                        "description": "Claude Haiku 4.5 Usage - Input Tokens",
                        "cost_type": "tokens",
                        "context_window": "0-200k",
                        "model": "claude-haiku-4-5-20251001",
                        "service_tier": "standard",
                        "token_type": "uncached_input_tokens",
                    }
                ],
            }
            for day in DAYS
        ],
        "has_more": False,
        "next_page": None,
    }
)
ANTHROPIC_USAGE_JSON = document(
    {
        "data": [
            {
                "starting_at": f"{day}T00:00:00Z",
                "ending_at": f"{day}T23:59:59Z",
                "results": [
                    {
                        "uncached_input_tokens": 4_000_000,
                        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 500_000},
                        "cache_read_input_tokens": 500_000,
                        "output_tokens": 375_000,
                        "server_tool_use": {"web_search_requests": 0},
                        "model": "claude-haiku-4-5-20251001",
                        "workspace_id": None,
                    }
                ],
            }
            for day in DAYS
        ],
        "has_more": False,
        "next_page": None,
    }
)
GOOGLE_COSTS = b"Invoice number,1234\nInvoice date,2026-12-01\n\n" + table(
    "Billing account name,Billing account ID,Project name,Project ID,Project number,Service description,Service ID,"
    "SKU description,SKU ID,Credit type,Cost type,Usage start date,Usage end date,Usage amount,Usage unit,"
    "Unrounded Cost ($),Cost ($)",
    [
        (
            "Acme",
            "01-AB",
            "acme",
            "acme-1",
            "1",
            service,
            "C7E2",
            text,
            "X",
            credit,
            kind,
            day,
            day,
            "1",
            "count",
            cost,
            "0.00",
        )
        for day in DAYS
        for service, text, credit, kind, cost in (
            ("Vertex AI", " Gemini 2.5 Flash GA Text Input - Predictions", "", "Usage", "4.0001"),
            ("Vertex AI", "Gemini 2.5 Flash GA Thinking Text Output - Predictions", "", "Usage", "5.9999"),
            ("Vertex AI", "Gemini 2.5 Flash GA Text Input - Predictions", "Promotion", "Usage", "-2"),
            ("Compute Engine", "N1 Predefined Instance Core", "", "Usage", "99"),
        )
    ]
    + [("Acme", "", "", "", "", "", "", "", "", "", "Tax", "", "", "", "", "30", "30")],
)
BIGQUERY = b"\n".join(
    document(
        {
            "billing_account_id": "01-AB",
            "service": {"id": "C7E2", "description": "Vertex AI"},
            "sku": {"id": "X", "description": "Gemini 2.5 Flash GA Text Input - Predictions"},
            "usage_start_time": f"{day} 0{hour}:00:00 UTC",
            "usage_end_time": f"{day} 1{hour}:00:00 UTC",
            "project": {"id": "acme-1", "labels": []},
            "cost": "5",
            "currency": "USD",
            "usage": {"amount": 1_000_000, "unit": "count"},
            "credits": [{"name": "Promotion", "amount": "-1.5"}],
            "cost_type": "regular",
        }
    )
    for day in DAYS
    for hour in (8, 9)
)
AWS_CUR = table(
    "identity/LineItemId,identity/TimeInterval,bill/PayerAccountId,lineItem/UsageAccountId,lineItem/LineItemType,"
    "lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,lineItem/Operation,"
    "lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedRate,lineItem/UnblendedCost,"
    "lineItem/LineItemDescription,product/ProductName,pricing/unit",
    [
        (
            f"{day}-{number}",
            "",
            "1",
            "2",
            kind,
            f"{day}T00:00:00Z",
            f"{day}T01:00:00Z",
            code,
            usage,
            "Invoke",
            "1",
            "USD",
            "",
            cost,
            "",
            product,
            "1K tokens",
        )
        for day in DAYS
        for number, (kind, code, usage, cost, product) in enumerate(
            (
                (
                    "Usage",
                    "AmazonBedrock",
                    "USE1-Claude4.5Haiku-input-tokens-cross-region-global",
                    "4",
                    "Amazon Bedrock",
                ),
                (
                    "Usage",
                    "abc123",
                    "USE1-MP:USE1_OutputTokenCount-Units",
                    "6",
                    "Claude Haiku 4.5 (Amazon Bedrock Edition)",
                ),
                ("Usage", "AmazonEC2", "USE1-BoxUsage:t3.medium", "12", "Amazon Elastic Compute Cloud"),
                ("Tax", "AmazonBedrock", "", "2", "Amazon Bedrock"),
                ("Credit", "AmazonBedrock", "USE1-Claude4.5Haiku-input-tokens", "-1", "Amazon Bedrock"),
            )
        )
    ],
)
