"""What a store knew of received alerts before there were episodes."""

from __future__ import annotations

import pytest

from spanledger_server.store import migrate
from spanledger_server.store.database import Database

OLD = """
    INSERT INTO received_alerts BY NAME
    SELECT uuid AS alert_id, 7 AS fingerprint, labels, name, severity, '{}' AS annotations, 10 AS starts_ns,
        90 AS expires_ns, ends_ns, 5 AS updated_ns
    FROM (VALUES
        ('00000000-0000-0000-0000-000000000001'::UUID, '{"alertname": "A"}', 'A', 'critical', NULL),
        ('00000000-0000-0000-0000-000000000002'::UUID, '{"x": "y"}', NULL, NULL, 50)
    ) AS v(uuid, labels, name, severity, ends_ns);
    INSERT INTO received_alert_changes VALUES
        ('00000000-0000-0000-0000-000000000001', 10, 'firing', 'told', 'prometheus'),
        ('00000000-0000-0000-0000-000000000002', 10, 'firing', 'told', NULL),
        ('00000000-0000-0000-0000-000000000002', 50, 'resolved', 'expired', NULL);
"""


def test_received_alerts_and_their_history_become_episodes(monkeypatch: pytest.MonkeyPatch):
    known = migrate.migrations()
    step = next(each for each in known if each.name == "alerts")
    before = migrate.Migration(step.version - 1, "old", OLD)
    scripts = [each if each.version != before.version else replaced(each, before) for each in known]
    monkeypatch.setattr(migrate, "migrations", lambda: scripts)
    database = Database.open(None)
    with database.reader() as reader:
        rows = reader.tuples(
            "SELECT name, severity, state, fired_ns, resolved_ns, changes FROM alert_episodes ORDER BY alert_id"
        )
        changes = reader.tuples(
            "SELECT number, kind, from_state, to_state, why, actor FROM alert_changes ORDER BY alert_id, number"
        )
    database.close()
    assert rows == [("A", "critical", "firing", 10, None, 1), ("", "warning", "resolved", 10, 50, 2)]
    assert changes == [
        (1, "fired", None, "firing", "told", "prometheus"),
        (1, "fired", None, "firing", "told", None),
        (2, "resolved", "firing", "resolved", "expired", None),
    ]


def replaced(each: migrate.Migration, old: migrate.Migration) -> migrate.Migration:
    """That step, and behind it what a store held then."""
    return migrate.Migration(each.version, each.name, f"{each.script}\n{old.script}")
