-- The first tables. Time is nanoseconds UTC; money DECIMAL(24,12) USD; ids compact. Public SQL is the views (views.sql), not these.

CREATE TABLE resources (
    resource_id UBIGINT PRIMARY KEY,
    attributes  VARCHAR NOT NULL            -- JSON
);

CREATE TABLE spans (
    trace_id UUID NOT NULL, span_id UBIGINT NOT NULL, parent_span_id UBIGINT,
    start_ns BIGINT NOT NULL, end_ns BIGINT NOT NULL,
    service VARCHAR, name VARCHAR NOT NULL, kind TINYINT NOT NULL, status_code TINYINT NOT NULL, status_message VARCHAR,
    scope VARCHAR, trace_state VARCHAR, sampling_threshold UBIGINT, adjusted_count DOUBLE,
    operation VARCHAR, provider VARCHAR, model VARCHAR, input_tokens BIGINT, output_tokens BIGINT,
    user_id VARCHAR, session_id VARCHAR, feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    route VARCHAR, http_status INTEGER, error_type VARCHAR,
    attributes VARCHAR, events VARCHAR, links VARCHAR, resource_id UBIGINT, flags UINTEGER
);

-- One row a trace and batch: the low 64 bits of the trace id, and the minutes its spans lie in.
CREATE TABLE trace_index (hash UBIGINT NOT NULL, first_minute INTEGER NOT NULL, last_minute INTEGER NOT NULL);

CREATE TABLE logs (
    trace_id UUID, span_id UBIGINT, at_ns BIGINT NOT NULL, service VARCHAR, severity TINYINT, severity_text VARCHAR,
    event_name VARCHAR, body VARCHAR, user_id VARCHAR, session_id VARCHAR, attributes VARCHAR, scope VARCHAR,
    resource_id UBIGINT, record_id UBIGINT NOT NULL
);

CREATE TABLE metric_series (
    series_id UBIGINT PRIMARY KEY, name VARCHAR NOT NULL, kind VARCHAR NOT NULL, unit VARCHAR, temporality VARCHAR,
    monotonic BOOLEAN, service VARCHAR, scope VARCHAR, attributes VARCHAR, resource_id UBIGINT
);

CREATE TABLE metric_points (
    series_id UBIGINT NOT NULL, at_ns BIGINT NOT NULL, start_ns BIGINT, value DOUBLE, count BIGINT, min DOUBLE, max DOUBLE,
    scale INTEGER, zero_count BIGINT, bounds DOUBLE[], bucket_index INTEGER[], bucket_count BIGINT[], quantile_values DOUBLE[]
);

-- A billable call or an explicit cost. Key (trace_id, span_id). A line whose source is 'span' gives way to the event of the same call.
CREATE TABLE ledger (
    trace_id UUID NOT NULL, span_id UBIGINT NOT NULL, parent_span_id UBIGINT,
    at_ns BIGINT NOT NULL,                  -- end of the call
    duration_ns BIGINT, time_to_first_chunk_ns BIGINT,
    source VARCHAR NOT NULL,                -- event | span
    service VARCHAR, kind VARCHAR NOT NULL, -- usage | cost
    operation VARCHAR, provider VARCHAR, model VARCHAR, request_model VARCHAR, response_id VARCHAR,
    state VARCHAR NOT NULL,                 -- priced | unpriced | estimated | free
    state_reason VARCHAR,                   -- why it is unpriced or estimated
    cost_usd DECIMAL(24,12),                -- null when unpriced
    price_source VARCHAR, price_version VARCHAR, rate VARCHAR,  -- rate: JSON, unit -> USD a unit, as used
    usage_state VARCHAR,                    -- reported | estimated | unknown
    input_tokens BIGINT, output_tokens BIGINT, cached_input_tokens BIGINT,
    cache_write_tokens BIGINT, cache_write_5m_tokens BIGINT, cache_write_1h_tokens BIGINT,
    reasoning_tokens BIGINT, audio_input_tokens BIGINT, audio_output_tokens BIGINT, audio_cached_input_tokens BIGINT,
    audio_seconds DECIMAL(18,6), characters BIGINT, requests BIGINT, web_searches BIGINT,
    service_tier VARCHAR, batch BOOLEAN,
    user_id VARCHAR, session_id VARCHAR, feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    error_type VARCHAR,
    attributes VARCHAR                      -- JSON of what has no column: the user's own attributes and metadata
);

