-- name: add_events
-- Events that are not there yet, behind all that are; of two with one id the first.
INSERT INTO notify_events
SELECT
    greatest((SELECT coalesce(max(place), 0) FROM notify_events), (SELECT max(place) FROM notify_planned)) + row_number() OVER (ORDER BY number),
    event_id, alert_id, kind, at_ns, $now_ns, body
FROM (
    SELECT * FROM recorded_events QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY number) = 1
) AS new
WHERE NOT EXISTS (FROM notify_events AS known WHERE known.event_id = new.event_id);

-- name: new_events
-- What was recorded since the last plan, in its order.
SELECT place, body FROM notify_events WHERE place > (SELECT max(place) FROM notify_planned) ORDER BY place LIMIT $most;

-- name: note_planned
-- Up to here.
UPDATE notify_planned SET place = $place;

-- name: standing_alerts
-- Alerts that fire, or whose end is not told yet.
SELECT body, fires, fired_ns, ended_ns, acks, flapping FROM notify_alerts ORDER BY fired_ns, alert_id;

-- name: standing_told
-- What channels were told of these.
SELECT t.* FROM notify_told AS t WHERE alert_id IN (SELECT alert_id FROM notify_alerts) ORDER BY first_ns, channel_id;

-- name: heard
-- When channels were told last of each alert.
SELECT channel_id, dedup_key, max(fired_ns) AS at_ns, arg_max(severity, fired_ns) AS severity FROM notify_told WHERE fired_ns > $after_ns GROUP BY ALL;

-- name: standing_incidents
-- Incidents that are open.
SELECT * FROM notify_incidents WHERE NOT closed;

-- name: standing_holds
-- What holds something back.
SELECT channel_id, alert_id, reason, detail, until_ns FROM notify_holds WHERE to_ns IS NULL;

-- name: sent_lately
-- The messages that count.
SELECT channel_id, made_ns, rules FROM notifications WHERE made_ns > $after_ns AND len(rules) > 0 ORDER BY made_ns, place;

-- name: forget_alerts
-- Alerts as they were.
DELETE FROM notify_alerts WHERE alert_id IN (SELECT alert_id FROM changed_alerts);

-- name: keep_alerts
-- Alerts as they are.
INSERT INTO notify_alerts BY NAME SELECT * EXCLUDE (kept) FROM changed_alerts WHERE kept;

-- name: forget_told
-- What channels were told before.
DELETE FROM notify_told AS t USING changed_told AS c WHERE t.channel_id = c.channel_id AND t.alert_id = c.alert_id;

-- name: keep_told
-- What they are told now.
INSERT INTO notify_told BY NAME SELECT * FROM changed_told;

-- name: forget_incidents
-- Incidents as they were.
DELETE FROM notify_incidents AS i USING changed_incidents AS c WHERE i.channel_id = c.channel_id AND i.incident_id = c.incident_id;

-- name: keep_incidents
-- Incidents as they are.
INSERT INTO notify_incidents BY NAME SELECT * FROM changed_incidents;

-- name: end_holds
-- What does not hold anything back any more.
UPDATE notify_holds AS h SET to_ns = $now_ns FROM ended_holds AS e WHERE h.to_ns IS NULL AND h.channel_id = e.channel_id AND h.alert_id = e.alert_id;

-- name: begin_holds
-- What holds something back from now on.
INSERT INTO notify_holds BY NAME SELECT *, $now_ns AS from_ns FROM begun_holds;

-- name: add_notifications
-- Messages to be sent, behind all that there are.
INSERT INTO notifications
SELECT
    notification_id, (SELECT coalesce(max(place), 0) FROM notifications) + row_number() OVER (ORDER BY number), channel_id, incident_id, status, severity, title, body,
    alert_ids::UUID[], rules, made_ns, breach_ns, 'waiting', 0, made_ns, made_ns, NULL, NULL
FROM new_notifications AS n WHERE NOT EXISTS (FROM notifications AS known WHERE known.notification_id = n.notification_id);

-- name: routes
-- All routes, in the order in which they are asked.
SELECT * FROM notify_routes ORDER BY position, created_ns, route_id;

-- name: add_route
-- A route.
INSERT INTO notify_routes VALUES ($route_id, $position, $name, $definition, $version, $created_ns, $updated_ns, $updated_by);

-- name: delete_route
-- No route any more.
DELETE FROM notify_routes WHERE route_id = $route_id;

