-- What the tables are read through: macros for distributions, and the public views (schema `public`), made anew at each start.

-- The number of the bucket of a value: base 2^(1/32), bucket i holds (base^i, base^(i+1)]; zero and negative values lie below all positive ones.
CREATE OR REPLACE MACRO value_code(v) AS
    CASE WHEN v > 0 THEN ceil(log2(v::DOUBLE) * 32)::INTEGER - 1
         WHEN v = 0 THEN -100000
         WHEN v < 0 THEN -200000 - (ceil(log2(-(v::DOUBLE)) * 32)::INTEGER - 1) END;

-- A histogram point's distribution as a list of {code, n}; explicit buckets go to the code of their upper bound.
CREATE OR REPLACE MACRO point_codes(scale, zero_count, bounds, bucket_index, bucket_count) AS
    CASE WHEN scale IS NOT NULL THEN
        list_concat([{'code': -100000, 'n': coalesce(zero_count, 0)}],
            list_transform(range(1, coalesce(len(bucket_index), 0) + 1), lambda i: {
                'code': CASE WHEN scale >= 5 THEN bucket_index[i] >> (scale - 5)
                             ELSE bucket_index[i] * (1 << (5 - scale)) + (1 << (4 - scale)) END,
                'n': bucket_count[i]}))
    WHEN len(bounds) > 0 AND len(bucket_count) = len(bounds) + 1 THEN
        list_transform(range(1, len(bucket_count) + 1), lambda i: {
            'code': value_code(bounds[least(i, len(bounds))]), 'n': bucket_count[i]})
    END;

-- The value that stands for a bucket: its geometric middle.
CREATE OR REPLACE MACRO code_value(code) AS
    CASE WHEN code = -100000 THEN 0.0
         WHEN code > -100000 THEN pow(2.0, (code + 0.5) / 32)
         ELSE -pow(2.0, (-200000 - code + 0.5) / 32) END;

-- The nearest-rank quantile of a distribution as the rollups store it; null when it is empty.
CREATE OR REPLACE MACRO distribution_quantile(codes, counts, q) AS
    code_value(codes[list_position(
        list_transform(range(1, len(counts) + 1), lambda i: list_sum(counts[1:i]) >= greatest(1, ceil(q * list_sum(counts)))), true)]);

-- The part of a distribution's weight that lies in buckets up to a code, or from it on.
CREATE OR REPLACE MACRO weight_within(codes, weights, code, below) AS
    coalesce(list_sum(list_transform(range(1, coalesce(len(codes), 0) + 1), lambda i:
        CASE WHEN CASE WHEN below THEN codes[i] <= code ELSE codes[i] >= code END THEN weights[i] ELSE 0 END)), 0);

-- Whether each of some texts is one of those wanted, none of those unwanted, and within bounds as a number; an empty text is "not set".
CREATE OR REPLACE MACRO meets_all(found, wanted, unwanted, least, most) AS
    coalesce(list_bool_and(list_transform(range(1, len(wanted) + 1), lambda i:
        ((wanted::VARCHAR[][])[i] IS NULL OR list_contains((wanted::VARCHAR[][])[i], coalesce(found[i], '')))
        AND ((unwanted::VARCHAR[][])[i] IS NULL OR NOT list_contains((unwanted::VARCHAR[][])[i], coalesce(found[i], '')))
        AND ((least::DOUBLE[])[i] IS NULL OR coalesce(try_cast(found[i] AS DOUBLE) >= (least::DOUBLE[])[i], false))
        AND ((most::DOUBLE[])[i] IS NULL OR coalesce(try_cast(found[i] AS DOUBLE) <= (most::DOUBLE[])[i], false)))), true);

