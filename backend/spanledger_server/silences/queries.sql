-- name: silences
-- Silences of a state, those that end last first.
SELECT * FROM silences
WHERE $state = 'any' OR $state = CASE WHEN ends_ns <= $now_ns THEN 'expired' WHEN starts_ns <= $now_ns THEN 'active' ELSE 'pending' END
ORDER BY ends_ns DESC, silence_id LIMIT $most;

-- name: silence
-- One of them.
SELECT * FROM silences WHERE silence_id = $silence_id::UUID;

-- name: silences_to_come
-- How many are not over.
SELECT count(*) FROM silences WHERE ends_ns > $now_ns;

-- name: add_silence
-- A new one.
INSERT INTO silences (silence_id, matchers, starts_ns, ends_ns, comment, created_by, created_ns, updated_by, updated_ns)
VALUES ($silence_id, $matchers, $starts_ns, $ends_ns, $comment, $created_by, $created_ns, $updated_by, $updated_ns);

-- name: change_silence
-- One as it is from now on.
UPDATE silences SET
    matchers = $matchers, starts_ns = $starts_ns, ends_ns = $ends_ns, comment = $comment, updated_by = $updated_by, updated_ns = $updated_ns
WHERE silence_id = $silence_id::UUID;

-- name: maintenance_windows
-- All of them.
SELECT * FROM maintenance_windows ORDER BY name, window_id;

-- name: add_window
-- A new one, or one as it is from now on.
INSERT INTO maintenance_windows (
    window_id, name, matchers, comment, timezone, starts_ns, ends_ns, at_time, minutes, weekdays, month_days,
    created_by, created_ns, updated_by, updated_ns
)
VALUES (
    $window_id, $name, $matchers, $comment, $timezone, $starts_ns, $ends_ns, $at_time, $minutes, $weekdays, $month_days,
    $created_by, $created_ns, $updated_by, $updated_ns
);

-- name: delete_window
-- One goes.
DELETE FROM maintenance_windows WHERE window_id = $window_id::UUID;

-- name: inhibitions
-- All of them.
SELECT * FROM inhibitions ORDER BY name, inhibition_id;

-- name: add_inhibition
-- A new one.
INSERT INTO inhibitions (inhibition_id, name, source, target, equal, created_by, created_ns, updated_by, updated_ns)
VALUES ($inhibition_id, $name, $source, $target, $equal, $actor, $now_ns, $actor, $now_ns);

-- name: change_inhibition
-- One as it is from now on.
UPDATE inhibitions SET name = $name, source = $source, target = $target, equal = $equal, updated_by = $actor, updated_ns = $now_ns
WHERE inhibition_id = $inhibition_id::UUID;

-- name: delete_inhibition
-- One goes.
DELETE FROM inhibitions WHERE inhibition_id = $inhibition_id::UUID;

-- name: firing_labels
-- What the alerts are of that fire.
SELECT DISTINCT labels, severity FROM alert_episodes WHERE state IN ('firing', 'recovering');