-- name: escalations
-- All escalations.
SELECT * FROM notify_escalations ORDER BY name;

-- name: add_escalation
-- An escalation.
INSERT INTO notify_escalations VALUES ($escalation_id, $name, $definition, $version, $created_ns, $updated_ns, $updated_by);

-- name: delete_escalation
-- No escalation any more.
DELETE FROM notify_escalations WHERE escalation_id = $escalation_id;

-- name: preferences
-- What administrators said.
SELECT * FROM notify_preferences ORDER BY admin;

-- name: add_preference
-- What one says.
INSERT INTO notify_preferences VALUES ($preference_id, $admin, $definition, $created_ns, $updated_ns);

-- name: delete_preference
-- What one said before.
DELETE FROM notify_preferences WHERE admin = $admin;

-- name: interrupted_attempts
-- Nobody knows what became of what was being sent when the server stopped.
UPDATE notification_attempts SET outcome = 'interrupted' WHERE outcome = 'sending' AND notification_id IN (SELECT notification_id FROM notifications WHERE state = 'sending');

-- name: return_leases
-- It is sent again, under the same id.
UPDATE notifications SET state = 'waiting', next_ns = $now_ns WHERE state = 'sending';

-- name: channels_with_work
-- Channels that have something to send.
SELECT DISTINCT channel_id FROM notifications WHERE state IN ('waiting', 'sending');

-- name: heads
-- Of each incident the oldest message that is not done, those first that can be sent first; what is critical before the rest.
SELECT notification_id, incident_id, status, body, state, attempts, next_ns, since_ns, breach_ns
FROM notifications WHERE channel_id = $channel_id AND state IN ('waiting', 'sending')
QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY place) = 1
ORDER BY next_ns > $now_ns, severity <> 'critical', next_ns, place;

-- name: delivered_before
-- How many messages of an incident arrived there.
SELECT count(*) FROM notifications WHERE channel_id = $channel_id AND incident_id = $incident_id AND state = 'delivered';

-- name: receipt
-- What is needed to update an incident in place.
SELECT receipt FROM notify_receipts WHERE channel_id = $channel_id AND incident_id = $incident_id;

-- name: lease
-- It is being sent.
UPDATE notifications SET state = 'sending', attempts = attempts + 1 WHERE notification_id = $notification_id AND state = 'waiting';

-- name: begin_attempt
-- Once more.
INSERT INTO notification_attempts VALUES ($notification_id, $number, $at_ns, NULL, 'sending', NULL);

-- name: end_attempt
-- What became of it.
UPDATE notification_attempts SET took_ns = $took_ns, outcome = $outcome, reason = $reason WHERE notification_id = $notification_id AND number = $number;

-- name: settle
-- What became of a message.
UPDATE notifications SET state = $state, next_ns = $next_ns, finished_ns = $finished_ns, reason = $reason WHERE notification_id = $notification_id AND state IN ('sending', 'waiting');

-- name: forget_receipt
-- What is not needed any more.
DELETE FROM notify_receipts WHERE channel_id = $channel_id AND incident_id = $incident_id;

-- name: keep_receipt
-- For the next message of the incident.
INSERT INTO notify_receipts VALUES ($channel_id, $incident_id, $receipt, $at_ns);

-- name: drop_of_channel
-- What waits for a channel that is gone.
UPDATE notifications SET state = 'dropped', finished_ns = $now_ns, reason = $reason WHERE channel_id = $channel_id AND state = 'waiting';

-- name: retry
-- Send it once more, at once.
UPDATE notifications SET state = 'waiting', next_ns = $now_ns, since_ns = $now_ns, finished_ns = NULL, reason = NULL WHERE notification_id = $notification_id AND state IN ('parked', 'dropped', 'waiting');

-- name: failing
-- Channels that fail.
SELECT * FROM notify_failing;

-- name: failing_channel
-- The alert on one channel.
SELECT * FROM notify_failing WHERE channel_id = $channel_id;

-- name: forget_failing
-- It does not fail any more, or in another way.
DELETE FROM notify_failing WHERE channel_id = $channel_id;

-- name: keep_failing
-- It fails.
INSERT INTO notify_failing VALUES ($channel_id, $alert_id, $since_ns, $severity, $number, $body);

-- name: queue_length
-- What waits, by channel, and since when.
SELECT channel_id, count(*) AS messages, min(made_ns) AS oldest_ns FROM notifications WHERE state IN ('waiting', 'sending') GROUP BY ALL;

