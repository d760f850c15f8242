-- name: arrivals
-- The traces that began lately by service and operation, weighed: over the whole window and over its last part.
SELECT
    coalesce(service, 'unknown_service') AS service, name AS operation, min(end_ns) AS first_ns, max(end_ns) AS last_ns,
    count(adjusted_count) AS kept, sum(adjusted_count) AS traces, sum(adjusted_count ** 2) AS squares,
    coalesce(sum(adjusted_count) FILTER (end_ns >= $lately_ns), 0) AS lately,
    count(*) FILTER (end_ns >= $lately_ns) AS lately_kept
FROM spans
WHERE parent_span_id IS NULL AND adjusted_count IS NOT NULL AND end_ns >= $from_ns AND end_ns < $to_ns
GROUP BY ALL;

-- name: spans_of_roots
-- How many spans the traces have that ended lately, by the service and operation with which they began.
WITH roots AS (
    SELECT trace_id, coalesce(service, 'unknown_service') AS service, name AS operation
    FROM spans WHERE parent_span_id IS NULL AND adjusted_count IS NOT NULL AND end_ns >= $from_ns AND end_ns < $to_ns
)
SELECT roots.service AS service, roots.operation AS operation, count(*) AS spans, count(DISTINCT trace_id) AS traces
FROM spans JOIN roots USING (trace_id)
WHERE end_ns >= $from_ns - $apart_ns AND end_ns < $to_ns GROUP BY ALL;

-- name: kept_spans
-- How many spans of a stretch are stored, and how many of them say how they were sampled.
SELECT count(*) AS spans, count(adjusted_count) AS counted FROM spans WHERE end_ns >= $from_ns AND end_ns < $to_ns;

-- name: budget
-- The budget that an administrator set; no row when none did.
SELECT spans_per_second, set_ns FROM sampling_budget;

-- name: forget_budget
-- Make room for another budget.
DELETE FROM sampling_budget;

-- name: put_budget
-- The budget from now on.
INSERT INTO sampling_budget VALUES ($spans_per_second, $set_ns);
