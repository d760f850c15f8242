-- name: call_cells_1m
-- Calls of the ledger within minutes, by some labels: counts, costs and tokens, and codes of durations where they are wanted.
-- include: rule_call_cells
FROM cost_1m
-- include: rule_call_of

-- name: call_cells_1h
-- The same within hours.
-- include: rule_call_cells
FROM cost_1h
-- include: rule_call_of

-- name: call_cells_1d
-- The same within days.
-- include: rule_call_cells
FROM cost_1d
-- include: rule_call_of

-- name: told_cells_1m
-- What programs told of caches, rate limits or requests within minutes, by outcome and some labels.
WITH cells AS NOT MATERIALIZED (FROM told_1m)
-- include: rule_told_cells

-- name: told_cells_1h
-- The same within hours.
WITH cells AS NOT MATERIALIZED (FROM told_1h)
-- include: rule_told_cells

-- name: told_cells_1d
-- The same within days.
WITH cells AS NOT MATERIALIZED (FROM told_1d)
-- include: rule_told_cells

-- name: span_cells_1m
-- Spans that ended within minutes, by outcome and some labels, weighed by what they stand for; of requests, those that enter a service.
WITH cells AS NOT MATERIALIZED (FROM span_1m)
-- include: rule_span_cells

-- name: span_cells_1h
-- The same within hours.
WITH cells AS NOT MATERIALIZED (FROM span_1h)
-- include: rule_span_cells

-- name: span_cells_1d
-- The same within days.
WITH cells AS NOT MATERIALIZED (FROM span_1d)
-- include: rule_span_cells

-- name: sent_cells_1m
-- Metrics that were sent, within minutes, by name and labels: gauges as they are, what accumulates as increments.
WITH cells AS NOT MATERIALIZED (FROM metric_1m)
-- include: rule_sent_cells

-- name: sent_cells_1h
-- The same within hours.
WITH cells AS NOT MATERIALIZED (FROM metric_1h)
-- include: rule_sent_cells

-- name: sent_cells_1d
-- The same within days.
WITH cells AS NOT MATERIALIZED (FROM metric_1d)
-- include: rule_sent_cells

-- name: gauge_cells_1m
-- Gauges of the system within minutes, by series.
WITH cells AS NOT MATERIALIZED (FROM metric_1m)
-- include: rule_gauge_cells

-- name: gauge_cells_1h
-- The same within hours.
WITH cells AS NOT MATERIALIZED (FROM metric_1h)
-- include: rule_gauge_cells

-- name: gauge_cells_1d
-- The same within days.
WITH cells AS NOT MATERIALIZED (FROM metric_1d)
-- include: rule_gauge_cells

-- name: rules
-- The version that holds of each rule in use, by name.
SELECT rule_id, version, definition, pack, created_ns, changed_ns, changed_by, deleted_ns FROM alert_rules
QUALIFY version = max(version) OVER (PARTITION BY rule_id) AND deleted_ns IS NULL
ORDER BY name, rule_id;

-- name: newest_change
-- Whether anything changed: how many versions there are.
SELECT count(*) FROM alert_rules;

-- name: rule_versions
-- All versions of a rule, newest first, by id or by the name of one in use.
SELECT rule_id, version, definition, pack, created_ns, changed_ns, changed_by, deleted_ns FROM alert_rules
WHERE rule_id = try_cast($key AS UUID) OR rule_id IN (
    SELECT rule_id FROM alert_rules
    QUALIFY version = max(version) OVER (PARTITION BY rule_id) AND deleted_ns IS NULL AND name = $key
)
ORDER BY version DESC;

-- name: add_rule_versions
-- Versions of rules.
INSERT INTO alert_rules BY NAME SELECT
    unnest($rule_id::UUID[]) AS rule_id, unnest($version::INTEGER[]) AS version, unnest($name::VARCHAR[]) AS name,
    unnest($enabled::BOOLEAN[]) AS enabled, unnest($definition::VARCHAR[]) AS definition, unnest($pack::VARCHAR[]) AS pack,
    unnest($created_ns::BIGINT[]) AS created_ns, unnest($changed_ns::BIGINT[]) AS changed_ns, unnest($changed_by::VARCHAR[]) AS changed_by,
    unnest($deleted_ns::BIGINT[]) AS deleted_ns;

