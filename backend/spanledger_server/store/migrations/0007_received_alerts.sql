-- Alerts that others send us as they would send them to an Alertmanager, and what became of each.

-- One row a time that an alert fired. An alert is known by its labels; ends_ns is null while it fires.
CREATE TABLE received_alerts (
    alert_id UUID NOT NULL,
    fingerprint UBIGINT NOT NULL,           -- of the labels, as Alertmanager computes it
    labels VARCHAR NOT NULL,                -- JSON, sorted by name: what tells two alerts apart
    name VARCHAR, severity VARCHAR,         -- label alertname; critical | error | warning | info, null when no label says so
    annotations VARCHAR NOT NULL,           -- JSON, as last told
    generator_url VARCHAR,
    starts_ns BIGINT NOT NULL,              -- as first told
    expires_ns BIGINT NOT NULL,             -- until when it is taken to fire if nobody says more
    told_end_ns BIGINT,                     -- the latest end that a sender told
    ends_ns BIGINT, ended_by VARCHAR,       -- sender | expiry
    updated_ns BIGINT NOT NULL
);

CREATE TABLE received_alert_changes (
    alert_id UUID NOT NULL, at_ns BIGINT NOT NULL,
    state VARCHAR NOT NULL,                 -- firing | resolved
    why VARCHAR NOT NULL,                   -- told | expired | superseded
    sender VARCHAR                          -- name of the token; null when nobody sent it, or nobody had to say who they are
);
