-- name: newest_episodes
-- The newest episode of each set of labels that has one of these fingerprints.
SELECT alert_id, fingerprint, labels, name, severity, annotations, generator_url, starts_ns, expires_ns, told_end_ns, ends_ns, ended_by, updated_ns
FROM received_alerts WHERE fingerprint IN (SELECT unnest($fingerprints::UBIGINT[]))
QUALIFY row_number() OVER (PARTITION BY labels ORDER BY starts_ns DESC, updated_ns DESC) = 1;

-- name: firing_count
-- How many fire.
SELECT count(*) FROM received_alerts WHERE ends_ns IS NULL;

-- name: firing_by_severity
-- How many fire, by severity.
SELECT coalesce(if(e.source = 'rule', e.severity, r.severity), 'unknown') AS severity, count(*) AS alerts
FROM alert_episodes AS e LEFT JOIN received_alerts AS r ON r.alert_id = e.alert_id
WHERE e.state IN ('firing', 'recovering') GROUP BY ALL ORDER BY ALL;

-- name: insert_episodes
-- Episodes that began.
INSERT INTO received_alerts BY NAME SELECT * FROM begun_episodes;

-- name: update_episodes
-- Episodes as they are from now on.
UPDATE received_alerts AS a SET
    annotations = e.annotations, generator_url = e.generator_url, expires_ns = e.expires_ns, told_end_ns = e.told_end_ns,
    ends_ns = e.ends_ns, ended_by = e.ended_by, updated_ns = e.updated_ns
FROM changed_episodes AS e WHERE a.alert_id = e.alert_id;

-- name: any_expired
-- Whether any fires of which nobody has said more in time.
SELECT count(*) > 0 FROM received_alerts WHERE ends_ns IS NULL AND expires_ns <= $now_ns;

-- name: expired_episodes
-- Those.
SELECT alert_id, fingerprint, labels, name, severity, annotations, generator_url, starts_ns, expires_ns, told_end_ns, ends_ns, ended_by, updated_ns
FROM received_alerts WHERE ends_ns IS NULL AND expires_ns <= $now_ns ORDER BY expires_ns, alert_id;

-- name: end_expired
-- They end for want of a word from their senders.
UPDATE received_alerts SET ends_ns = expires_ns, ended_by = 'expiry', updated_ns = $now_ns WHERE ends_ns IS NULL AND expires_ns <= $now_ns;

-- name: give_time
-- Nobody could say anything while the server was down: what fired then is taken to fire until senders have had time to.
UPDATE received_alerts SET expires_ns = $until_ns WHERE ends_ns IS NULL AND expires_ns < $until_ns;

-- name: delete_old_received
-- Received alerts that ended before.
DELETE FROM received_alerts WHERE ends_ns < $before_ns;

-- name: delete_old_changes
-- What became of alerts that ended before.
DELETE FROM alert_changes WHERE alert_id IN (SELECT alert_id FROM alert_episodes WHERE resolved_ns < $before_ns);

-- name: delete_old_feedback
-- The same of what people said of them.
DELETE FROM alert_feedback WHERE alert_id IN (SELECT alert_id FROM alert_episodes WHERE resolved_ns < $before_ns);

-- name: delete_old_alerts
-- Alerts that ended before.
DELETE FROM alert_episodes WHERE resolved_ns < $before_ns;

-- name: alert_page
-- Alerts, those that began last first, from behind a position on.
SELECT e.*, r.severity AS told_severity, r.annotations, r.generator_url, r.expires_ns, r.updated_ns AS said_ns
FROM alert_episodes AS e LEFT JOIN received_alerts AS r ON r.alert_id = e.alert_id
WHERE ($states IS NULL OR list_contains($states::VARCHAR[], e.state)) AND ($acked IS NULL OR e.acked_by IS NOT NULL)
    AND ($severity IS NULL OR if(e.source = 'rule', e.severity, r.severity) = $severity)
    AND ($source IS NULL OR e.source = $source) AND ($rule_id IS NULL OR e.rule_id = $rule_id::UUID)
    AND ($name IS NULL OR e.name = $name) AND ($from_ns IS NULL OR e.resolved_ns IS NULL OR e.resolved_ns >= $from_ns)
    AND ($to_ns IS NULL OR coalesce(e.fired_ns, e.pending_ns) < $to_ns)
    AND ($before_ns IS NULL OR coalesce(e.fired_ns, e.pending_ns) < $before_ns
        OR (coalesce(e.fired_ns, e.pending_ns) = $before_ns AND e.alert_id < $before_id::UUID))
ORDER BY coalesce(e.fired_ns, e.pending_ns) DESC, e.alert_id DESC
LIMIT $most;

