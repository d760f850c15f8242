-- What statistics need beside the ledger: how requests were answered, what programs tell of caches, rate limits and requests, and dialogues,
-- which are kept as long as the ledger.

-- http_class: first digit of the HTTP status; null for what has none.
ALTER TABLE span_1m ADD COLUMN http_class UTINYINT;
ALTER TABLE span_1h ADD COLUMN http_class UTINYINT;
ALTER TABLE span_1d ADD COLUMN http_class UTINYINT;
INSERT INTO dirty_buckets SELECT DISTINCT 'span', '1m', end_ns // 60000000000, false FROM spans;

-- Rollups of the events cache, rate_limit and request. subject: provider, type of limit, route. outcome: hit, miss, store; allowed, denied;
-- the HTTP status.
CREATE TABLE told_1m (
    bucket BIGINT NOT NULL, event VARCHAR NOT NULL,
    service VARCHAR, subject VARCHAR, outcome VARCHAR, feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    events BIGINT NOT NULL,
    saved_cost DECIMAL(38,12), saved_cost_told BIGINT NOT NULL, saved_tokens HUGEINT, saved_tokens_told BIGINT NOT NULL,  -- told: by how many
    duration_sum_ns HUGEINT, duration_index INTEGER[], duration_count BIGINT[]
);
CREATE TABLE told_1h AS FROM told_1m LIMIT 0;
CREATE TABLE told_1d AS FROM told_1m LIMIT 0;
INSERT INTO dirty_buckets
SELECT DISTINCT 'told', '1m', at_ns // 60000000000, false
FROM logs WHERE event_name IN ('spanledger.cache', 'spanledger.rate_limit', 'spanledger.request');

CREATE TABLE dialogues (
    record_id UBIGINT NOT NULL, at_ns BIGINT NOT NULL, service VARCHAR, session_id VARCHAR, book_id VARCHAR, user_id VARCHAR,
    model VARCHAR, type VARCHAR, feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    message_count BIGINT, duration_s DOUBLE, rating DOUBLE, feedback VARCHAR
);
INSERT INTO dialogues
SELECT
    record_id, at_ns, service, session_id, attributes ->> '$."spanledger.dialogue.book_id"', user_id,
    attributes ->> '$."gen_ai.request.model"', attributes ->> '$."spanledger.dialogue.type"',
    attributes ->> '$."spanledger.feature"', attributes ->> '$."spanledger.tenant"', attributes ->> '$."spanledger.user_tier"',
    try_cast(attributes ->> '$."spanledger.dialogue.message_count"' AS BIGINT),
    try_cast(attributes ->> '$."spanledger.dialogue.duration_s"' AS DOUBLE),
    try_cast(attributes ->> '$."spanledger.dialogue.rating"' AS DOUBLE), attributes ->> '$."spanledger.dialogue.feedback"'
FROM logs WHERE event_name = 'spanledger.dialogue';
