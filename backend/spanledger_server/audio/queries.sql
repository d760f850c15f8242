-- name: summary
-- All of a window as one: counts, measures, problems, why things were not measured, and how uncertain the counts of clips are.
WITH
-- include: audio_spans
audio_placed AS NOT MATERIALIZED (SELECT 0 AS part, '' AS category, * FROM audio_heard),
-- include: audio_figures
,
problems AS (
    SELECT
        problem, count(*) FILTER (has) AS clips, coalesce(sum(weight) FILTER (has), 0) AS weight, count(*) AS judged,
        sum(weight) AS judged_weight
    FROM (
        SELECT clip, weight, unnest(problems) AS has, unnest($judged_by::INTEGER[]) AS metric, generate_subscripts(problems, 1) AS problem
        FROM audio_heard
    )
    WHERE has IS NOT NULL AND (clip OR NOT list_contains($of_clips::INTEGER[], metric))
    GROUP BY problem
),
reasons AS (
    SELECT what, reason, count(*) AS spans, sum(weight) AS weight
    FROM (
        SELECT
            CASE WHEN contains(piece, '=') THEN split_part(piece, '=', 1) ELSE family END AS what,
            CASE WHEN contains(piece, '=') THEN split_part(piece, '=', 2) ELSE piece END AS reason, weight
        FROM (
            SELECT 'features' AS family, unnest(string_split(features_skipped[:500], ',')) AS piece, weight FROM audio_heard
            UNION ALL
            SELECT 'quality' AS family, unnest(string_split(quality_skipped[:500], ',')) AS piece, weight FROM audio_heard
        )
    )
    GROUP BY what, reason ORDER BY weight DESC, what, reason LIMIT 30
),
traced AS (
    SELECT trace_id, weight, count(*)::DOUBLE AS n, coalesce(sum(v[$length]), 0) AS s
    FROM audio_heard WHERE clip AND NOT uncounted AND weight > 1 GROUP BY trace_id, weight
),
shared AS (
    SELECT
        pow(sum(weight * n), 2) - sum(weight * (pow(upto_n, 2) - pow(upto_n - n, 2))) AS n,
        pow(sum(weight * s), 2) - sum(weight * (pow(upto_s, 2) - pow(upto_s - s, 2))) AS s
    FROM (
        SELECT *, sum(n) OVER steps AS upto_n, sum(s) OVER steps AS upto_s
        FROM traced WINDOW steps AS (PARTITION BY trace_id ORDER BY weight)
    )
    GROUP BY trace_id
)
SELECT
    (SELECT list(audio_counts) FROM audio_counts) AS counts,
    (SELECT list(f) FROM (FROM audio_sums JOIN audio_quantiles USING (part, category, metric)) AS f) AS figures,
    (SELECT list(problems) FROM problems) AS problems,
    (SELECT list(reasons ORDER BY weight DESC, what, reason) FROM reasons) AS reasons,
    (SELECT {'n': coalesce(sum(greatest(n, 0)), 0), 's': coalesce(sum(greatest(s, 0)), 0)} FROM shared) AS variance,
    (SELECT coalesce(sum(v[$length]), 0) FROM audio_heard WHERE clip) AS kept_s;

-- name: cells
-- Counts and measures by part of the window and category; the categories beyond the heaviest `most` are left out and counted.
WITH
-- include: audio_spans
audio_named AS NOT MATERIALIZED (
    SELECT
        part_of(start_ns, $p) AS part, coalesce(CASE $dimension
            WHEN 'stage' THEN stage WHEN 'service' THEN service WHEN 'name' THEN name WHEN 'format' THEN format WHEN 'source' THEN source
            WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier END, '') AS category, *
    FROM audio_heard
),
audio_heaviest AS MATERIALIZED (
    SELECT category, count(*) OVER () AS categories FROM (SELECT category, sum(weight) AS weight FROM audio_named GROUP BY category)
    ORDER BY weight DESC, category LIMIT $most
),
audio_placed AS NOT MATERIALIZED (SELECT * FROM audio_named SEMI JOIN audio_heaviest USING (category)),
-- include: audio_figures
SELECT
    (SELECT list(c) FROM (FROM audio_counts ORDER BY weight DESC, category, part) AS c) AS counts,
    (SELECT list(f) FROM (FROM audio_sums JOIN audio_quantiles USING (part, category, metric)) AS f) AS figures,
    (SELECT any_value(categories) FROM audio_heaviest) AS categories;

-- name: distribution
-- How many have which value of a measure, by the number of edges that are not above it.
WITH
-- include: audio_spans
valued AS (SELECT v[$metric] AS value, weight, clip FROM audio_heard)
SELECT len(list_filter($edges::DOUBLE[], lambda edge: edge <= value)) AS bin, count(*) AS measured, sum(weight) AS weight
FROM valued
WHERE value IS NOT NULL AND (clip OR NOT list_contains($of_clips::INTEGER[], $metric))
GROUP BY bin ORDER BY bin;

-- name: clips
-- Single spans by a measure, the worst first; only those that have it.
WITH
-- include: audio_spans
valued AS (
    SELECT *, v[$metric] AS value, CASE WHEN $worst_is_high THEN -v[$metric] ELSE v[$metric] END AS place
    FROM audio_heard
    WHERE v[$metric] IS NOT NULL AND (clip OR NOT list_contains($of_clips::INTEGER[], $metric))
        AND ($at_least IS NULL OR v[$metric] >= $at_least) AND ($at_most IS NULL OR v[$metric] <= $at_most)
)
SELECT
    hex_trace(trace_id) AS trace_id, span_id, start_ns, service, name, status_code, stage, format, source, audio_id, features_skipped,
    quality_skipped, problems, v, value, place, weight, uncounted, (SELECT count(*) FROM valued) AS matched
