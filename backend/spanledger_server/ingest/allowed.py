"""Which records of a request its sender may send: those of the services and tenants that its token is limited to.

Given a decoded request and a scope, gives the request without the rest, which is refused and counted.

Never: a record of somebody else's stored because it came in the same request.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from spanledger_server.auth.scope import Scope
from spanledger_server.errors import Forbidden
from spanledger_server.ingest.limits import NO_SERVICE
from spanledger_server.ledger import dialect
from spanledger_server.otlp.columns import Candidate, Decoded

REASON: Final = "not_allowed"
TENANT: Final = dialect.FIELDS.index("tenant")


def allowed(decoded: Decoded, scope: Scope) -> Decoded:
    """What of a request is within reach of `scope`.

    Raises:
        Forbidden: Nothing is, of a request that has something.
    """
    if not scope.limited:
        return decoded
    table = _table(decoded.table)
    owners = _owners(decoded, table) if decoded.rows else []
    kept = table.filter(pa.array(_within(owners, scope), pa.bool_())) if owners else table
    candidates = [each for each in decoded.candidates if scope.admits(each.service, _tenant(each))]
    rows = Counter(service or NO_SERVICE for service, tenant in owners if not scope.admits(service, tenant))
    events = Counter(each.service or NO_SERVICE for each in decoded.candidates if each.source == "event")
    events -= Counter(each.service or NO_SERVICE for each in candidates if each.source == "event")
    if (rows or events) and not kept.num_rows and not candidates:
        raise Forbidden(f"this token sends only for {scope.told()}: nothing in this request is of that")
    for counts, is_entry in ((rows, False), (events, True)):
        for service, count in counts.items():
            example = f"{count} records of {service} are not of {scope.told()}, to which this token is limited"
            decoded.refusals.add(service, REASON, example, count, is_entry=is_entry)
    series = None if decoded.series is None else _series(decoded.series, scope)
    return replace(decoded, table=kept, rows=kept.num_rows, series=series, candidates=candidates)


def _series(series: Any, scope: Scope) -> Any:
    table = _table(series)
    return table.filter(
        pa.array([scope.admits(service, None) for service in table.column("service").to_pylist()], pa.bool_())
    )


def _table(columns: Any) -> Any:
    return columns if isinstance(columns, pa.RecordBatch | pa.Table) else pa.table(columns)


def _owners(decoded: Decoded, table: Any) -> list[tuple[str | None, str | None]]:
    """The service and the tenant of each row; what has no column for its tenant names none."""
    if decoded.series is None:
        services = table.column("service").to_pylist()
    else:
        series = _table(decoded.series)
        by_id = dict(zip(series.column("series_id").to_pylist(), series.column("service").to_pylist(), strict=True))
        services = [by_id.get(number) for number in table.column("series_id").to_pylist()]
    known = "tenant" in table.schema.names
    tenants = table.column("tenant").to_pylist() if known else [None] * table.num_rows
    return list(zip(services, tenants, strict=True))


def _within(owners: list[tuple[str | None, str | None]], scope: Scope) -> list[bool]:
    found = {owner: scope.admits(*owner) for owner in set(owners)}
    return [found[owner] for owner in owners]


def _tenant(candidate: Candidate) -> str | None:
    return dialect.text(dialect.read(candidate.attributes)[TENANT])