-- name: packs
-- Which defaults were ever made into a rule here, and of which rule in use.
SELECT pack, arg_max(CASE WHEN deleted_ns IS NULL THEN rule_id END, version) AS rule_id FROM alert_rules WHERE pack IS NOT NULL GROUP BY pack;

-- name: sent_metrics
-- Every metric that was sent, and its unit.
SELECT name, any_value(unit) AS unit FROM metric_series GROUP BY name;

-- name: heard_by_hour
-- From which services anything came within hours, and the last hour of each.
SELECT service, max(bucket) AS bucket FROM (
    SELECT service, bucket FROM span_1h WHERE bucket >= $first AND bucket < $beyond
    UNION ALL
    SELECT service, bucket FROM cost_1h WHERE bucket >= $first AND bucket < $beyond
    UNION ALL
    SELECT service, bucket FROM told_1h WHERE bucket >= $first AND bucket < $beyond
    UNION ALL
    SELECT s.service, m.bucket FROM metric_1h AS m JOIN metric_series AS s USING (series_id) WHERE m.bucket >= $first AND m.bucket < $beyond
)
GROUP BY service;

-- name: heard_apart
-- From which services anything came within minutes, so many together, and the last minute of each.
SELECT coalesce(service, '') AS service, max(bucket) AS bucket FROM (
    SELECT service, bucket FROM span_1m WHERE bucket >= $first AND bucket < $beyond
    UNION ALL
    SELECT service, bucket FROM cost_1m WHERE bucket >= $first AND bucket < $beyond
    UNION ALL
    SELECT service, bucket FROM told_1m WHERE bucket >= $first AND bucket < $beyond
    UNION ALL
    SELECT s.service, m.bucket FROM metric_1m AS m JOIN metric_series AS s USING (series_id) WHERE m.bucket >= $first AND m.bucket < $beyond
)
GROUP BY service, bucket // $apart ORDER BY bucket;

-- name: heard_by_minute
-- From which services anything came within minutes, and the last minute of each.
SELECT service, max(bucket) AS bucket FROM (
    SELECT service, bucket FROM span_1m WHERE bucket >= $first
    UNION ALL
    SELECT service, bucket FROM cost_1m WHERE bucket >= $first
    UNION ALL
    SELECT service, bucket FROM told_1m WHERE bucket >= $first
    UNION ALL
    SELECT s.service, m.bucket FROM metric_1m AS m JOIN metric_series AS s USING (series_id) WHERE m.bucket >= $first
)
GROUP BY service;

-- name: example_calls
-- Calls of a window that show best what is the matter: the failed, the slowest, the costliest, or the newest.
SELECT trace_id FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND ($by <> 'failed' OR error_type IS NOT NULL)
    AND fits(service, $service, $not_service) AND fits(kind, $kind, $not_kind) AND fits(operation, $operation, $not_operation)
    AND fits(provider, $provider, $not_provider) AND fits(model, $model, $not_model) AND fits(feature, $feature, $not_feature)
    AND fits(tenant, $tenant, $not_tenant) AND fits(user_tier, $user_tier, $not_user_tier)
GROUP BY trace_id
ORDER BY max(CASE $by WHEN 'slow' THEN duration_ns WHEN 'cost' THEN cost_usd END) DESC NULLS LAST, max(at_ns) DESC LIMIT $most;