-- name: alert_count
-- How many there are of those.
SELECT count(*)
FROM alert_episodes AS e LEFT JOIN received_alerts AS r ON r.alert_id = e.alert_id
WHERE ($states IS NULL OR list_contains($states::VARCHAR[], e.state)) AND ($acked IS NULL OR e.acked_by IS NOT NULL)
    AND ($severity IS NULL OR if(e.source = 'rule', e.severity, r.severity) = $severity)
    AND ($source IS NULL OR e.source = $source) AND ($rule_id IS NULL OR e.rule_id = $rule_id::UUID)
    AND ($name IS NULL OR e.name = $name) AND ($from_ns IS NULL OR e.resolved_ns IS NULL OR e.resolved_ns >= $from_ns)
    AND ($to_ns IS NULL OR coalesce(e.fired_ns, e.pending_ns) < $to_ns);

-- name: one_alert
-- One alert.
SELECT e.*, r.severity AS told_severity, r.annotations, r.generator_url, r.expires_ns, r.updated_ns AS said_ns
FROM alert_episodes AS e LEFT JOIN received_alerts AS r ON r.alert_id = e.alert_id WHERE e.alert_id = $alert_id::UUID;

-- name: changes_of_alert
-- What became of it, the oldest first.
SELECT number, at_ns, kind, from_state, to_state, why, actor, note FROM alert_changes WHERE alert_id = $alert_id::UUID ORDER BY number;

-- name: firing_alerts
-- All that fire, in order of their labels.
SELECT e.*, r.severity AS told_severity, r.annotations, r.generator_url, r.expires_ns, r.updated_ns AS said_ns
FROM alert_episodes AS e LEFT JOIN received_alerts AS r ON r.alert_id = e.alert_id
WHERE e.state IN ('firing', 'recovering') ORDER BY e.labels, e.alert_id;

-- name: open_counts
-- How many are open, by what somebody has to know of them.
SELECT
    count(*) AS open,
    count(*) FILTER (e.state = 'pending' AND e.kind = 'alert') AS pending,
    count(*) FILTER (e.state <> 'pending' AND e.kind <> 'alert') AS unevaluated,
    count(*) FILTER (e.state <> 'pending' AND e.kind = 'alert' AND e.acked_by IS NOT NULL) AS acknowledged,
    count(*) FILTER (e.state <> 'pending' AND e.kind = 'alert' AND e.acked_by IS NULL) AS unattended,
    count(*) FILTER (e.state <> 'pending' AND e.kind = 'alert' AND e.acked_by IS NULL
        AND if(e.source = 'rule', e.severity, r.severity) IN ('critical', 'error')) AS severe
FROM alert_episodes AS e LEFT JOIN received_alerts AS r ON r.alert_id = e.alert_id WHERE e.state <> 'resolved';

-- name: worst_alerts
-- Those that are open, what needs somebody most first.
SELECT e.*, r.severity AS told_severity, r.annotations, r.generator_url, r.expires_ns, r.updated_ns AS said_ns
FROM alert_episodes AS e LEFT JOIN received_alerts AS r ON r.alert_id = e.alert_id
WHERE e.state <> 'resolved'
ORDER BY e.state = 'pending', e.acked_by IS NOT NULL, e.kind <> 'alert',
    coalesce(list_position(['critical', 'error', 'warning', 'info'], if(e.source = 'rule', e.severity, r.severity)), 5),
    coalesce(e.fired_ns, e.pending_ns) DESC, e.alert_id
LIMIT $most;

-- name: alerts_by_id
-- These episodes, of whatever source.
SELECT * FROM alert_episodes WHERE alert_id IN (SELECT unnest($alert_ids::UUID[]));

-- name: alert_marks
-- What of these episodes is another one whenever somebody did something to them.
SELECT alert_id, changes, updated_ns FROM alert_episodes WHERE alert_id IN (SELECT unnest($alert_ids::UUID[]));

-- name: insert_alerts
-- Episodes that began.
INSERT INTO alert_episodes BY NAME SELECT * FROM moved_alerts;

-- name: update_alerts
-- Episodes as they are from now on; what they are of never changes.
UPDATE alert_episodes AS a SET
    name = m.name, severity = m.severity, state = m.state, pending_ns = m.pending_ns, fired_ns = m.fired_ns,
    recovering_ns = m.recovering_ns, resolved_ns = m.resolved_ns, held_ns = m.held_ns, unmeasured_ns = m.unmeasured_ns,
    waits = m.waits, flips = m.flips, flapping = m.flapping, acked_by = m.acked_by, acked_ns = m.acked_ns,
    acked_until_ns = m.acked_until_ns, value = m.value, threshold = m.threshold, operator = m.operator, unit = m.unit,
    outcome = m.outcome, reason = m.reason, story = m.story, ways = m.ways, changes = m.changes, updated_ns = m.updated_ns
FROM moved_alerts AS m WHERE a.alert_id = m.alert_id;

-- name: drop_alerts
-- Those that never fired leave nothing.
DELETE FROM alert_episodes WHERE alert_id IN (SELECT unnest($alert_ids::UUID[]));

-- name: drop_changes
-- The same.
DELETE FROM alert_changes WHERE alert_id IN (SELECT unnest($alert_ids::UUID[]));

