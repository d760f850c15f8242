-- Alerts of our rules and those that others sent: each time that one fires, and everything that became of it.

-- One row an episode. State is pending, firing, recovering or resolved; a pending one that never fired leaves no row.
CREATE TABLE alert_episodes (
    alert_id UUID NOT NULL,
    source VARCHAR NOT NULL,                -- rule | prometheus
    kind VARCHAR NOT NULL,                  -- alert | evaluation: the rule cannot be evaluated
    rule_id UUID,                           -- null for alerts that others sent
    condition VARCHAR,                      -- digest of what the rule judges: another one ends the episode
    dedup_key VARCHAR NOT NULL,             -- the same for every episode of the same rule and labels
    name VARCHAR NOT NULL, severity VARCHAR NOT NULL,
    labels VARCHAR NOT NULL,                -- JSON, sorted by name
    state VARCHAR NOT NULL,
    pending_ns BIGINT NOT NULL,             -- since when the condition holds
    fired_ns BIGINT, recovering_ns BIGINT, resolved_ns BIGINT,
    held_ns BIGINT,                         -- since when it is over and held only because it flaps
    unmeasured_ns BIGINT,                   -- since when nothing tells
    waits BOOLEAN NOT NULL,                 -- resolved by hand: fires again only after it was seen to be over
    flips VARCHAR NOT NULL,                 -- JSON: when it fired and ended of late
    flapping BOOLEAN NOT NULL,
    acked_by VARCHAR, acked_ns BIGINT, acked_until_ns BIGINT,
    value DOUBLE, threshold DOUBLE, operator VARCHAR, unit VARCHAR,
    outcome VARCHAR, reason VARCHAR,        -- true | false | no_data | error, and why there is no value
    story VARCHAR,                          -- JSON: title, text, facts, contributors, traces, runbook_url, path, annotations
    ways VARCHAR,                           -- JSON: the rule's channels, cooldown_ns and most_per_hour
    changes INTEGER NOT NULL,               -- how many rows of alert_changes it has
    updated_ns BIGINT NOT NULL
);

-- What became of each: who, when, why, from which state to which; number counts within the episode from 1.
CREATE TABLE alert_changes (
    alert_id UUID NOT NULL, number INTEGER NOT NULL, at_ns BIGINT NOT NULL,
    kind VARCHAR NOT NULL,                  -- pending | fired | worse | recovering | refired | resolved | flapping | … | note
    from_state VARCHAR, to_state VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    actor VARCHAR,                          -- null where nobody did it
    note VARCHAR
);

-- "Was this useful?": the newest word of each person on each alert counts.
CREATE TABLE alert_feedback (
    alert_id UUID NOT NULL, at_ns BIGINT NOT NULL, actor VARCHAR NOT NULL, useful BOOLEAN NOT NULL, note VARCHAR
);

-- Which version of which service went out, where and when.
CREATE TABLE deployments (
    deployment_id UUID NOT NULL, at_ns BIGINT NOT NULL, service VARCHAR NOT NULL, version VARCHAR NOT NULL,
    environment VARCHAR, note VARCHAR, url VARCHAR, actor VARCHAR NOT NULL, recorded_ns BIGINT NOT NULL
);

-- What people wrote beside an incident; an incident is known by its first alert.
CREATE TABLE incident_notes (incident_id UUID NOT NULL, at_ns BIGINT NOT NULL, actor VARCHAR NOT NULL, note VARCHAR NOT NULL);

-- Alerts that others sent before are episodes like all others from now on; received_alerts keeps what their senders told.
INSERT INTO alert_episodes BY NAME
SELECT
    alert_id, 'prometheus' AS source, 'alert' AS kind, 'received:' || sha256(labels) AS dedup_key, coalesce(name, '') AS name,
    coalesce(severity, 'warning') AS severity, labels, if(ends_ns IS NULL, 'firing', 'resolved') AS state,
    starts_ns AS pending_ns, starts_ns AS fired_ns, ends_ns AS resolved_ns, false AS waits, '[]' AS flips, false AS flapping,
    (SELECT count(*) FROM received_alert_changes AS c WHERE c.alert_id = r.alert_id) AS changes, updated_ns
FROM received_alerts AS r;

INSERT INTO alert_changes
SELECT
    alert_id, row_number() OVER (PARTITION BY alert_id ORDER BY at_ns, rowid), at_ns, if(state = 'firing', 'fired', 'resolved'),
    if(state = 'firing', NULL, 'firing'), state, why, sender, NULL
FROM received_alert_changes;

DROP TABLE received_alert_changes;
