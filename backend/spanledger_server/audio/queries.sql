-- name: figures
-- Counts and measures of a window: as a whole (view 0) and (`by`) by category (view 1, where every span counts), in parts; those of categories beyond
-- the heaviest `most` are left out. `told`: variances and reasons, too. Rollups where they are fresh, and rows.
WITH
-- include: audio_chosen
-- include: audio_clips
audio_placed AS MATERIALIZED (
    SELECT
        part_of(start_ns, $p) AS part, coalesce(CASE $dimension
            WHEN 'stage' THEN stage WHEN 'service' THEN service WHEN 'name' THEN name WHEN 'format' THEN format WHEN 'source' THEN source
            WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier END, '') AS category,
        clip >= $least_clip AS counted, status_code = 2 AS failed, coalesce(service, '') AS service, coalesce(stage, '') AS stage,
        trace_id, weight, uncounted, stage IS NULL AS pipeline, v, features_skipped, quality_skipped
    FROM audio_marked
),
-- include: audio_parts
,
audio_buckets AS NOT MATERIALIZED (
    SELECT bucket * 3600000000000 + quarter * 900000000000 AS at_ns, * EXCLUDE (bucket, quarter) FROM audio_1h
    WHERE bucket * 4 + quarter >= $first_quarter AND bucket * 4 + quarter < $end_quarter
        AND NOT list_contains($stale_hours::BIGINT[], bucket)
        AND NOT (bucket // 24 >= $first_day AND bucket // 24 < $end_day AND NOT list_contains($stale_days::BIGINT[], bucket // 24))
    UNION ALL
    SELECT bucket * 86400000000000 AS at_ns, * EXCLUDE (bucket, quarter) FROM audio_1d
    WHERE bucket >= $first_day AND bucket < $end_day AND NOT list_contains($stale_days::BIGINT[], bucket)
),
audio_rolled AS MATERIALIZED (
    SELECT
        * EXCLUDE (at_ns, service, name, status_code, stage, format, source, feature, tenant, user_tier, clip),
        part_of(at_ns, $p) AS part, coalesce(CASE $dimension
            WHEN 'stage' THEN stage WHEN 'service' THEN service WHEN 'name' THEN name WHEN 'format' THEN format WHEN 'source' THEN source
            WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier END, '') AS category,
        clip >= $least_clip AS counted, status_code = 2 AS failed, coalesce(service, '') AS service, coalesce(stage, '') AS stage
    FROM audio_buckets
    WHERE list_contains($read::INTEGER[], metric)
        -- include: audio_conditions
),
-- include: audio_unfolded
,
audio_pieces AS MATERIALIZED (
    SELECT
        part, category, counted, failed, service, stage, metric, bin, code,
        slot, what, reason, -- if: told
        sum(spans) AS spans, sum(weight) AS weight, sum(uncounted) AS uncounted, sum(compared) AS compared, sum(compared_weight) AS compared_weight,
        sum(heard) AS heard, sum(heard_weight) AS heard_weight, sum(worded) AS worded, sum(total) AS total, sum(kept) AS kept,
        sum(spread) AS spread, sum(skipped) AS skipped, sum(skipped_weight) AS skipped_weight, -- if: told
        sum(beyond) AS beyond, sum(beyond_weight) AS beyond_weight, sum(heavy) AS heavy, min(least) AS least, max(most) AS most
    FROM (FROM audio_parts UNION ALL BY NAME FROM audio_unfolded) GROUP BY ALL
),
audio_words AS (SELECT DISTINCT service, stage, true AS words FROM audio_pieces WHERE worded > 0),
-- if: by
heaviest AS MATERIALIZED (
    SELECT category, count(*) OVER () AS categories
    FROM (SELECT category, sum(weight) AS weight FROM audio_pieces WHERE metric = 0 AND spans IS NOT NULL GROUP BY category)
    ORDER BY weight DESC, category LIMIT $most
),
-- end
viewed AS NOT MATERIALIZED (
    SELECT 0 AS view, * REPLACE ('' AS category) FROM audio_pieces
    -- if: by
    UNION ALL BY NAME
    SELECT 1 AS view, * REPLACE (true AS counted) FROM audio_pieces SEMI JOIN heaviest USING (category)
    WHERE list_contains($grouped::INTEGER[], metric)
    -- end
),
counts AS (
    SELECT
        view, part, category, sum(spans)::BIGINT AS spans, sum(uncounted)::BIGINT AS uncounted, sum(weight) AS weight,
        coalesce(sum(weight) FILTER (failed), 0) AS failed,
        coalesce(sum(spans) FILTER (counted), 0)::BIGINT AS clips, coalesce(sum(weight) FILTER (counted), 0) AS clips_weight,
        coalesce(sum(weight) FILTER (counted AND failed), 0) AS clips_failed,
        sum(compared)::BIGINT AS compared, sum(compared_weight) AS compared_weight, sum(heard)::BIGINT AS heard, sum(heard_weight) AS heard_weight,
        coalesce(sum(spans) FILTER (words), 0)::BIGINT AS words, coalesce(sum(weight) FILTER (words), 0) AS words_weight
    FROM viewed LEFT JOIN audio_words USING (service, stage)
    WHERE metric = 0 AND spans IS NOT NULL GROUP BY view, part, category
),
measured AS (
    SELECT
        view, part, category, metric, sum(spans)::BIGINT AS measured, sum(weight) AS weight, sum(total) AS total, sum(kept) AS kept,
        sum(beyond)::BIGINT AS beyond, sum(beyond_weight) AS beyond_weight,
        list(bin ORDER BY bin, code) FILTER (code IS NOT NULL) AS bins, list(code ORDER BY bin, code) FILTER (code IS NOT NULL) AS codes,
        list(heavy ORDER BY bin, code) FILTER (code IS NOT NULL) AS weights, list(least ORDER BY bin, code) FILTER (code IS NOT NULL) AS least,
        list(most ORDER BY bin, code) FILTER (code IS NOT NULL) AS most
    FROM (
        SELECT
            view, part, category, metric, bin, code, sum(spans) AS spans, sum(weight) AS weight, sum(total) AS total, sum(kept) AS kept,
            sum(beyond) AS beyond, sum(beyond_weight) AS beyond_weight, sum(heavy) AS heavy, min(least) AS least, max(most) AS most
        FROM viewed
        WHERE metric > 0 AND (counted OR NOT list_contains($of_clips::INTEGER[], metric))
            AND slot IS NULL -- if: told
        GROUP BY view, part, category, metric, bin, code
    )
    GROUP BY view, part, category, metric
)
SELECT
    (SELECT list(c ORDER BY view, c.weight DESC, category, part) FROM counts AS c) AS counts,
    (SELECT list(m) FROM measured AS m) AS measured
    , (SELECT any_value(categories) FROM heaviest) AS categories -- if: by
    -- if: told
    , (
        SELECT list({'metric': metric, 'variance': variance}) FROM (
            SELECT metric, sum(spread * spread) AS variance FROM (
                SELECT metric, slot, sum(spread) AS spread FROM audio_pieces WHERE slot IS NOT NULL AND counted GROUP BY metric, slot
            ) GROUP BY metric
        )
    ) AS variances,
    (
        SELECT list(r ORDER BY weight DESC, what, reason) FROM (
            SELECT what, reason, sum(skipped)::BIGINT AS spans, sum(skipped_weight) AS weight FROM audio_pieces WHERE what IS NOT NULL
            GROUP BY what, reason ORDER BY weight DESC, what, reason LIMIT 30
        ) AS r
    ) AS reasons
    -- end
;

-- name: clips
-- Single spans by a measure, the worst first; only those that have it.
WITH
-- include: audio_chosen
-- include: audio_clips
valued AS (
    SELECT
        trace_id, span_id, start_ns, v[$metric] AS value, CASE WHEN $worst_is_high THEN -v[$metric] ELSE v[$metric] END AS place, weight, uncounted
    FROM audio_marked
    WHERE (clip >= $least_clip OR NOT list_contains($of_clips::INTEGER[], $metric))
        AND ($at_least IS NULL OR v[$metric] >= $at_least) AND ($at_most IS NULL OR v[$metric] <= $at_most)
),
page AS (
    FROM valued
    WHERE $after_place IS NULL OR (place, start_ns, span_id) > ($after_place::DOUBLE, $after_ns::BIGINT, $after_span::UBIGINT)
    ORDER BY place, start_ns, span_id LIMIT $most
)
SELECT
    hex_trace(trace_id) AS trace_id, span_id, start_ns, service, name, status_code, stage, format, source, audio_id, features_skipped,
    quality_skipped, v, value, place, weight, uncounted, (SELECT count(*) FROM valued) AS matched
FROM page JOIN audio_spans USING (trace_id, span_id, start_ns)
ORDER BY place, start_ns, span_id;

-- name: differences
-- Which values of which attributes are commoner among the spans whose measure lies within bounds than among the others that have it.
WITH
-- include: audio_chosen
-- include: audio_clips
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
    FROM audio_marked LEFT JOIN (
        SELECT trace_id, list(model ORDER BY at_ns) AS models FROM ledger
        WHERE at_ns >= $from_ns AND (audio_seconds IS NOT NULL OR operation IN ('speech_to_text', 'text_to_speech')) GROUP BY trace_id
    ) USING (trace_id)
    WHERE clip >= $least_clip OR NOT list_contains($of_clips::INTEGER[], $metric)
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
-- Calls of the ledger that are about sound, all as one and by category, whatever was kept of their traces.
WITH
-- if: of_spans
-- include: audio_chosen
-- end
chosen AS MATERIALIZED (
    SELECT *, coalesce(CASE $dimension
        WHEN 'model' THEN model WHEN 'provider' THEN provider WHEN 'operation' THEN operation WHEN 'service' THEN service
        WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier END, '') AS category
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND (audio_seconds IS NOT NULL OR coalesce(audio_input_tokens, 0) > 0 OR coalesce(audio_output_tokens, 0) > 0
            OR operation IN ('speech_to_text', 'text_to_speech'))
        AND fits(service, $service, $not_service) -- if: service not_service
        AND fits(model, $model, $not_model) -- if: model not_model
        AND fits(provider, $provider, $not_provider) -- if: provider not_provider
        AND fits(operation, $operation, $not_operation) -- if: operation not_operation
        AND fits(feature, $feature, $not_feature) -- if: feature not_feature
        AND fits(tenant, $tenant, $not_tenant) -- if: tenant not_tenant
        AND fits(user_tier, $user_tier, $not_user_tier) -- if: user_tier not_user_tier
        AND fits(user_id, $user_id, $not_user_id) -- if: user_id not_user_id
        AND fits(session_id, $session_id, $not_session_id) -- if: session_id not_session_id
        AND list_contains($trace_id::UUID[], trace_id) -- if: trace_id
        AND NOT list_contains($not_trace_id::UUID[], trace_id) -- if: not_trace_id
        AND trace_id IN (SELECT trace_id FROM audio_chosen) -- if: of_spans
)
SELECT
    grouping(category) = 1 AS whole, category, count(*) AS calls, count(error_type) AS errors, count(*) FILTER (state = 'unpriced') AS unpriced_calls, sum(cost_usd) AS cost_usd,
    count(audio_seconds) AS timed_calls, sum(audio_seconds) AS audio_seconds,
    sum(audio_seconds) FILTER (cost_usd IS NOT NULL) AS priced_seconds, sum(cost_usd) FILTER (audio_seconds IS NOT NULL) AS cost_of_seconds,
    sum(characters) AS characters, quantile_disc(duration_ns, [0.5, 0.95]) AS durations,
    quantile_disc(duration_ns / 1e9 / audio_seconds::DOUBLE, [0.5, 0.95]) FILTER (audio_seconds > 0 AND duration_ns > 0) AS factors,
    count(*) OVER () - 1 AS categories
FROM chosen GROUP BY GROUPING SETS ((), (category)) ORDER BY whole DESC, cost_usd DESC NULLS LAST, calls DESC, category LIMIT $most + 1;

-- name: kept_from
-- Since when spans of audio, hours and days of them are kept.
SELECT subject, from_ns FROM kept_from WHERE subject IN ('audio_spans', 'audio_1h', 'audio_1d');

-- name: there
-- Whether anything about sound is there of a window, whose days are taken whole where rollups stand for spans.
SELECT EXISTS (FROM audio_spans WHERE start_ns >= $from_ns AND start_ns < $to_ns)
    OR EXISTS (FROM audio_1h WHERE bucket >= $first_day * 24 AND bucket < $end_day * 24)
    OR EXISTS (FROM audio_1d WHERE bucket >= $first_day AND bucket < $end_day);

-- name: stale
-- Which hours and days wait to be recomputed.
SELECT DISTINCT level, bucket FROM dirty_buckets WHERE family = 'audio';