-- name: users_of_calls
-- The users who have most of a window's calls, failures, cost or time, and how much that is of all.
SELECT coalesce(user_id, '') AS user_id, amount::DOUBLE AS amount, sum(amount) OVER ()::DOUBLE AS whole
FROM (
    SELECT user_id, sum(CASE $by
        WHEN 'failed' THEN (error_type IS NOT NULL)::INTEGER WHEN 'slow' THEN duration_ns WHEN 'cost' THEN cost_usd ELSE 1 END) AS amount
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND fits(service, $service, $not_service) AND fits(kind, $kind, $not_kind) AND fits(operation, $operation, $not_operation)
        AND fits(provider, $provider, $not_provider) AND fits(model, $model, $not_model) AND fits(feature, $feature, $not_feature)
        AND fits(tenant, $tenant, $not_tenant) AND fits(user_tier, $user_tier, $not_user_tier)
    GROUP BY user_id
)
ORDER BY amount DESC NULLS LAST, user_id LIMIT $most;

-- name: example_spans
-- Spans of a window that show best what is the matter: the failed, the slowest, or the newest.
SELECT trace_id FROM spans
WHERE end_ns >= $from_ns AND end_ns < $to_ns
    AND ($by <> 'failed' OR status_code = 2 OR (NOT $served_only AND error_type IS NOT NULL) OR ($served_only AND http_status >= 400))
    AND (NOT $served_only OR (kind = 2 AND enters(parent_span_id, flags, kind)))
    AND fits(service, $service, $not_service) AND fits(name, $name, $not_name)
    AND fits(['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1], $kind, $not_kind)
    AND fits(CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END, $status, $not_status)
    AND fits(CASE WHEN $served_only THEN coalesce(route, name) ELSE route END, $route, $not_route) AND fits(model, $model, $not_model)
    AND fits(enters(parent_span_id, flags, kind)::VARCHAR, $entry, $not_entry)
GROUP BY trace_id ORDER BY max(CASE $by WHEN 'slow' THEN end_ns - start_ns END) DESC NULLS LAST, max(end_ns) DESC LIMIT $most;

-- name: kept_minutes
-- Since when tables are kept of which something was deleted.
SELECT subject, from_ns FROM kept_from;

-- name: check_times
-- How long the answers of each check took together within minutes, and how many they were; so many minutes together.
SELECT check_id, CASE WHEN $apart > 0 THEN bucket // $apart ELSE 0 END AS number, sum(latency_sum_ns)::BIGINT, sum(timed)::BIGINT
FROM health_minutes WHERE bucket >= $first AND bucket < $beyond GROUP BY ALL;

-- name: last_change
-- The last bucket of the rollups that was recomputed.
SELECT max(change) FROM rollup_log;

-- name: notes_since
-- The buckets that were recomputed, from a change on; and, without a change, since when tables are kept of which something was deleted. One
-- statement, because each takes longer to plan than to run.
SELECT change, family, level, bucket FROM rollup_log WHERE change >= $since
UNION ALL
SELECT NULL, subject, NULL, from_ns FROM kept_from;

-- name: last_buckets
-- The last bucket of each table of the rollups that rules read.
SELECT 'cost', '1m', max(bucket) FROM cost_1m UNION ALL SELECT 'cost', '1h', max(bucket) FROM cost_1h UNION ALL
SELECT 'cost', '1d', max(bucket) FROM cost_1d UNION ALL SELECT 'told', '1m', max(bucket) FROM told_1m UNION ALL
SELECT 'told', '1h', max(bucket) FROM told_1h UNION ALL SELECT 'told', '1d', max(bucket) FROM told_1d UNION ALL
SELECT 'span', '1m', max(bucket) FROM span_1m UNION ALL SELECT 'span', '1h', max(bucket) FROM span_1h UNION ALL
SELECT 'span', '1d', max(bucket) FROM span_1d UNION ALL SELECT 'metric', '1m', max(bucket) FROM metric_1m UNION ALL
SELECT 'metric', '1h', max(bucket) FROM metric_1h UNION ALL SELECT 'metric', '1d', max(bucket) FROM metric_1d;

-- name: budget_versions
-- Whether any budget changed: how many versions there are.
SELECT count(*) FROM budgets;
