-- name: ledger_slices
-- The ledger of a window by quarters of an hour, model and project, of some providers or of all.
SELECT
    at_ns // 900000000000 * 900 AS from_s, coalesce(model, operation) AS model,
    CASE $project
        WHEN 'service' THEN service WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant
        WHEN 'user_tier' THEN user_tier WHEN 'user_id' THEN user_id WHEN 'session_id' THEN session_id
    END AS project,
    count(*) AS calls, count(*) FILTER (state = 'unpriced') AS unpriced, sum(cost_usd) AS cost,
    sum(input_tokens)::HUGEINT AS input_tokens, sum(output_tokens)::HUGEINT AS output_tokens
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND (len($providers::VARCHAR[]) = 0 OR list_contains($providers::VARCHAR[], provider))
GROUP BY ALL;

-- name: add_reconciliation
-- Keep what was found.
INSERT INTO reconciliations BY NAME SELECT
    $reconciliation_id AS reconciliation_id, $at_ns AS at_ns, $made_by AS made_by, $file AS file, $format AS format,
    $summary AS summary, $cells AS cells;

-- name: reconciliations
-- What was found, the newest first; from behind one on, when there is one.
SELECT reconciliation_id, at_ns, made_by, file, format, summary FROM reconciliations
WHERE $before_ns IS NULL OR (at_ns, reconciliation_id) < ($before_ns, $before_id)
ORDER BY at_ns DESC, reconciliation_id DESC LIMIT $most;

-- name: reconciliation
-- One of them, with its cells.
SELECT reconciliation_id, at_ns, made_by, file, format, summary, cells FROM reconciliations WHERE reconciliation_id = $reconciliation_id;
