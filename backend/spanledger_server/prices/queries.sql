-- name: overrides
-- Every price that was set and still counts, or every one there ever was; in the order in which they were set.
SELECT override_id, revision, file, from_ns, until_ns, stated, set_ns, set_by, ended_ns, ended_by
FROM price_overrides WHERE $ended OR ended_ns IS NULL ORDER BY revision;

-- name: last_revision
-- How many prices were ever set.
SELECT coalesce(max(revision), 0) FROM price_overrides;

-- name: add_override
-- Set a price.
INSERT INTO price_overrides (revision, override_id, file, from_ns, until_ns, stated, set_ns, set_by, ended_ns, ended_by)
VALUES ($revision, $override_id, $file, $from_ns, $until_ns, $stated, $set_ns, $set_by, NULL, NULL);

-- name: end_override
-- A price no longer counts.
UPDATE price_overrides SET ended_ns = $ended_ns, ended_by = $ended_by WHERE override_id = $override_id AND ended_ns IS NULL;

-- name: missing
-- What waits for a price: calls and what they used, by provider, model and reason; the most calls first.
SELECT
    provider, model, state_reason AS reason, count(*) AS calls, sum(input_tokens)::HUGEINT AS input_tokens,
    sum(output_tokens)::HUGEINT AS output_tokens, sum(audio_seconds) AS audio_seconds, sum(characters)::HUGEINT AS characters,
    min(at_ns) AS first_ns, max(at_ns) AS last_ns, count(*) OVER () AS groups
FROM ledger WHERE state = 'unpriced' AND kind = 'usage' AND at_ns >= $from_ns AND at_ns < $to_ns
GROUP BY ALL ORDER BY calls DESC, provider, model, reason LIMIT $most;

-- name: used
-- Models that were called: calls, what they cost, and how many of the calls wait for a price; the dearest first.
SELECT
    provider, model, count(*) AS calls, sum(cost_usd)::DECIMAL(38, 12) AS cost_usd, count(*) FILTER (state = 'unpriced') AS unpriced_calls,
    max(at_ns) AS last_ns, count(*) OVER () AS groups
FROM ledger WHERE kind = 'usage' AND at_ns >= $from_ns AND at_ns < $to_ns
GROUP BY provider, model ORDER BY sum(cost_usd) DESC NULLS LAST, calls DESC, provider, model LIMIT $most;

-- name: add_run
-- A run begins.
INSERT INTO reprice_runs BY NAME SELECT
    $run_id AS run_id, 'running' AS state, NULL AS reason, $from_ns AS from_ns, $to_ns AS to_ns, $filters AS filters,
    $applies AS applies, $prices AS prices, $started_ns AS started_ns, $started_by AS started_by, NULL AS ended_ns,
    $from_ns AS position_ns, $lines AS lines, 0 AS done, '[]' AS totals;

-- name: runs
-- Runs, the newest first; from behind one on, when there is one.
SELECT * FROM reprice_runs
WHERE ($run_id IS NULL OR run_id = $run_id) AND (NOT $running OR state = 'running')
    AND ($before_ns IS NULL OR (started_ns, run_id) < ($before_ns, $before_run))
ORDER BY started_ns DESC, run_id DESC LIMIT $most;

-- name: advance_run
-- How far a run has come.
UPDATE reprice_runs SET position_ns = $position_ns, done = $done, lines = greatest(lines, $done), totals = $totals WHERE run_id = $run_id;

-- name: end_run
-- How a run ended.
UPDATE reprice_runs SET state = $state, reason = $reason, ended_ns = $ended_ns WHERE run_id = $run_id;

-- name: count_lines
-- How many lines a run looks at.
SELECT count(*)
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    AND kind = 'usage' AND price_source IS DISTINCT FROM 'provider' AND NOT coalesce(starts_with(state_reason, 'usage_malformed'), false)
    -- include: ledger_conditions
;

-- name: lines_to_price
-- The next lines of a run: what their price follows from.
SELECT
    trace_id, span_id, at_ns, source, provider, model, request_model, usage_state, service_tier, batch,
    input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    reasoning_tokens, audio_input_tokens, audio_output_tokens, audio_cached_input_tokens, audio_seconds, characters, requests,
    web_searches
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    AND kind = 'usage' AND price_source IS DISTINCT FROM 'provider' AND NOT coalesce(starts_with(state_reason, 'usage_malformed'), false)
    -- include: ledger_conditions
ORDER BY at_ns LIMIT $most;

-- name: compare
-- What some lines say of their price, beside what they should say. A line that is gone meanwhile is left out.
CREATE OR REPLACE TEMP TABLE compared AS
SELECT
    l.trace_id, l.span_id, l.at_ns, l.source, l.service, l.provider, l.model, l.state AS was_state, l.state_reason AS was_reason,
    l.cost_usd AS was_cost_usd, l.price_source AS was_price_source, l.price_version AS was_price_version, l.rate AS was_rate,
    r.state, r.state_reason, r.cost_usd, r.price_source, r.price_version, r.rate,
    (l.state, l.state_reason, l.cost_usd, l.price_source, l.rate)
        IS DISTINCT FROM (r.state, r.state_reason, r.cost_usd, r.price_source, r.rate) AS differs
FROM ledger AS l JOIN repriced AS r
    ON l.at_ns = r.at_ns AND l.trace_id = r.trace_id::UUID AND l.span_id = r.span_id AND l.source = r.source
WHERE l.at_ns BETWEEN $first_ns AND $last_ns;

-- name: compared_totals
-- What changes among the lines compared, by provider and model.
SELECT
    provider, model, count(*) AS lines, count(*) FILTER (differs) AS changed,
    count(*) FILTER (was_state = 'unpriced' AND state <> 'unpriced') AS newly_priced,
    count(*) FILTER (was_state <> 'unpriced' AND state = 'unpriced') AS newly_unpriced,
    count(*) FILTER (state = 'unpriced') AS unpriced, sum(was_cost_usd) AS was_cost_usd, sum(cost_usd) AS cost_usd
FROM compared GROUP BY ALL;

-- name: add_corrections
-- Write down what changes.
INSERT INTO ledger_corrections BY NAME
SELECT $run_id AS run_id, $corrected_ns AS corrected_ns, * EXCLUDE (differs) FROM compared WHERE differs;

-- name: correct_lines
-- Let the lines say what their calls cost now.
UPDATE ledger AS l SET
    state = c.state, state_reason = c.state_reason, cost_usd = c.cost_usd, price_source = c.price_source,
    price_version = c.price_version, rate = c.rate
FROM compared AS c
WHERE c.differs AND l.at_ns BETWEEN $first_ns AND $last_ns
    AND l.at_ns = c.at_ns AND l.trace_id = c.trace_id AND l.span_id = c.span_id AND l.source = c.source;

-- name: corrected_minutes
-- In which minutes something changes.
SELECT DISTINCT at_ns // 60000000000 FROM compared WHERE differs;

-- name: rolled_until
-- Before which times rollups are no longer kept.
SELECT subject, from_ns FROM kept_from WHERE subject IN ('cost_1m', 'cost_1h');

-- name: corrections
-- Corrections of a run or of a call, the newest first; from behind one on, when there is one.
SELECT *, rowid AS place FROM ledger_corrections
WHERE ($run_id IS NULL OR run_id = $run_id)
    AND ($trace_id IS NULL OR trace_id = $trace_id::UUID) AND ($span_id IS NULL OR span_id = $span_id::UBIGINT)
    AND ($before_ns IS NULL OR (corrected_ns, rowid) < ($before_ns, $before_place))
ORDER BY corrected_ns DESC, rowid DESC LIMIT $most;
