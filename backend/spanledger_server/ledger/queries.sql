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

-- name: lines_of_trace
-- A trace's lines, oldest first.
SELECT * FROM ledger
WHERE trace_id = $trace_id::UUID AND at_ns >= $from_ns AND at_ns <= $to_ns ORDER BY at_ns, span_id;
