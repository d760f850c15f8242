"""An episode as the store keeps it: what the alert is of, where it stands, and what it says.

Given a row gives an episode, given episodes gives columns; and the identity that is the same after every restart.

Never: two spellings of the same labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import orjson
import pyarrow as pa

from spanledger_server.alerts.state import Standing
from spanledger_server.otlp.columns import uuid_field
from spanledger_server.rules.verdict import Story

Source = Literal["rule", "prometheus"]
Kind = Literal["alert", "evaluation"]

TIMES: Final = ("pending_ns", "fired_ns", "recovering_ns", "resolved_ns", "held_ns", "unmeasured_ns")
STANDING: Final = (
    *("state", "severity", *TIMES, "waits", "flapping", "acked_by", "acked_ns", "acked_until_ns"),
    *("value", "threshold", "outcome", "reason", "alert_id"),
)
OWN: Final = (
    *("source", "kind", "rule_id", "condition", "dedup_key", "name", "labels"),
    *("operator", "unit", "story", "ways", "changes", "updated_ns"),
)
SCHEMA: Final = pa.schema(
    [
        uuid_field("alert_id"),
        *(pa.field(name, pa.string()) for name in ("source", "kind")),
        uuid_field("rule_id", nullable=True),
        *(pa.field(name, pa.string()) for name in ("condition", "dedup_key", "name", "severity", "labels", "state")),
        *(pa.field(name, pa.int64()) for name in TIMES),
        pa.field("waits", pa.bool_()),
        pa.field("flips", pa.string()),
        pa.field("flapping", pa.bool_()),
        pa.field("acked_by", pa.string()),
        *(pa.field(name, pa.int64()) for name in ("acked_ns", "acked_until_ns")),
        *(pa.field(name, pa.float64()) for name in ("value", "threshold")),
        *(pa.field(name, pa.string()) for name in ("operator", "unit", "outcome", "reason", "story", "ways")),
        pa.field("changes", pa.int32()),
        pa.field("updated_ns", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of `alert_episodes`.

    Attributes:
        source: Who judged it.
        kind: An alert of the rule's condition, or that the rule cannot be evaluated.
        rule_id: None for alerts that others sent.
        condition: Digest of what the rule judges.
        dedup_key: The same for every episode of the same rule and labels.
        name: Of the rule; empty where a sender gave none.
        labels: As JSON, sorted by name.
        standing: Where it stands; its `alert_id` is set.
        operator: How value and threshold are compared.
        unit: Of both.
        story: As JSON; None until it fires.
        ways: How its rule wants it to be told, as JSON; None: as usual.
        changes: How many it went through.
        updated_ns: When the row was written.
    """

    source: Source
    kind: Kind
    rule_id: UUID | None
    condition: str | None
    dedup_key: str
    name: str
    labels: str
    standing: Standing
    operator: str | None = None
    unit: str | None = None
    story: str | None = None
    ways: str | None = None
    changes: int = 0
    updated_ns: int = 0

    @property
    def alert_id(self) -> UUID:
        """Of the episode."""
        if self.standing.alert_id is None:
            raise ValueError("an episode without an id is not kept")
        return self.standing.alert_id


_quoted: Final = json.encoder.encode_basestring  # what the encoder itself writes, without what it does around it


def of_row(row: Mapping[str, Any]) -> Kept:
    """The episode in a row with the columns of `SCHEMA`, and perhaps others."""
    standing = Standing(**{name: row[name] for name in STANDING}, flips=tuple(json.loads(row["flips"])))
    return Kept(**{name: row[name] for name in OWN}, standing=standing)


def table(episodes: Sequence[Kept]) -> pa.Table:
    """The episodes as columns."""
    standings = [each.standing for each in episodes]
    columns = {name: [getattr(each, name) for each in standings] for name in STANDING}
    columns |= {name: [getattr(each, name) for each in episodes] for name in OWN}
    columns |= {"flips": [json.dumps(each.flips) for each in standings]}
    for name in ("alert_id", "rule_id"):
        columns[name] = [None if value is None else value.bytes for value in columns[name]]
    for name in ("value", "threshold"):
        columns[name] = [None if value is None else float(value) for value in columns[name]]
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as JSON, sorted by name."""
    return "{" + ", ".join(f"{_quoted(name)}: {_quoted(value)}" for name, value in sorted(labels.items())) + "}"


def labels_of(text: str) -> dict[str, str]:
    """The labels that `labels_text` wrote."""
    found: dict[str, str] = json.loads(text)
    return found


def dedup_key(rule_id: UUID, labels: str, kind: Kind = "alert") -> str:
    """The identity of a rule's alert; at most 255 characters, the same after a restart.

    Args:
        rule_id: Of the rule.
        labels: As `labels_text` writes them.
        kind: Of the alert.
    """
    return f"{rule_id}:{_digest(labels)}" + ("" if kind == "alert" else f":{kind}")


def received_key(labels: str) -> str:
    """The identity of an alert that somebody sent."""
    return f"received:{_digest(labels)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def episode_id(key: str, begun_ns: int) -> UUID:
    """The id of the episode of that identity that began then."""
    text = f"{begun_ns} {key}".encode()
    return UUID(bytes=hashlib.blake2b(text, digest_size=16, person=b"alert episode").digest())


def story_text(story: Story) -> str:
    """A story as JSON."""
    told = {name: getattr(story, name) for name in Story.__slots__}
    return orjson.dumps(told | {"annotations": dict(story.annotations)}, default=str).decode()


def story_of(text: str) -> Story:
    """The story that `story_text` wrote; what a newer program added to it is left out."""
    told = {name: value for name, value in orjson.loads(text).items() if name in Story.__slots__}
    for name in ("facts", "contributors"):
        told[name] = tuple(tuple(each) for each in told[name])
    return Story(**told | {"traces": tuple(told["traces"])})
