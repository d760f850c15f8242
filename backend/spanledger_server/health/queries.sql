-- name: checks
-- Every check with its secrets and where it stands, by name.
SELECT c.*, s.secrets, t.state, t.reason, t.since_ns, t.seen_ns, t.answer_state, t.answer_reason, t.latency_ns, t.told,
    t.recent, t.changes
FROM health_checks AS c LEFT JOIN health_secrets AS s USING (check_id) LEFT JOIN health_standing AS t USING (check_id)
WHERE $check_id IS NULL OR c.check_id = $check_id OR c.name = $check_id
ORDER BY lower(c.name), c.check_id;

-- name: add_check
-- A check as it is from now on.
INSERT INTO health_checks BY NAME SELECT
    $check_id AS check_id, $version AS version, $name AS name, $definition AS definition, $created_ns AS created_ns,
    $changed_ns AS changed_ns, $changed_by AS changed_by;

-- name: delete_check
-- A check that is no more, or that is written anew.
DELETE FROM health_checks WHERE check_id = $check_id;

-- name: add_secrets
-- What is secret of it.
INSERT INTO health_secrets SELECT $check_id, $secrets;

-- name: delete_secrets
-- Forget what was secret of it.
DELETE FROM health_secrets WHERE check_id = $check_id;

-- name: delete_standing
-- Where these stand is written anew, or known no more.
DELETE FROM health_standing WHERE check_id IN (SELECT unnest($check_ids));

-- name: add_standing
-- Where these stand, as far as they are still there.
INSERT INTO health_standing BY NAME
SELECT * FROM new_standing WHERE check_id IN (SELECT check_id FROM health_checks);

-- name: move_changes
-- What lies in the future, because the clock was set back, is of now.
UPDATE health_changes SET at_ns = $now_ns WHERE check_id IN (SELECT unnest($check_ids)) AND at_ns > $now_ns;

-- name: any_changes_ahead
-- Whether anything lies in the future.
SELECT count(*) > 0 FROM health_changes WHERE at_ns > $now_ns;

-- name: add_changes
-- Changes of state.
INSERT INTO health_changes BY NAME FROM new_changes;

-- name: add_minutes
-- Answers of a minute.
INSERT INTO health_minutes BY NAME FROM new_minutes;

-- name: add_hours
-- The hours that are over, from their minutes.
INSERT INTO health_hours
SELECT check_id, bucket // 60, sum(healthy), sum(degraded), sum(down), sum(unknown), sum(timed), sum(latency_sum_ns),
    min(latency_min_ns), max(latency_max_ns)
FROM health_minutes WHERE bucket >= $from_minute AND bucket < $to_minute GROUP BY ALL;

-- name: last_hour
-- Up to where hours were made, in hours since 1970; null where none was.
SELECT max(bucket) + 1 FROM health_hours;

-- name: first_minute
-- The oldest minute that is kept.
SELECT min(bucket) FROM health_minutes;

-- name: delete_minutes
-- Minutes that are kept no longer, and those that lie in the future.
DELETE FROM health_minutes WHERE bucket < $before OR bucket > $after;

-- name: delete_hours
-- Hours that are kept no longer.
DELETE FROM health_hours WHERE bucket < $before OR bucket > $after;

-- name: delete_changes
-- Changes that are kept no longer; the newest before that stays, while its check does.
DELETE FROM health_changes AS c WHERE at_ns < $before_ns AND (
    check_id NOT IN (SELECT check_id FROM health_checks)
    OR number < (SELECT max(o.number) FROM health_changes AS o WHERE o.check_id = c.check_id AND o.at_ns < $before_ns)
);

-- name: changes_within
-- Changes within a window, with the last one before it, in order; of some checks, or of all.
SELECT check_id, number, at_ns, name, service, state, reason
FROM health_changes
WHERE ($check_ids IS NULL OR check_id IN (SELECT unnest($check_ids))) AND at_ns < $to_ns
QUALIFY at_ns >= $from_ns OR number = max(number) FILTER (WHERE at_ns < $from_ns) OVER (PARTITION BY check_id)
ORDER BY check_id, number;