CREATE OR REPLACE MACRO hex_trace(trace_id) AS replace(trace_id::VARCHAR, '-', '');
CREATE OR REPLACE MACRO hex_span(span_id) AS lpad(lower(hex(span_id)), 16, '0');
CREATE OR REPLACE MACRO utc(at_ns) AS make_timestamp(at_ns // 1000);

-- The width of a bucket of a level of the rollups.
CREATE OR REPLACE MACRO width_ns(level) AS CASE level WHEN '1m' THEN 60000000000 WHEN '1h' THEN 3600000000000 ELSE 86400000000000 END;

-- Which days, hours and minutes make up a window, and which minutes of it are read from the rows themselves: conditions on a bucket's
-- number, for `s` as rollups/stretches.py makes it.
CREATE OR REPLACE MACRO of_days(bucket, s) AS
    bucket >= s.first_day AND bucket < s.end_day AND NOT list_contains(s.stale_days, bucket)
    AND (bucket < s.gone_day OR bucket >= s.gone_end_day);
CREATE OR REPLACE MACRO of_hours(bucket, s) AS
    bucket >= s.first_hour AND bucket < s.end_hour AND NOT list_contains(s.stale_hours, bucket)
    AND (bucket < s.first_day * 24 OR bucket >= s.end_day * 24 OR list_contains(s.stale_days, bucket // 24));
CREATE OR REPLACE MACRO of_minutes(bucket, s) AS
    bucket >= s.first_minute AND bucket < s.end_minute AND NOT list_contains(s.stale_minutes, bucket)
    AND (bucket < s.first_hour * 60 OR bucket >= s.end_hour * 60 OR list_contains(s.stale_hours, bucket // 60));
CREATE OR REPLACE MACRO of_rows(at_ns, commit_no, s) AS
    at_ns >= s.rows_from_ns AND at_ns < s.rows_to_ns AND (s.rows_after < 0 OR commit_no > s.rows_after)
    AND (
        list_contains(s.stale_minutes, at_ns // 60000000000)
        OR commit_no > s.begun_after[list_position(s.begun_minutes, at_ns // 60000000000)]
    );

-- Which days by user make up a period, and which lines of the ledger are read beside them, for `u` as statistics/spenders.py makes it.
CREATE OR REPLACE MACRO user_days(bucket, quarter, u) AS
    (bucket > u.first_day OR (bucket = u.first_day AND quarter >= u.first_quarter)) AND bucket < u.end_day
    AND NOT list_contains(u.stale, bucket);
CREATE OR REPLACE MACRO of_lines(at_ns, u) AS
    at_ns >= u.rest_from_ns AND at_ns < u.to_ns
    AND (at_ns < u.head_ns OR at_ns >= u.tail_ns OR list_contains(u.stale, at_ns // 86400000000000));

-- Which hours, minutes and lines make up what was spent in a stretch of time, for `h` as forecast/spend.py makes it.
CREATE OR REPLACE MACRO spent_hours(bucket, h) AS
    bucket >= h.first_hour AND bucket < h.end_hour AND NOT list_contains(h.apart, bucket);
CREATE OR REPLACE MACRO spent_minutes(bucket, h) AS
    bucket >= h.first_minute AND bucket < h.end_minute AND NOT list_contains(h.stale, bucket)
    AND (bucket >= h.end_hour * 60 OR list_contains(h.apart, bucket // 60));
CREATE OR REPLACE MACRO spent_lines(at_ns, h) AS
    at_ns >= h.rest_from_ns AND at_ns < h.to_ns
    AND (at_ns // 3600000000000 < h.first_hour
        OR ((at_ns // 3600000000000 >= h.end_hour OR list_contains(h.apart, at_ns // 3600000000000))
            AND (at_ns // 60000000000 < h.first_minute OR at_ns // 60000000000 >= h.end_minute
                OR list_contains(h.stale, at_ns // 60000000000))));

-- The number of the part of a period that a time lies in, for `p` as statistics/periods.py makes it.
CREATE OR REPLACE MACRO part_of(at_ns, p) AS
    (at_ns + CASE
        WHEN at_ns >= p.turn_4 THEN p.offset_4 WHEN at_ns >= p.turn_3 THEN p.offset_3
        WHEN at_ns >= p.turn_2 THEN p.offset_2 WHEN at_ns >= p.turn_1 THEN p.offset_1 ELSE p.offset_0
    END) // p.width_ns;

-- What tracking calls told within [from_ns, to_ns), one row a record.
CREATE OR REPLACE MACRO told(from_ns, to_ns) AS TABLE
    WITH said AS (
        SELECT at_ns, replace(event_name, 'spanledger.', '') AS event, service, attributes AS a,
            CASE event_name
                WHEN 'spanledger.cache' THEN '$."spanledger.cache.event"'
                WHEN 'spanledger.rate_limit' THEN '$."spanledger.rate_limit.event"'
                ELSE '$."http.response.status_code"' END AS outcome_path,
            CASE event_name
                WHEN 'spanledger.cache' THEN '$."gen_ai.provider.name"'
                WHEN 'spanledger.rate_limit' THEN '$."spanledger.rate_limit.type"'
                ELSE '$."http.route"' END AS subject_path
        FROM main.logs
        WHERE logs.at_ns >= from_ns AND logs.at_ns < to_ns
            AND event_name IN ('spanledger.cache', 'spanledger.rate_limit', 'spanledger.request'))
    SELECT at_ns, event, service, a ->> subject_path AS subject, a ->> outcome_path AS outcome,
        a ->> '$."spanledger.feature"' AS feature, a ->> '$."spanledger.tenant"' AS tenant, a ->> '$."spanledger.user_tier"' AS user_tier,
        try_cast(a ->> '$."spanledger.cache.saved_cost_usd"' AS DECIMAL(24, 12)) AS saved_cost,
        try_cast(a ->> '$."spanledger.cache.saved_tokens"' AS BIGINT) AS saved_tokens,
        try_cast(round(try_cast(a ->> '$."spanledger.process_time_s"' AS DOUBLE) * 1e9) AS BIGINT) AS duration_ns
    FROM said;

-- Whether a span is the one with which a request enters its service: it has no parent, or its parent is elsewhere.
CREATE OR REPLACE MACRO enters(parent_span_id, flags, kind) AS
    parent_span_id IS NULL OR coalesce(flags & 512, 0) > 0 OR (kind IN (2, 5) AND coalesce(flags & 256, 0) = 0);

-- Whether a value is among those wanted and not among those unwanted; null wants, and minds, nothing. An unset value is the empty text.
CREATE OR REPLACE MACRO fits(value, wanted, unwanted) AS
    (wanted IS NULL OR list_contains(wanted::VARCHAR[], coalesce(value, '')))
    AND (unwanted IS NULL OR NOT list_contains(unwanted::VARCHAR[], coalesce(value, '')));

CREATE SCHEMA IF NOT EXISTS public;

CREATE OR REPLACE VIEW public.spans AS
SELECT
    hex_trace(s.trace_id) AS trace_id,
    hex_span(s.span_id) AS span_id,
    hex_span(s.parent_span_id) AS parent_span_id,
    utc(s.start_ns) AS start_time,
    utc(s.end_ns) AS end_time,
    s.start_ns AS start_ns,
    s.end_ns AS end_ns,
    (s.end_ns - s.start_ns) / 1e6 AS duration_ms,
    s.service AS service,
    s.name AS name,
    ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][s.kind + 1] AS kind,
    ['unset', 'ok', 'error'][s.status_code + 1] AS status,
    s.status_message AS status_message,
    s.scope AS scope,
    s.operation AS operation,
    s.provider AS provider,
    s.model AS model,
    s.input_tokens AS input_tokens,
    s.output_tokens AS output_tokens,
    s.user_id AS user_id,
    s.session_id AS session_id,
    s.feature AS feature,
    s.tenant AS tenant,
    s.user_tier AS user_tier,
    s.route AS route,
    s.http_status AS http_status,
    s.error_type AS error_type,
    s.adjusted_count AS adjusted_count,
    s.trace_state AS trace_state,
    s.attributes::JSON AS attributes,
    s.events::JSON AS events,
    s.links::JSON AS links,
    r.attributes::JSON AS resource
FROM main.spans AS s LEFT JOIN resources AS r USING (resource_id);

CREATE OR REPLACE VIEW public.traces AS
SELECT
    hex_trace(s.trace_id) AS trace_id,
    utc(min(s.start_ns)) AS start_time,
    min(s.start_ns) AS start_ns,
    (max(s.end_ns) - min(s.start_ns)) / 1e6 AS duration_ms,
    arg_min(s.name, (s.parent_span_id IS NOT NULL, s.start_ns)) AS name,
    arg_min(s.service, (s.parent_span_id IS NOT NULL, s.start_ns)) AS service,
    list_sort(list(DISTINCT s.service)) AS services,
    count(*) AS span_count,
    count(*) FILTER (s.status_code = 2) AS error_count,
    (SELECT sum(l.cost_usd) FROM main.ledger AS l WHERE l.trace_id = s.trace_id) AS cost_usd,
    (SELECT count(*) FROM main.ledger AS l WHERE l.trace_id = s.trace_id) AS calls,
    list_sort(list(DISTINCT s.model)) AS models,
    any_value(s.user_id) AS user_id,
    any_value(s.session_id) AS session_id,
    any_value(s.feature) AS feature
FROM main.spans AS s GROUP BY s.trace_id;

CREATE OR REPLACE VIEW public.logs AS
SELECT
    utc(l.at_ns) AS at,
    l.at_ns AS at_ns,
    l.service AS service,
    l.severity AS severity,
    l.severity_text AS severity_text,
    l.event_name AS event_name,
    l.body AS body,
    hex_trace(l.trace_id) AS trace_id,
    hex_span(l.span_id) AS span_id,
    l.user_id AS user_id,
    l.session_id AS session_id,
    l.scope AS scope,
    l.attributes::JSON AS attributes,
    r.attributes::JSON AS resource
FROM main.logs AS l LEFT JOIN resources AS r USING (resource_id);

CREATE OR REPLACE VIEW public.ledger AS
SELECT
    hex_trace(trace_id) AS trace_id,
    hex_span(span_id) AS span_id,
    utc(at_ns) AS at,
    service,
    kind,
    operation,
    provider,
    model,
    state,
    cost_usd,
    price_source,
    price_version,
    input_tokens,
    output_tokens,
    cached_input_tokens,
    cache_write_tokens,
    reasoning_tokens,
    audio_input_tokens,
    audio_output_tokens,
    audio_seconds,
    characters,
    user_id,
    session_id,
    feature,
    tenant,
    user_tier,
    duration_ns / 1e6 AS duration_ms,
    error_type,
    at_ns,
    state_reason,
    rate::JSON AS rate,
    usage_state,
    request_model,
    response_id,
    time_to_first_chunk_ns / 1e6 AS time_to_first_chunk_ms,
    service_tier,
    batch,
    source,
    attributes::JSON AS attributes
FROM main.ledger;

CREATE OR REPLACE VIEW public.ledger_corrections AS
SELECT
    hex_trace(trace_id) AS trace_id,
    hex_span(span_id) AS span_id,
    utc(at_ns) AS at,
    at_ns,
    run_id,
    utc(corrected_ns) AS corrected_at,
    source,
    service,
    provider,
    model,
    was_state,
    was_reason,
    was_cost_usd,
    was_price_source,
    was_price_version,
    was_rate::JSON AS was_rate,
    state,
    state_reason,
    cost_usd,
    price_source,
    price_version,
    rate::JSON AS rate
FROM main.ledger_corrections;

CREATE OR REPLACE VIEW public.metrics AS
SELECT
    utc(p.at_ns) AS at,
    p.at_ns AS at_ns,
    s.name AS name,
    s.kind AS kind,
    s.unit AS unit,
    s.temporality AS temporality,
    s.service AS service,
    p.value AS value,
    p.count AS count,
    p.min AS min,
    p.max AS max,
    s.attributes::JSON AS attributes,
    s.series_id AS series_id
FROM metric_points AS p JOIN metric_series AS s USING (series_id);

CREATE OR REPLACE VIEW public.loss AS
SELECT
    utc(at_ns) AS at,
    at_ns,
    service,
    signal,
    reason,
    records
FROM main.loss;

CREATE OR REPLACE VIEW public.cost_tracking AS
SELECT
    coalesce(provider, service) AS service,
    operation,
    cost_usd AS cost,
    input_tokens AS tokens_input,
    output_tokens AS tokens_output,
    user_id,
    user_tier,
    session_id,
    attributes::JSON AS metadata,
    utc(at_ns) AS created_at,
    at_ns AS created_ns
FROM main.ledger;

CREATE OR REPLACE VIEW public.metrics_raw AS
SELECT
    utc(at_ns) AS timestamp,
    at_ns AS timestamp_ns,
    CASE kind WHEN 'usage' THEN 'request' ELSE kind END AS metric_type,
    provider,
    model,
    user_id,
    duration_ns / 1e6 AS latency,
    error_type IS NULL AS success,
    error_type AS error_message,
    input_tokens,
    output_tokens,
    input_tokens + output_tokens AS total_tokens,
    cost_usd AS cost,
    service,
    session_id,
    feature,
    attributes::JSON AS metadata,
    NULL::VARCHAR AS cache_event,
    NULL::DECIMAL(24, 12) AS cache_saved_cost,
    NULL::BIGINT AS cache_saved_tokens,
    NULL::VARCHAR AS rate_limit_event,
    NULL::VARCHAR AS rate_limit_type,
    NULL::BIGINT AS rate_limit_remaining
FROM main.ledger
UNION ALL BY NAME
SELECT
    utc(at_ns) AS timestamp,
    at_ns AS timestamp_ns,
    CASE event_name WHEN 'spanledger.cache' THEN 'cache' ELSE 'rate_limit' END AS metric_type,
    attributes ->> '$."gen_ai.provider.name"' AS provider,
    user_id,
    service,
    session_id,
    attributes ->> '$."spanledger.feature"' AS feature,
    attributes::JSON AS metadata,
    attributes ->> '$."spanledger.cache.event"' AS cache_event,
    try_cast(attributes ->> '$."spanledger.cache.saved_cost_usd"' AS DECIMAL(24, 12)) AS cache_saved_cost,
    try_cast(attributes ->> '$."spanledger.cache.saved_tokens"' AS BIGINT) AS cache_saved_tokens,
    attributes ->> '$."spanledger.rate_limit.event"' AS rate_limit_event,
    attributes ->> '$."spanledger.rate_limit.type"' AS rate_limit_type,
    try_cast(attributes ->> '$."spanledger.rate_limit.remaining"' AS BIGINT) AS rate_limit_remaining
FROM main.logs WHERE event_name IN ('spanledger.cache', 'spanledger.rate_limit');

CREATE OR REPLACE VIEW public.metrics_1min AS
SELECT
    make_timestamp(bucket * 60 * 1000000) AS timestamp,
    -- include: metrics_of_calls
FROM cost_1m
UNION ALL BY NAME
SELECT
    make_timestamp(bucket * 60 * 1000000) AS timestamp,
    -- include: metrics_of_told
FROM told_1m WHERE event IN ('cache', 'rate_limit') GROUP BY ALL;

CREATE OR REPLACE VIEW public.metrics_1hour AS
SELECT
    make_timestamp(bucket * 3600 * 1000000) AS timestamp,
    -- include: metrics_of_calls
FROM cost_1h
UNION ALL BY NAME
SELECT
    make_timestamp(bucket * 3600 * 1000000) AS timestamp,
    -- include: metrics_of_told
FROM told_1h WHERE event IN ('cache', 'rate_limit') GROUP BY ALL;

CREATE OR REPLACE VIEW public.metrics_1day AS
SELECT
    make_timestamp(bucket * 86400 * 1000000) AS timestamp,
    -- include: metrics_of_calls
FROM cost_1d
UNION ALL BY NAME
SELECT
    make_timestamp(bucket * 86400 * 1000000) AS timestamp,
    -- include: metrics_of_told
FROM told_1d WHERE event IN ('cache', 'rate_limit') GROUP BY ALL;

CREATE OR REPLACE VIEW public.metrics_recent_summary AS
SELECT
    provider,
    model,
    count(*) AS total_requests,
    count(*) FILTER (error_type IS NULL) / count(*) AS success_rate,
    avg(duration_ns) / 1e6 AS avg_latency,
    quantile_cont(duration_ns, 0.95) / 1e6 AS p95_latency,
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) AS total_tokens,
    sum(cost_usd) AS total_cost,
    count(*) FILTER (state = 'unpriced') AS unpriced_calls
FROM main.ledger WHERE at_ns >= epoch_ns(now()) - 3600000000000 GROUP BY provider, model;

CREATE OR REPLACE VIEW public.cost_today_summary AS
SELECT
    provider,
    model,
    sum(cost_usd) AS total_cost,
    count(*) AS request_count,
    count(*) FILTER (state = 'unpriced') AS unpriced_calls,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens
FROM main.ledger WHERE at_ns >= epoch_ns(now()) // 86400000000000 * 86400000000000 GROUP BY provider, model;

CREATE OR REPLACE VIEW public.request_logs AS
SELECT
    coalesce(attributes ->> '$."url.path"', attributes ->> '$."http.target"', route) AS path,
    coalesce(attributes ->> '$."http.request.method"', attributes ->> '$."http.method"') AS method,
    http_status AS status_code,
    (end_ns - start_ns) / 1e9 AS process_time,
    user_id,
    coalesce(attributes ->> '$."client.address"', attributes ->> '$."net.peer.ip"') AS client_ip,
    utc(start_ns) AS timestamp,
    start_ns AS timestamp_ns,
    service,
    adjusted_count
FROM main.spans WHERE kind = 2 AND (http_status IS NOT NULL OR route IS NOT NULL)
UNION ALL
SELECT
    attributes ->> '$."http.route"',
    attributes ->> '$."http.request.method"',
    try_cast(attributes ->> '$."http.response.status_code"' AS INTEGER),
    try_cast(attributes ->> '$."spanledger.process_time_s"' AS DOUBLE),
    user_id,
    attributes ->> '$."client.address"',
    utc(at_ns),
    at_ns,
    service,
    1.0
FROM main.logs WHERE event_name = 'spanledger.request';

CREATE OR REPLACE VIEW public.performance_metrics AS
SELECT
    coalesce(route, attributes ->> '$."url.path"', name) AS endpoint,
    coalesce(attributes ->> '$."http.request.method"', attributes ->> '$."http.method"') AS method,
    http_status AS status_code,
    (end_ns - start_ns) / 1e6 AS response_time,
    user_id,
    coalesce(attributes ->> '$."client.address"', attributes ->> '$."net.peer.ip"') AS ip_address,
    attributes ->> '$."user_agent.original"' AS user_agent,
    utc(start_ns) AS created_at,
    start_ns AS created_ns,
    service,
    adjusted_count
FROM main.spans WHERE kind = 2 AND (http_status IS NOT NULL OR route IS NOT NULL)
UNION ALL
SELECT
    attributes ->> '$."http.route"',
    attributes ->> '$."http.request.method"',
    try_cast(attributes ->> '$."http.response.status_code"' AS INTEGER),
    try_cast(attributes ->> '$."spanledger.process_time_s"' AS DOUBLE) * 1000,
    user_id,
    attributes ->> '$."client.address"',
    attributes ->> '$."user_agent.original"',
    utc(at_ns),
    at_ns,
    service,
    1.0
FROM main.logs WHERE event_name = 'spanledger.request';

CREATE OR REPLACE VIEW public.dialogues AS
SELECT
    session_id,
    book_id,
    user_id,
    model,
    type,
    message_count,
    duration_s,
    rating,
    feedback,
    user_tier,
    utc(at_ns) AS created_at,
    at_ns AS created_ns,
    service,
    feature,
    tenant
FROM main.dialogues;

CREATE OR REPLACE VIEW public.system_metrics AS
WITH points AS (
    SELECT
        s.name AS metric_name,
        p.value AS metric_value,
        p.at_ns AS metric_ns,
        s.service AS service_name,
        s.unit AS metric_unit,
        s.attributes::JSON AS metric_tags,
        coalesce(metric_tags ->> '$."state"', metric_tags ->> '$."cpu.mode"', metric_tags ->> '$."system.memory.state"') AS state
    FROM metric_points AS p JOIN metric_series AS s USING (series_id)
    WHERE starts_with(s.name, 'system.') OR starts_with(s.name, 'process.') OR starts_with(s.name, 'celery.')
        OR s.name IN ('http.server.active_requests', 'cpu_usage', 'memory_usage', 'queue_length', 'queue_size', 'active_requests'))
SELECT
    metric_name,
    metric_value,
    utc(metric_ns) AS metric_timestamp,
    metric_ns,
    service_name,
    metric_unit,
    metric_tags,
    utc(metric_ns) AS timestamp,
    CASE
        WHEN metric_name = 'cpu_usage' THEN metric_value
        WHEN metric_name = 'system.cpu.utilization' AND state = 'idle' THEN 100 * (1 - metric_value) END AS cpu_usage,
    CASE
        WHEN metric_name = 'memory_usage' THEN metric_value
        WHEN metric_name = 'system.memory.utilization' AND state = 'used' THEN 100 * metric_value END AS memory_usage,
    CASE WHEN metric_name IN ('celery.queue.length', 'queue_length', 'queue_size') THEN metric_value END AS queue_length,
    CASE WHEN metric_name IN ('http.server.active_requests', 'active_requests') THEN metric_value END AS active_requests
FROM points;

CREATE OR REPLACE VIEW public.metrics_aggregation AS
SELECT
    metric_type,
    coalesce(model, operation, 'unknown') AS metric_key,
    make_timestamp(bucket * 3600 * 1000000) AS time_bucket,
    json_object('service', service, 'provider', provider, 'feature', feature, 'tenant', tenant, 'user_tier', user_tier) AS dimensions,
    CASE metric_type WHEN 'cost' THEN cost_usd WHEN 'requests' THEN calls ELSE errors END AS value,
    calls AS count
FROM cost_1h, (VALUES ('cost'), ('requests'), ('errors')) AS t(metric_type);

-- The seed's budgets: the version that holds of each that is in use.
CREATE OR REPLACE VIEW public.cost_budgets AS
SELECT
    budget_id AS id,
    name,
    description,
    period,
    limit_usd AS limit_amount,
    provider,
    model,
    user_id,
    service,
    feature,
    user_tier,
    session_id,
    tenant,
    alert_at_50_percent,
    alert_at_80_percent,
    alert_at_95_percent,
    alert_at_exceeded,
    forecast_percent,
    rollover_usd AS rollover_limit,
    time_window AS "window",
    timezone,
    enabled,
    version,
    utc(created_ns) AS created_at,
    utc(changed_ns) AS updated_at
FROM budgets QUALIFY version = max(version) OVER (PARTITION BY budget_id) AND archived_ns IS NULL;

-- What each period comes to at the mean of its days so far; /api/v1/projections says how sure that is.
CREATE OR REPLACE VIEW public.cost_projections AS
WITH periods AS (
    SELECT
        period, epoch_ns(date_trunc(unit, utc(epoch_ns(now())))) AS from_ns,
        epoch_ns(date_trunc(unit, utc(epoch_ns(now()))) + length) AS to_ns, epoch_ns(now()) AS now_ns
    FROM (VALUES
        ('daily', 'day', INTERVAL 1 DAY), ('weekly', 'week', INTERVAL 7 DAY), ('monthly', 'month', INTERVAL 1 MONTH)
    ) AS p(period, unit, length)
)
SELECT
    period,
    provider,
    model,
    utc(from_ns) AS period_start,
    utc(to_ns) AS period_end,
    sum(cost_usd) AS current_cost,
    round(sum(cost_usd)::DOUBLE * (to_ns - from_ns) / greatest(now_ns - from_ns, 1), 6) AS projected_cost,
    count(*) AS request_count,
    count(*) FILTER (state = 'unpriced') AS unpriced_calls
FROM main.ledger JOIN periods ON at_ns >= from_ns AND at_ns < to_ns
GROUP BY period, provider, model, from_ns, to_ns, now_ns;

-- Where each objective stood when it was last looked at; /api/v1/slos looks at once.
CREATE OR REPLACE VIEW public.slo_status AS
SELECT
    name,
    definition ->> '$.service' AS service,
    state,
    reason,
    (definition ->> '$.target')::DOUBLE AS target,
    CASE WHEN total > 0 THEN good / total END AS achieved,
    good,
    total,
    remaining_ratio,
    burn_rate,
    coverage,
    utc(from_ns) AS window_start,
    utc(to_ns) AS window_end,
    utc(at_ns) AS at
FROM main.slos JOIN main.slo_standing USING (slo_id) WHERE deleted_ns IS NULL;

CREATE OR REPLACE VIEW public.alert_rules AS
SELECT
    rule_id::VARCHAR AS id,
    name,
    name AS rule_name,
    definition ->> '$.annotations.description' AS description,
    definition ->> '$.kind' AS type,
    definition::JSON AS condition,
    definition ->> '$.metric' AS metric,
    definition ->> '$.metric' AS metric_name,
    definition ->> '$.operator' AS operator,
    definition ->> '$.operator' AS comparison_operator,
    (definition ->> '$.threshold')::DOUBLE AS threshold,
    (definition ->> '$.threshold')::DOUBLE AS threshold_value,
    (definition ->> '$.window_seconds')::BIGINT AS time_window,
    (definition ->> '$.duration_seconds')::BIGINT AS duration_seconds,
    definition ->> '$.filters.provider[0]' AS provider,
    definition ->> '$.filters.model[0]' AS model,
    definition ->> '$.severity' AS severity,
    enabled,
    enabled AS is_active,
    (definition -> '$.labels')::JSON AS labels,
    (definition -> '$.annotations')::JSON AS annotations,
    (definition -> '$.notification_channels')::JSON AS notification_channels,
    (definition ->> '$.cooldown_minutes')::INTEGER AS cooldown_minutes,
    (definition ->> '$.max_alerts_per_hour')::INTEGER AS max_alerts_per_hour,
    version,
    changed_by AS updated_by,
    utc(created_ns) AS created_at,
    utc(changed_ns) AS updated_at
FROM main.alert_rules QUALIFY version = max(version) OVER (PARTITION BY rule_id) AND deleted_ns IS NULL;

-- What administrators want to hear; those who have said nothing are not in it.
CREATE OR REPLACE VIEW public.admin_notification_preferences AS
SELECT
    preference_id::VARCHAR AS id,
    admin AS admin_user_id,
    (definition ->> '$.email_notifications')::BOOLEAN AS email_notifications,
    (definition ->> '$.sms_notifications')::BOOLEAN AS sms_notifications,
    (definition ->> '$.slack_notifications')::BOOLEAN AS slack_notifications,
    (definition ->> '$.critical_alerts')::BOOLEAN AS critical_alerts,
    (definition ->> '$.error_alerts')::BOOLEAN AS error_alerts,
    (definition ->> '$.warning_alerts')::BOOLEAN AS warning_alerts,
    (definition ->> '$.info_alerts')::BOOLEAN AS info_alerts,
    (definition -> '$.channels')::JSON AS channels,
    (definition ->> '$.quiet_hours_enabled')::BOOLEAN AS quiet_hours_enabled,
    (definition ->> '$.quiet_start_time')::TIME AS quiet_start_time,
    (definition ->> '$.quiet_end_time')::TIME AS quiet_end_time,
    definition ->> '$.timezone' AS timezone,
    (definition ->> '$.max_alerts_per_hour')::INTEGER AS max_alerts_per_hour,
    utc(created_ns) AS created_at,
    utc(updated_ns) AS updated_at
FROM main.notify_preferences;

-- Alerts, whoever judged them: one row each time that one fires or may; acknowledged is a state of those that fire.
CREATE OR REPLACE VIEW public.alerts AS
SELECT
    e.alert_id::VARCHAR AS id,
    e.rule_id::VARCHAR AS rule_id,
    nullif(e.name, '') AS rule_name,
    CASE
        WHEN e.state IN ('firing', 'recovering') THEN if(e.acked_by IS NULL, 'firing', 'acknowledged') ELSE e.state
    END AS state,
    e.severity,
    utc(coalesce(e.fired_ns, e.pending_ns)) AS started_at,
    utc(e.resolved_ns) AS resolved_at,
    utc(e.acked_ns) AS acknowledged_at,
    e.acked_by AS acknowledged_by,
    e.value AS current_value,
    e.threshold AS threshold_value,
    e.labels ->> 'provider' AS provider,
    e.labels ->> 'model' AS model,
    EXISTS (FROM main.notifications AS n WHERE n.state = 'delivered' AND list_contains(n.alert_ids, e.alert_id)) AS notified,
    e.source,
    e.kind,
    e.labels::JSON AS labels,
    e.flapping,
    coalesce(e.story ->> 'title', r.annotations ->> 'summary', nullif(e.name, '')) AS message,
    utc(e.pending_ns) AS created_at,
    utc(greatest(e.updated_ns, coalesce(r.updated_ns, 0))) AS updated_at
FROM main.alert_episodes AS e LEFT JOIN main.received_alerts AS r ON r.alert_id = e.alert_id;

-- The same, as warnings of the system.
CREATE OR REPLACE VIEW public.system_alerts AS
SELECT
    id,
    severity,
    rule_name AS type,
    message,
    labels AS details,
    if(state = 'resolved', 'resolved', 'active') AS status,
    threshold_value,
    current_value AS actual_value,
    started_at AS created_at,
    acknowledged_at,
    acknowledged_by,
    resolved_at,
    (
        SELECT arg_max(c.actor, c.number) FROM main.alert_changes AS c WHERE c.alert_id = a.id::UUID AND c.kind = 'resolved'
    ) AS resolved_by
FROM public.alerts AS a;

-- Alerts that fired: when, who took care of them, whom they were told, and how they ended.
CREATE OR REPLACE VIEW public.alert_history AS
WITH ends AS (
    SELECT alert_id, max_by(actor, number) AS actor, max_by(note, number) AS note FROM main.alert_changes
    WHERE kind = 'resolved' GROUP BY alert_id
),
sent AS (
    SELECT alert_id, list(DISTINCT channel_id ORDER BY channel_id) FILTER (state = 'delivered') AS channels, sum(attempts) AS attempts
    FROM (SELECT unnest(alert_ids) AS alert_id, channel_id, state, attempts FROM main.notifications) GROUP BY alert_id
)
SELECT
    e.alert_id::VARCHAR AS id,
    e.rule_id::VARCHAR AS alert_rule_id,
    nullif(e.name, '') AS rule_name,
    e.value AS metric_value,
    e.severity AS alert_severity,
    utc(e.fired_ns) AS triggered_at,
    utc(e.acked_ns) AS acknowledged_at,
    utc(e.resolved_ns) AS resolved_at,
    e.acked_by AS acknowledged_by,
    to_json(coalesce(sent.channels, [])) AS notifications_sent,
    coalesce(sent.attempts, 0)::BIGINT AS notification_attempts,
    ends.note AS resolution_notes,
    CASE WHEN e.state = 'resolved' THEN ends.actor IS NULL OR e.source = 'prometheus' AND ends.note IS NULL END AS auto_resolved
FROM main.alert_episodes AS e LEFT JOIN ends ON ends.alert_id = e.alert_id LEFT JOIN sent ON sent.alert_id = e.alert_id
WHERE e.fired_ns IS NOT NULL;

-- How many alerts fire, by severity and rule.
CREATE OR REPLACE VIEW public.alerts_active_summary AS
SELECT
    severity,
    rule_name,
    count(*) AS alert_count,
    count(*) FILTER (state = 'acknowledged') AS acknowledged_count,
    min(started_at) AS oldest_alert,
    max(started_at) AS newest_alert
FROM public.alerts WHERE state IN ('firing', 'acknowledged') GROUP BY severity, rule_name;

-- Checks of services: what each asks, how it stands, and what it found last.
CREATE OR REPLACE VIEW public.health_checks AS
SELECT
    c.check_id AS id,
    c.name,
    c.definition ->> 'kind' AS kind,
    c.definition ->> 'target' AS target,
    c.definition ->> 'service' AS service,
    (c.definition ->> 'enabled')::BOOLEAN AS enabled,
    if((c.definition ->> 'enabled')::BOOLEAN, coalesce(t.state, 'unknown'), 'unknown') AS state,
    t.reason,
    utc(t.since_ns) AS since,
    utc(t.seen_ns) AS checked_at,
    t.answer_state,
    t.answer_reason,
    t.latency_ns / 1e6 AS latency_ms,
    utc(c.created_ns) AS created_at,
    utc(c.changed_ns) AS changed_at,
    c.changed_by
FROM main.health_checks AS c LEFT JOIN main.health_standing AS t USING (check_id);

-- Changes of state of checks, also of those that are deleted.
CREATE OR REPLACE VIEW public.health_changes AS
SELECT check_id, name, service, utc(at_ns) AS time, state, reason FROM main.health_changes;

-- Answers of checks and their latencies, by the minute where minutes are kept and by the hour before.
CREATE OR REPLACE VIEW public.health_results AS
WITH minutes AS (SELECT check_id, 60 AS seconds, bucket * 60 AS at_s, * EXCLUDE (check_id, bucket) FROM main.health_minutes),
hours AS (
    SELECT check_id, 3600 AS seconds, bucket * 3600 AS at_s, * EXCLUDE (check_id, bucket) FROM main.health_hours
    WHERE bucket * 60 < (SELECT coalesce(min(bucket), 9223372036854775807) FROM main.health_minutes) // 60 * 60
)
SELECT
    check_id,
    utc(at_s * 1000000000) AS time,
    seconds,
    sum(healthy)::BIGINT AS healthy,
    sum(degraded)::BIGINT AS degraded,
    sum(down)::BIGINT AS down,
    sum(unknown)::BIGINT AS unknown,
    sum(latency_sum_ns) / nullif(sum(timed), 0) / 1e6 AS latency_ms,
    min(latency_min_ns) / 1e6 AS latency_min_ms,
    max(latency_max_ns) / 1e6 AS latency_max_ms
FROM (FROM minutes UNION ALL FROM hours) GROUP BY check_id, at_s, seconds;

-- Every change of an alert: when, from what to what, why, and who did it.
CREATE OR REPLACE VIEW public.alert_changes AS
SELECT
    c.alert_id::VARCHAR AS alert_id, c.number, utc(c.at_ns) AS time, nullif(e.name, '') AS rule_name, c.kind, c.from_state,
    c.to_state, c.why, c.actor, c.note
FROM main.alert_changes AS c JOIN main.alert_episodes AS e USING (alert_id);

-- Which version of which service went out, where and when.
CREATE OR REPLACE VIEW public.deployments AS
SELECT deployment_id::VARCHAR AS id, utc(at_ns) AS time, service, version, environment, note, url, actor FROM main.deployments;
