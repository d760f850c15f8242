-- Health: checks of services, where each stands, what changed, and how long their answers took.

CREATE TABLE health_checks (
    check_id VARCHAR NOT NULL, version INTEGER NOT NULL, name VARCHAR NOT NULL,
    definition VARCHAR NOT NULL,            -- JSON, *** in place of what is secret
    created_ns BIGINT NOT NULL, changed_ns BIGINT NOT NULL, changed_by VARCHAR NOT NULL
);

-- What is secret of a check, and never told.
CREATE TABLE health_secrets (check_id VARCHAR NOT NULL, secrets VARCHAR NOT NULL);

-- Where a check stands; written whole again whenever it was looked at.
CREATE TABLE health_standing (
    check_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,                 -- healthy | degraded | down | unknown: what is believed
    reason VARCHAR NOT NULL, since_ns BIGINT NOT NULL,
    seen_ns BIGINT,                         -- of the latest answer; null before the first
    answer_state VARCHAR, answer_reason VARCHAR, latency_ns BIGINT, told VARCHAR,  -- that answer; told: JSON
    recent VARCHAR NOT NULL,                -- JSON, states of the latest answers
    changes INTEGER NOT NULL                -- how often the state changed
);

-- A row a change of state; kept when the check is deleted.
CREATE TABLE health_changes (
    check_id VARCHAR NOT NULL, number INTEGER NOT NULL, at_ns BIGINT NOT NULL,
    name VARCHAR NOT NULL, service VARCHAR, -- of the check, then
    state VARCHAR NOT NULL, reason VARCHAR NOT NULL
);

-- Answers of a minute, perhaps in several rows; minutes that are over become rows of their hour.
CREATE TABLE health_minutes (
    check_id VARCHAR NOT NULL, bucket BIGINT NOT NULL,      -- minutes since 1970, UTC
    healthy INTEGER NOT NULL, degraded INTEGER NOT NULL, down INTEGER NOT NULL, unknown INTEGER NOT NULL,
    timed INTEGER NOT NULL, latency_sum_ns BIGINT NOT NULL, latency_min_ns BIGINT, latency_max_ns BIGINT
);
CREATE TABLE health_hours AS FROM health_minutes LIMIT 0;   -- bucket: hours since 1970, UTC

-- What every store begins with: this server, and the system as far as anybody tells of it.
INSERT INTO health_checks
SELECT check_id, 1, name, json_object(
        'name', name, 'kind', kind, 'target', target, 'options', options::JSON, 'service', NULL, 'enabled', true,
        'interval_s', 30, 'timeout_s', 5, 'down_after', 3, 'up_after', 1, 'slow_ms', NULL
    )::VARCHAR, epoch_ns(now()), epoch_ns(now()), 'spanledger'
FROM (VALUES
    ('spanledger', 'This server', 'spanledger', '', '{}'),
    ('cpu', 'CPU', 'system', 'cpu_usage', '{"above": 90}'),
    ('memory', 'Memory', 'system', 'memory_usage', '{"above": 90}'),
    ('queue', 'Queue', 'system', 'queue_length', '{"above": 10}')
) AS d(check_id, name, kind, target, options);

INSERT INTO health_standing
SELECT check_id, 'unknown', 'Not checked yet', created_ns, NULL, NULL, NULL, NULL, NULL, '[]', 0 FROM health_checks;

INSERT INTO health_changes
SELECT check_id, 0, created_ns, name, NULL, 'unknown', 'Not checked yet' FROM health_checks;