-- What is known of lines that gave way: call span_id of this trace is the call that the provider answered with response_id. Without it
-- the same candidates in another order could leave two lines for one call.
CREATE TABLE ledger_links (trace_id UUID NOT NULL, span_id UBIGINT NOT NULL, response_id VARCHAR NOT NULL, at_ns BIGINT NOT NULL);

-- Rollups: recomputed whole from dirty buckets. bucket is the bucket's number since 1970 (minutes, hours, days, UTC).
CREATE TABLE dirty_buckets (family VARCHAR NOT NULL, level VARCHAR NOT NULL, bucket BIGINT NOT NULL, taken BOOLEAN NOT NULL DEFAULT false);  -- cost|span|metric, 1m|1h|1d

CREATE TABLE cost_1m (
    bucket BIGINT NOT NULL,
    service VARCHAR, kind VARCHAR, operation VARCHAR, provider VARCHAR, model VARCHAR, feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    calls BIGINT NOT NULL, errors BIGINT NOT NULL,
    priced_calls BIGINT NOT NULL, unpriced_calls BIGINT NOT NULL, estimated_calls BIGINT NOT NULL, free_calls BIGINT NOT NULL,
    cost_usd DECIMAL(38,12),                -- sum over lines that have a cost; null when none has
    input_tokens HUGEINT, output_tokens HUGEINT, cached_input_tokens HUGEINT, cache_write_tokens HUGEINT, reasoning_tokens HUGEINT,
    audio_seconds DECIMAL(38,6), characters HUGEINT,
    duration_sum_ns HUGEINT, duration_min_ns BIGINT, duration_max_ns BIGINT, duration_index INTEGER[], duration_count BIGINT[]
);
CREATE TABLE cost_1h AS FROM cost_1m LIMIT 0;
CREATE TABLE cost_1d AS FROM cost_1m LIMIT 0;

CREATE TABLE span_1m (
    bucket BIGINT NOT NULL,
    service VARCHAR, name VARCHAR, kind TINYINT, status_code TINYINT, route VARCHAR, model VARCHAR,
    spans BIGINT NOT NULL, adjusted_spans DOUBLE, uncounted_spans BIGINT NOT NULL,  -- uncounted: no sampling threshold known
    duration_sum_ns HUGEINT, duration_min_ns BIGINT, duration_max_ns BIGINT, duration_index INTEGER[], duration_count BIGINT[]
);
CREATE TABLE span_1h AS FROM span_1m LIMIT 0;
CREATE TABLE span_1d AS FROM span_1m LIMIT 0;

CREATE TABLE metric_1m (
    bucket BIGINT NOT NULL, series_id UBIGINT NOT NULL,
    points BIGINT NOT NULL, sum DOUBLE, min DOUBLE, max DOUBLE, last DOUBLE,   -- of gauge values, or of increments for sums and histograms
    count BIGINT, value_index INTEGER[], value_count BIGINT[]                  -- distribution of values or of the histogram's observations
);
CREATE TABLE metric_1h AS FROM metric_1m LIMIT 0;
CREATE TABLE metric_1d AS FROM metric_1m LIMIT 0;

-- What retention has deleted: of `subject` (spans, ledger, cost_1m, …) nothing before from_ns is kept.
CREATE TABLE kept_from (subject VARCHAR PRIMARY KEY, from_ns BIGINT NOT NULL);

-- What was refused or dropped on our side: where, why, how many.
CREATE TABLE loss (at_ns BIGINT NOT NULL, service VARCHAR, signal VARCHAR NOT NULL, reason VARCHAR NOT NULL, records BIGINT NOT NULL);

CREATE TABLE tokens (
    token_id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, role VARCHAR NOT NULL, hash VARCHAR NOT NULL,
    created_ns BIGINT NOT NULL, expires_ns BIGINT, revoked_ns BIGINT, last_used_ns BIGINT
);
CREATE TABLE audit (at_ns BIGINT NOT NULL, actor VARCHAR NOT NULL, action VARCHAR NOT NULL, subject VARCHAR, detail VARCHAR);

-- A fixed colour slot for each value of a dimension, given when first seen.
CREATE TABLE series_slots (dimension VARCHAR NOT NULL, value VARCHAR NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (dimension, value));