-- name: history
-- Changes of a check, newest first.
SELECT number, at_ns, state, reason FROM health_changes
WHERE check_id = $check_id AND at_ns >= $from_ns AND at_ns < $to_ns AND ($before IS NULL OR number < $before)
ORDER BY number DESC LIMIT $most;

-- name: answers_by_minute
-- Answers in even steps, from minutes.
SELECT (bucket * 60000000000 - $from_ns) // $step_ns AS part, sum(healthy) AS healthy, sum(degraded) AS degraded,
    sum(down) AS down, sum(unknown) AS unknown, sum(timed) AS timed, sum(latency_sum_ns) AS latency_sum_ns,
    min(latency_min_ns) AS latency_min_ns, max(latency_max_ns) AS latency_max_ns
FROM health_minutes
WHERE check_id = $check_id AND bucket * 60000000000 >= $from_ns AND bucket * 60000000000 < $to_ns
GROUP BY part ORDER BY part;

-- name: answers_by_hour
-- Answers in even steps, from hours, and from the minutes of hours that go on.
SELECT (at_ns - $from_ns) // $step_ns AS part, sum(healthy) AS healthy, sum(degraded) AS degraded,
    sum(down) AS down, sum(unknown) AS unknown, sum(timed) AS timed, sum(latency_sum_ns) AS latency_sum_ns,
    min(latency_min_ns) AS latency_min_ns, max(latency_max_ns) AS latency_max_ns
FROM (
    SELECT *, bucket * 3600000000000 AS at_ns FROM health_hours
    UNION ALL
    SELECT *, bucket * 60000000000 FROM health_minutes
    WHERE bucket // 60 >= (SELECT coalesce(max(bucket) + 1, 0) FROM health_hours)
)
WHERE check_id = $check_id AND at_ns >= $from_ns AND at_ns < $to_ns
GROUP BY part ORDER BY part;

-- name: last_heard
-- The newest record of a service after an instant, by the signals that count.
SELECT max(at_ns) FROM (
    SELECT max(at_ns) AS at_ns FROM ledger WHERE $calls AND $service IN ('*', service) AND at_ns > $since_ns
    UNION ALL
    SELECT max(end_ns) FROM spans WHERE $spans AND $service IN ('*', service) AND end_ns > $since_ns
    UNION ALL
    SELECT max(at_ns) FROM logs WHERE $logs AND $service IN ('*', service) AND at_ns > $since_ns
    UNION ALL
    SELECT max(p.at_ns) FROM metric_points AS p SEMI JOIN (
        SELECT series_id FROM metric_series WHERE $service IN ('*', service)
    ) AS s USING (series_id)
    WHERE $metrics AND p.at_ns > $since_ns
);

-- name: last_minute_heard
-- The end of the newest minute in which a service reported, from rollups; of logs there are none.
SELECT max(bucket + 1) * 60000000000 FROM (
    SELECT max(bucket) AS bucket FROM cost_1m WHERE $calls AND $service IN ('*', service)
    UNION ALL
    SELECT max(bucket) FROM span_1m WHERE $spans AND $service IN ('*', service)
    UNION ALL
    SELECT max(bucket) FROM metric_1m SEMI JOIN (
        SELECT series_id FROM metric_series WHERE $service IN ('*', service)
    ) AS s USING (series_id)
    WHERE $metrics
    UNION ALL
    SELECT max(at_ns) // 60000000000 FROM logs WHERE $logs AND $service IN ('*', service)
);

-- name: reported
-- What each service reported in even parts of a window: its calls, and those that failed; from rollups by the minute.
SELECT service, part, sum(calls) AS calls, sum(errors) AS errors
FROM (
    SELECT service, (bucket - $from_minute) // $minutes AS part, sum(calls) AS calls, sum(errors) AS errors
    FROM cost_1m WHERE bucket >= $from_minute AND bucket < $to_minute AND service IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT service, (bucket - $from_minute) // $minutes, 0, 0
    FROM span_1m WHERE bucket >= $from_minute AND bucket < $to_minute AND service IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT s.service, (m.bucket - $from_minute) // $minutes, 0, 0
    FROM metric_1m AS m JOIN metric_series AS s USING (series_id)
    WHERE m.bucket >= $from_minute AND m.bucket < $to_minute AND s.service IS NOT NULL GROUP BY ALL
)
GROUP BY service, part;