-- name: insert_alert_changes
-- What became of episodes.
INSERT INTO alert_changes BY NAME SELECT * FROM new_changes;

-- name: standing_marks
-- Of each identity of our rules the episode that is open, else the newest one that may matter to the next; as `alert_marks`.
SELECT alert_id, changes, updated_ns FROM alert_episodes WHERE source = 'rule' AND (state <> 'resolved' OR waits OR resolved_ns >= $since_ns)
QUALIFY row_number() OVER (PARTITION BY dedup_key ORDER BY state = 'resolved', pending_ns DESC, updated_ns DESC) = 1;

-- name: add_feedback
-- What somebody says of an alert.
INSERT INTO alert_feedback (alert_id, at_ns, actor, useful, note) VALUES ($alert_id, $at_ns, $actor, $useful, $note);

-- name: feedback_of_alert
-- How many found it useful, and how many did not, by the newest word of each.
SELECT count(*) FILTER (useful), count(*) FILTER (NOT useful)
FROM (FROM alert_feedback WHERE alert_id = $alert_id::UUID QUALIFY row_number() OVER (PARTITION BY actor ORDER BY at_ns DESC, rowid DESC) = 1);

-- name: precision
-- Of each rule that fired since then: how often, how many of these were judged, and how many of those were useful.
WITH words AS (
    SELECT alert_id, actor, useful FROM alert_feedback
    QUALIFY row_number() OVER (PARTITION BY alert_id, actor ORDER BY at_ns DESC, rowid DESC) = 1
),
judged AS (SELECT alert_id, avg(if(useful, 1, 0)) AS share FROM words GROUP BY alert_id)
SELECT
    e.source, e.rule_id, e.name, count(*) AS fired, count(share) AS judged, count(*) FILTER (share > 0.5) AS useful,
    count(*) FILTER (share > 0.5) / nullif(count(share), 0) AS precision
FROM alert_episodes AS e LEFT JOIN judged AS j ON j.alert_id = e.alert_id
WHERE e.fired_ns >= $since_ns AND e.kind = 'alert'
GROUP BY ALL ORDER BY fired DESC, e.name, e.rule_id;

-- name: held_back
-- Of each rule that fired since then: how many of its alerts some channel was not told of, by why; an alert counts once for each.
SELECT e.source, e.rule_id, e.name, h.reason, count(DISTINCT h.alert_id) AS alerts
FROM notify_holds AS h JOIN alert_episodes AS e ON e.alert_id = h.alert_id
WHERE e.fired_ns >= $since_ns AND e.kind = 'alert'
GROUP BY ALL ORDER BY ALL;

-- name: fired_at
-- When an alert fired.
SELECT fired_ns FROM alert_episodes WHERE alert_id = $alert_id::UUID;

-- name: fired_alerts
-- Alerts that fired in a time, in order.
SELECT alert_id, source, name, severity, labels, story ->> 'title' AS title, fired_ns, resolved_ns
FROM alert_episodes
WHERE fired_ns < $to_ns AND (resolved_ns IS NULL OR resolved_ns >= $from_ns)
QUALIFY row_number() OVER (ORDER BY fired_ns DESC, alert_id) <= $most
ORDER BY fired_ns, alert_id;

-- name: changes_of_alerts
-- What became of these alerts, the oldest first.
SELECT alert_id, at_ns, kind, actor, note FROM alert_changes
WHERE alert_id IN (SELECT unnest($alert_ids::UUID[])) AND kind <> 'pending'
ORDER BY at_ns, alert_id, number LIMIT $most;

-- name: health_changes_between
-- When checks of services changed; not how they began.
SELECT at_ns, name, state, reason FROM health_changes
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND number > 0 AND state <> 'unknown' ORDER BY at_ns LIMIT $most;

-- name: incident_notes
-- What people wrote beside an incident.
SELECT at_ns, actor, note FROM incident_notes WHERE incident_id IN (SELECT unnest($incident_ids::UUID[])) ORDER BY at_ns, rowid;

-- name: add_incident_note
-- The same.
INSERT INTO incident_notes (incident_id, at_ns, actor, note) VALUES ($incident_id, $at_ns, $actor, $note);

-- name: add_deployment
-- A marker, unless it is there.
INSERT INTO deployments (deployment_id, at_ns, service, version, environment, note, url, actor, recorded_ns)
SELECT $deployment_id::UUID, $at_ns, $service, $version, $environment, $note, $url, $actor, $now_ns
WHERE NOT EXISTS (FROM deployments WHERE deployment_id = $deployment_id::UUID);

-- name: deployments
-- Markers of a time, the newest first.
SELECT deployment_id, at_ns, service, version, environment, note, url, actor FROM deployments
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND ($service IS NULL OR service = $service)
ORDER BY at_ns DESC, deployment_id LIMIT $most;

-- name: delete_old_deployments
-- Markers from before.
DELETE FROM deployments WHERE at_ns < $before_ns;

-- name: delete_old_incident_notes
-- Notes from before.
DELETE FROM incident_notes WHERE at_ns < $before_ns;
