"""Rows as an Arrow batch.

Given the columns of a request and a schema of `columns`, gives what DuckDB scans without a copy.

Never: a cast. Each value already has its column's type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa


def batch(columns: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """A batch of `columns`, which stand in the order of `schema`; an empty one when there are none."""
    filled = columns or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(filled, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
