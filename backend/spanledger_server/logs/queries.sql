-- name: log_page
-- Log records of a window, newest first, from behind a position on.
SELECT at_ns, service, severity, severity_text, event_name, body, trace_id, span_id, user_id, session_id, attributes,
    record_id
FROM logs
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    AND ($before_ns IS NULL OR at_ns < $before_ns OR (at_ns = $before_ns AND record_id < $before_record::UBIGINT))
    -- include: log_conditions
ORDER BY at_ns DESC, record_id DESC
LIMIT $most;

-- name: log_bars
-- How many log records of a window there are in each stretch of time, and how severe.
SELECT
    at_ns // $step_ns AS bar, count(*) AS records, count(*) FILTER (severity >= 17) AS errors,
    count(*) FILTER (severity >= 13 AND severity < 17) AS warnings
FROM logs
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    -- include: log_conditions
GROUP BY bar ORDER BY bar;

-- name: log_kept_from
-- Since when all log records are kept; null where none was deleted.
SELECT from_ns FROM kept_from WHERE subject = 'logs';