FROM valued
WHERE $after_place IS NULL OR (place, start_ns, span_id) > ($after_place::DOUBLE, $after_ns::BIGINT, $after_span::UBIGINT)
ORDER BY place, start_ns, span_id LIMIT $most;

-- name: differences
-- Which values of which attributes are commoner among the spans whose measure lies within bounds than among the others that have it.
WITH
-- include: audio_spans
valued AS (
    SELECT
        [
            stage, format, source, service, name, feature, tenant, user_tier, (v[$rate]::BIGINT)::VARCHAR,
            CASE WHEN v[$length] IS NOT NULL THEN CASE WHEN v[$length] < 2 THEN 'under 2 s' WHEN v[$length] < 10 THEN '2 to 10 s'
                WHEN v[$length] < 60 THEN '10 s to 1 min' ELSE '1 min and longer' END END,
            CASE status_code WHEN 2 THEN 'error' ELSE 'no error' END, models[1]
        ] AS labels,
        weight, coalesce(($at_least IS NULL OR v[$metric] >= $at_least) AND ($at_most IS NULL OR v[$metric] <= $at_most), false)
        AND start_ns >= $within_from_ns AND start_ns < $within_to_ns AS inside
    FROM audio_heard LEFT JOIN (
        SELECT trace_id, list(model ORDER BY at_ns) AS models FROM ledger
        WHERE at_ns >= $from_ns AND (audio_seconds IS NOT NULL OR operation IN ('speech_to_text', 'text_to_speech')) GROUP BY trace_id
    ) USING (trace_id)
    WHERE v[$metric] IS NOT NULL AND (clip OR NOT list_contains($of_clips::INTEGER[], $metric))
),
sizes AS (
    SELECT
        coalesce(sum(weight) FILTER (inside), 0) AS inside, coalesce(sum(weight) FILTER (NOT inside), 0) AS outside,
        count(*) FILTER (inside) AS inside_spans, count(*) FILTER (NOT inside) AS outside_spans
    FROM valued
),
found AS (
    SELECT
        attribute, coalesce(value, '') AS value, coalesce(sum(weight) FILTER (inside), 0) AS inside,
        coalesce(sum(weight) FILTER (NOT inside), 0) AS outside, count(*) AS spans
    FROM (SELECT unnest(range(1, 13)) AS attribute, unnest(labels) AS value, weight, inside FROM valued)
    GROUP BY attribute, coalesce(value, '')
),
shares AS (
    SELECT
        attribute, value, found.inside, found.outside, spans, found.inside / nullif(sizes.inside, 0) AS inside_share,
        found.outside / nullif(sizes.outside, 0) AS outside_share
    FROM found, sizes WHERE found.inside + found.outside < sizes.inside + sizes.outside
)
SELECT
    (SELECT sizes FROM sizes) AS sizes,
    (SELECT list(s) FROM (
        FROM shares WHERE inside_share IS NOT NULL AND outside_share IS NOT NULL
        ORDER BY abs(inside_share - outside_share) DESC, attribute, value LIMIT $most
    ) AS s) AS items;

-- name: calls
-- Calls of the ledger that are about sound, by category: all of them, whatever was kept of their traces.
WITH
-- include: audio_spans
chosen AS MATERIALIZED (
    SELECT *, coalesce(CASE $dimension
        WHEN 'model' THEN model WHEN 'provider' THEN provider WHEN 'operation' THEN operation WHEN 'service' THEN service
        WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier END, '') AS category
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND (audio_seconds IS NOT NULL OR coalesce(audio_input_tokens, 0) > 0 OR coalesce(audio_output_tokens, 0) > 0
            OR operation IN ('speech_to_text', 'text_to_speech'))
        AND fits(service, $service, $not_service) AND fits(model, $model, $not_model) AND fits(provider, $provider, $not_provider)
        AND fits(operation, $operation, $not_operation) AND fits(feature, $feature, $not_feature) AND fits(tenant, $tenant, $not_tenant)
        AND fits(user_tier, $user_tier, $not_user_tier) AND fits(user_id, $user_id, $not_user_id)
        AND fits(session_id, $session_id, $not_session_id)
        AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
        AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
        AND (NOT $of_spans OR trace_id IN (SELECT trace_id FROM audio_chosen))
)
SELECT
    category, count(*) AS calls, count(error_type) AS errors, count(*) FILTER (state = 'unpriced') AS unpriced_calls, sum(cost_usd) AS cost_usd,
    count(audio_seconds) AS timed_calls, sum(audio_seconds) AS audio_seconds,
    sum(audio_seconds) FILTER (cost_usd IS NOT NULL) AS priced_seconds, sum(cost_usd) FILTER (audio_seconds IS NOT NULL) AS cost_of_seconds,
    sum(characters) AS characters, quantile_disc(duration_ns, [0.5, 0.95]) AS durations,
    quantile_disc(duration_ns / 1e9 / audio_seconds::DOUBLE, [0.5, 0.95]) FILTER (audio_seconds > 0 AND duration_ns > 0) AS factors,
    count(*) OVER () AS categories
FROM chosen GROUP BY category ORDER BY cost_usd DESC NULLS LAST, calls DESC, category LIMIT $most;

-- name: kept_from
-- Since when spans are kept.
SELECT max(from_ns) FROM kept_from WHERE subject = 'spans';
