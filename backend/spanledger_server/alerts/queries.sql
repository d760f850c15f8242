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
SELECT coalesce(severity, 'unknown') AS severity, count(*) AS alerts FROM received_alerts WHERE ends_ns IS NULL GROUP BY ALL ORDER BY ALL;

-- name: insert_episodes
-- Episodes that began.
INSERT INTO received_alerts BY NAME SELECT * FROM begun_episodes;

-- name: update_episodes
-- Episodes as they are from now on.
UPDATE received_alerts AS a SET
    annotations = e.annotations, generator_url = e.generator_url, expires_ns = e.expires_ns, told_end_ns = e.told_end_ns,
    ends_ns = e.ends_ns, ended_by = e.ended_by, updated_ns = e.updated_ns
FROM changed_episodes AS e WHERE a.alert_id = e.alert_id;

-- name: insert_changes
-- What became of episodes.
INSERT INTO received_alert_changes BY NAME SELECT * FROM alert_changes;

-- name: any_expired
-- Whether any fires of which nobody has said more in time.
SELECT count(*) > 0 FROM received_alerts WHERE ends_ns IS NULL AND expires_ns <= $now_ns;

-- name: note_expired
-- They end for want of a word from their senders.
INSERT INTO received_alert_changes
SELECT alert_id, $now_ns, 'resolved', 'expired', NULL FROM received_alerts WHERE ends_ns IS NULL AND expires_ns <= $now_ns;

-- name: end_expired
-- The same.
UPDATE received_alerts SET ends_ns = expires_ns, ended_by = 'expiry', updated_ns = $now_ns WHERE ends_ns IS NULL AND expires_ns <= $now_ns;

-- name: give_time
-- Nobody could say anything while the server was down: what fired then is taken to fire until senders have had time to.
UPDATE received_alerts SET expires_ns = $until_ns WHERE ends_ns IS NULL AND expires_ns < $until_ns;

-- name: delete_old_changes
-- What became of episodes that ended before.
DELETE FROM received_alert_changes WHERE alert_id IN (SELECT alert_id FROM received_alerts WHERE ends_ns < $before_ns);

-- name: delete_old_episodes
-- Episodes that ended before.
DELETE FROM received_alerts WHERE ends_ns < $before_ns;

-- name: alert_page
-- Episodes, those that began last first, from behind a position on.
SELECT alert_id, fingerprint, labels, name, severity, annotations, generator_url, starts_ns, expires_ns, told_end_ns, ends_ns, ended_by, updated_ns
FROM received_alerts
WHERE ($firing IS NULL OR (ends_ns IS NULL) = $firing)
    AND ($severity IS NULL OR severity = $severity)
    AND ($before_ns IS NULL OR starts_ns < $before_ns OR (starts_ns = $before_ns AND alert_id < $before_id::UUID))
ORDER BY starts_ns DESC, alert_id DESC
LIMIT $most;

-- name: alert_count
-- How many there are of those.
SELECT count(*) FROM received_alerts WHERE ($firing IS NULL OR (ends_ns IS NULL) = $firing) AND ($severity IS NULL OR severity = $severity);

-- name: one_alert
-- One episode.
SELECT alert_id, fingerprint, labels, name, severity, annotations, generator_url, starts_ns, expires_ns, told_end_ns, ends_ns, ended_by, updated_ns
FROM received_alerts WHERE alert_id = $alert_id;

-- name: changes_of_alert
-- What became of it, the oldest first.
SELECT at_ns, state, why, sender FROM received_alert_changes WHERE alert_id = $alert_id ORDER BY at_ns, rowid;

-- name: firing_alerts
-- All that fire, as Alertmanager lists them.
SELECT alert_id, fingerprint, labels, name, severity, annotations, generator_url, starts_ns, expires_ns, told_end_ns, ends_ns, ended_by, updated_ns
FROM received_alerts WHERE ends_ns IS NULL ORDER BY fingerprint, labels;

-- name: matching_values
-- Those of the values that a regular expression matches as a whole; RE2, which takes no longer for a hostile one.
SELECT DISTINCT value FROM (SELECT unnest($given::VARCHAR[]) AS value) WHERE regexp_full_match(value, $pattern);
