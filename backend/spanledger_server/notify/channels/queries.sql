-- name: channels
-- All channels by name, and what became of their latest messages.
SELECT channel_id, name, kind, config, secrets, enabled, version, created_ns, updated_ns, updated_by,
    delivered_ns, delivered_detail, failed_ns, failed_reason, coalesce(failed_in_a_row, 0) AS failed_in_a_row
FROM channels LEFT JOIN channel_outcomes USING (channel_id)
ORDER BY name, channel_id;

-- name: add_channel
-- A channel as it holds from now on.
INSERT INTO channels BY NAME SELECT
    $channel_id AS channel_id, $name AS name, $kind AS kind, $config AS config, $secrets AS secrets,
    $enabled AS enabled, $version AS version, $created_ns AS created_ns, $updated_ns AS updated_ns,
    $updated_by AS updated_by;

-- name: change_channel
-- Another configuration.
UPDATE channels SET name = $name, kind = $kind, config = $config, secrets = $secrets, enabled = $enabled,
    version = $version, updated_ns = $updated_ns, updated_by = $updated_by
WHERE channel_id = $channel_id;

-- name: delete_channel
-- A channel that is no more, with its secrets.
DELETE FROM channels WHERE channel_id = $channel_id;

-- name: forget_outcome
-- What became of its messages.
DELETE FROM channel_outcomes WHERE channel_id = $channel_id;

-- name: begin_outcome
-- Room for what becomes of the messages of a channel that is there and has none yet.
INSERT INTO channel_outcomes (channel_id, failed_in_a_row)
SELECT channel_id, 0 FROM channels
WHERE channel_id = $channel_id AND channel_id NOT IN (SELECT channel_id FROM channel_outcomes);

-- name: note_delivered
-- The latest message that arrived.
UPDATE channel_outcomes SET delivered_ns = $at_ns, delivered_detail = $detail, failed_in_a_row = 0
WHERE channel_id = $channel_id;

-- name: note_failed
-- The latest message that did not.
UPDATE channel_outcomes SET failed_ns = $at_ns, failed_reason = $reason, failed_in_a_row = failed_in_a_row + 1
WHERE channel_id = $channel_id;
