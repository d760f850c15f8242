"""How much of a request is taken: counts, lengths, depth and age, as one value.

Given to every decoder; the defaults are what `serve` uses. What exceeds a limit is cut with a mark, counted in an
attribute of the record, or refused with a reason: never silently lost.

Never: a limit that is written anywhere but here.
"""

from __future__ import annotations

from dataclasses import dataclass

HOUR_NS = 3_600_000_000_000
MAX_INT64 = 2**63 - 1
CUT = "…"  # ends a text that was cut; stands for a nested value that was too deep or too long


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one request, and one record of it, may hold.

    Attributes:
        records: Spans, log records or data points a request; also the number of resource and scope groups.
        attributes: Attributes a record, resource, event or link; ``spanledger.dropped_attributes`` counts the rest.
        value_length: Characters of a text (a value, a key, a log's body); of a nested value: bytes of its JSON.
        name_length: Characters of a name (span, event, scope, metric, unit), of a status message and of a trace state.
        depth: Levels of lists and maps inside an attribute.
        events: Events, and links, a span; ``spanledger.dropped_events`` and ``…dropped_links`` count the rest.
        buckets: Buckets, bounds or quantiles of a data point.
        json_containers: Objects and lists in a JSON body: what bounds the memory that parsing it takes.
        wide_bytes: From this size on a protobuf record is parsed piece by piece: hostile ones take no multiple of it.
        future_ns: How far ahead of the clock a record may be.
        late_ns: How old a span, log record or data point may be.
        ledger_ns: How old a ledger event may be: the ledger's retention.
    """

    records: int = 200_000
    attributes: int = 512
    value_length: int = 65_536
    name_length: int = 1_024
    depth: int = 16
    events: int = 128
    buckets: int = 4_096
    json_containers: int = 4_000_000
    wide_bytes: int = 1_048_576
    future_ns: int = HOUR_NS
    late_ns: int = 24 * HOUR_NS
    ledger_ns: int = 365 * 24 * HOUR_NS

    def latest_ns(self, now_ns: int) -> int:
        """The latest time that is taken, ns since 1970; fits int64."""
        return min(now_ns + self.future_ns, MAX_INT64)


def shortened(text: str, most: int) -> str:
    """`text`, cut to `most` characters with a mark at its end when it is longer."""
    return text if len(text) <= most else text[: most - 1] + CUT
