-- name: ledger_page
-- Lines of a window, newest first, from behind a position on.
SELECT *
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    AND ($before_ns IS NULL OR at_ns < $before_ns
        OR (at_ns = $before_ns AND (trace_id, span_id) < ($before_trace::UUID, $before_span::UBIGINT)))
    -- include: ledger_conditions
ORDER BY at_ns DESC, trace_id DESC, span_id DESC
LIMIT $most;
