"""Rollups of the ledger, made by a plain GROUP BY that shares nothing with the server's own."""

from __future__ import annotations

from spanledger_server.rollups.levels import LEVELS, WIDTH_NS, Recipe
from spanledger_server.rollups.refresh import SQL
from spanledger_server.store.database import Database
from tests.backend.rows import DAY, HOUR, MINUTE

ROLL = """
INSERT INTO {table} BY NAME
SELECT at_ns // {width} AS bucket, service, kind, operation, provider, model, feature, tenant, user_tier,
    count(*) AS calls, count(error_type) AS errors, count(*) FILTER (state = 'priced') AS priced_calls,
    count(*) FILTER (state = 'unpriced') AS unpriced_calls, count(*) FILTER (state = 'estimated') AS estimated_calls,
    count(*) FILTER (state = 'free') AS free_calls, sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
FROM ledger WHERE at_ns // {width} < $before GROUP BY ALL
"""


def roll(database: Database, before_ns: int) -> None:
    """Fill the rollups with whole buckets before `before_ns`."""
    with database.transaction() as tx:
        for table, width in (("cost_1m", MINUTE), ("cost_1h", HOUR), ("cost_1d", DAY)):
            tx.execute(ROLL.format(table=table, width=width), before=before_ns // width)


def roll_at_once(database: Database, recipe: Recipe, now_ns: int) -> None:
    """Every bucket of a family that is over, by one statement of the server's own a level, and no mark left."""
    with database.transaction() as tx:
        for level in LEVELS:
            width = WIDTH_NS[level]
            end_ns = now_ns if level == "1m" else now_ns // width * width
            tx.execute(SQL[recipe.from_raw], from_ns=0, to_ns=end_ns, width_ns=width)
            tx.execute("CREATE OR REPLACE TEMP TABLE computed AS FROM computed ORDER BY bucket")  # as time goes by
            tx.execute(f"DELETE FROM {recipe.family}_{level}")
            tx.execute(SQL[recipe.fill[level]])
        tx.execute("DELETE FROM dirty_buckets WHERE family = $family", family=recipe.family)