-- name: parked
-- What was given up, by channel.
SELECT channel_id, count(*) AS messages FROM notifications WHERE state = 'parked' AND finished_ns > $after_ns GROUP BY ALL;

-- name: one_notification
-- A message as it is.
SELECT * EXCLUDE (body) FROM notifications WHERE notification_id = $notification_id;

-- name: forget_old_attempts
-- Attempts of messages that were done with before.
DELETE FROM notification_attempts WHERE notification_id IN (SELECT notification_id FROM notifications WHERE finished_ns < $before_ns);

-- name: forget_old_notifications
-- Messages that were done with before.
DELETE FROM notifications WHERE finished_ns < $before_ns;

-- name: forget_old_receipts
-- Receipts of incidents that are closed.
DELETE FROM notify_receipts WHERE at_ns < $before_ns AND incident_id NOT IN (SELECT incident_id FROM notify_incidents WHERE NOT closed);

-- name: forget_old_holds
-- Reasons that ended before.
DELETE FROM notify_holds WHERE to_ns < $before_ns;

-- name: forget_old_incidents
-- Incidents that were told last before.
DELETE FROM notify_incidents WHERE closed AND told_ns < $before_ns;

-- name: forget_old_told
-- What was told before of alerts that are over.
DELETE FROM notify_told WHERE "over" AND fired_ns < $before_ns AND alert_id NOT IN (SELECT alert_id FROM notify_alerts);

-- name: forget_old_events
-- Events that were recorded before, and planned.
DELETE FROM notify_events WHERE recorded_ns < $before_ns AND place <= (SELECT max(place) FROM notify_planned);

-- name: notification_page
-- Messages, newest first, with what their channels are called.
SELECT n.* EXCLUDE (body, alert_ids, rules), len(alert_ids) AS alerts, c.name AS channel, c.kind
FROM notifications AS n LEFT JOIN channels AS c USING (channel_id)
WHERE made_ns >= $from_ns AND made_ns < $to_ns
    AND ($before IS NULL OR place < $before)
    AND ($state IS NULL OR state = $state)
    AND ($incident_id IS NULL OR incident_id = $incident_id)
    AND ($channel IS NULL OR n.channel_id = $channel OR c.name = $channel)
    AND ($alert_id::UUID IS NULL OR list_contains(alert_ids, $alert_id::UUID))
ORDER BY place DESC LIMIT $most;

-- name: some_notifications
-- Messages by id.
SELECT n.* EXCLUDE (body, alert_ids, rules), len(alert_ids) AS alerts, c.name AS channel, c.kind
FROM notifications AS n LEFT JOIN channels AS c USING (channel_id)
WHERE notification_id IN (SELECT unnest($ids::UUID[])) ORDER BY place;

-- name: notification_body
-- All that a message says.
SELECT body FROM notifications WHERE notification_id = $notification_id;

-- name: attempts
-- Every time that these were sent.
SELECT notification_id, number, at_ns, took_ns, outcome, reason FROM notification_attempts
WHERE notification_id IN (SELECT unnest($ids::UUID[])) ORDER BY notification_id, number;

-- name: holds_of_alert
-- Why it was not told, the newest first.
SELECT nullif(h.channel_id, '') AS channel_id, c.name AS channel, reason, detail, until_ns, from_ns, to_ns
FROM notify_holds AS h LEFT JOIN channels AS c USING (channel_id)
WHERE alert_id = $alert_id ORDER BY from_ns DESC, channel LIMIT 1000;

-- name: ended_elsewhere
-- Alerts that fire here, and have ended some time ago, or are gone, where they are judged. Alerts on channels are judged here.
SELECT a.body FROM notify_alerts AS a
WHERE fires AND fired_ns < $before_ns
    AND NOT EXISTS (FROM alert_episodes AS e WHERE e.alert_id = a.alert_id AND (e.state <> 'resolved' OR e.resolved_ns >= $before_ns))
    AND NOT EXISTS (FROM notify_failing AS f WHERE f.alert_id = a.alert_id)
    AND NOT EXISTS (FROM notify_events AS n WHERE n.place > (SELECT max(place) FROM notify_planned));

-- name: present_values
-- What alerts that fire measure by now.
SELECT alert_id::VARCHAR AS alert_id, value FROM alert_episodes
WHERE list_contains($alert_ids::VARCHAR[], alert_id::VARCHAR) AND state <> 'resolved' AND value IS NOT NULL;
