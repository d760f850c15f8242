-- Whom to tell what, what was told, and whether it arrived.

-- What happened to alerts, in the order in which it was recorded; body: the whole event as JSON (notify/written.py).
CREATE TABLE notify_events (
    place BIGINT NOT NULL, event_id UUID NOT NULL, alert_id UUID NOT NULL, kind VARCHAR NOT NULL, at_ns BIGINT NOT NULL,
    recorded_ns BIGINT NOT NULL, body VARCHAR NOT NULL
);

-- Up to which place events were planned; one row.
CREATE TABLE notify_planned (place BIGINT NOT NULL);
INSERT INTO notify_planned VALUES (0);

-- Alerts that fire, or whose end is not told yet; acks: JSON, from when to when; body: the newest event.
CREATE TABLE notify_alerts (
    alert_id UUID NOT NULL, fires BOOLEAN NOT NULL, fired_ns BIGINT NOT NULL, ended_ns BIGINT, acks VARCHAR NOT NULL,
    flapping BOOLEAN NOT NULL, body VARCHAR NOT NULL
);

-- What a channel was told of an alert.
CREATE TABLE notify_told (
    channel_id VARCHAR NOT NULL, alert_id UUID NOT NULL, dedup_key VARCHAR NOT NULL, incident_id VARCHAR NOT NULL,
    severity VARCHAR NOT NULL, acked BOOLEAN NOT NULL, flapping BOOLEAN NOT NULL, "over" BOOLEAN NOT NULL, turns INTEGER NOT NULL,
    first_ns BIGINT NOT NULL, fired_ns BIGINT NOT NULL
);

-- Alerts that a channel was told of together; digest: what belongs to several groups, in one list.
CREATE TABLE notify_incidents (
    channel_id VARCHAR NOT NULL, incident_id VARCHAR NOT NULL, "group" VARCHAR NOT NULL, digest BOOLEAN NOT NULL,
    opened_ns BIGINT NOT NULL, told_ns BIGINT NOT NULL, started_ns BIGINT NOT NULL, messages INTEGER NOT NULL, severity VARCHAR NOT NULL,
    closed BOOLEAN NOT NULL
);

-- Why a channel was not told of an alert, from when to when; to_ns is null while it is so. channel_id is empty where no route took it.
CREATE TABLE notify_holds (
    channel_id VARCHAR NOT NULL, alert_id UUID NOT NULL, reason VARCHAR NOT NULL, detail VARCHAR NOT NULL, until_ns BIGINT,
    from_ns BIGINT NOT NULL, to_ns BIGINT
);

-- Messages. state: waiting, sending (a lease: committed before it is sent), delivered, parked, dropped. body: the message as JSON.
-- breach_ns: since when there was something to tell that nothing held back; rules: of what is new in it.
CREATE TABLE notifications (
    notification_id UUID NOT NULL, place BIGINT NOT NULL, channel_id VARCHAR NOT NULL, incident_id VARCHAR NOT NULL, status VARCHAR NOT NULL,
    severity VARCHAR NOT NULL, title VARCHAR NOT NULL, body VARCHAR NOT NULL, alert_ids UUID[] NOT NULL, rules VARCHAR[] NOT NULL,
    made_ns BIGINT NOT NULL, breach_ns BIGINT NOT NULL,
    state VARCHAR NOT NULL, attempts INTEGER NOT NULL, next_ns BIGINT NOT NULL, since_ns BIGINT NOT NULL, finished_ns BIGINT, reason VARCHAR
);

-- Every time that one was sent. outcome: sending, delivered, failed, refused (for good), interrupted (nobody knows).
CREATE TABLE notification_attempts (
    notification_id UUID NOT NULL, number INTEGER NOT NULL, at_ns BIGINT NOT NULL, took_ns BIGINT, outcome VARCHAR NOT NULL, reason VARCHAR
);

-- What a channel gave for the first message of an incident, as JSON.
CREATE TABLE notify_receipts (channel_id VARCHAR NOT NULL, incident_id VARCHAR NOT NULL, receipt VARCHAR NOT NULL, at_ns BIGINT NOT NULL);

-- Channels that fail, each with the alert on it; a row is there while that alert fires.
CREATE TABLE notify_failing (
    channel_id VARCHAR NOT NULL, alert_id UUID NOT NULL, since_ns BIGINT NOT NULL, severity VARCHAR NOT NULL, number INTEGER NOT NULL, body VARCHAR NOT NULL
);

-- Where alerts go; asked in the order of position. definition: JSON as notify/routes.py reads it.
CREATE TABLE notify_routes (
    route_id VARCHAR NOT NULL, position INTEGER NOT NULL, name VARCHAR NOT NULL, definition VARCHAR NOT NULL, version INTEGER NOT NULL,
    created_ns BIGINT NOT NULL, updated_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL
);

-- Who is told when nobody takes care; definition: JSON as notify/escalations.py reads it.
CREATE TABLE notify_escalations (
    escalation_id VARCHAR NOT NULL, name VARCHAR NOT NULL, definition VARCHAR NOT NULL, version INTEGER NOT NULL,
    created_ns BIGINT NOT NULL, updated_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL
);

-- What each administrator wants to hear; definition: JSON as notify/preferences.py reads it.
CREATE TABLE notify_preferences (
    preference_id UUID NOT NULL, admin VARCHAR NOT NULL, definition VARCHAR NOT NULL, created_ns BIGINT NOT NULL, updated_ns BIGINT NOT NULL
);
