-- What counting sampled spans needs: local roots, weighted durations, a sketch of the variance; and the budget an administrator set.

-- entry: the span with which a request enters its service. duration_weight: sums of adjusted counts, parallel to duration_index.
-- spread_slot, spread_sum: each sampled trace adds ± sqrt(w (w - 1)) to one of 64 slots; the sum of their squares is the variance of adjusted_spans.
ALTER TABLE span_1m ADD COLUMN entry BOOLEAN;
ALTER TABLE span_1m ADD COLUMN duration_weight DOUBLE[];
ALTER TABLE span_1m ADD COLUMN spread_slot UTINYINT[];
ALTER TABLE span_1m ADD COLUMN spread_sum FLOAT[];
ALTER TABLE span_1h ADD COLUMN entry BOOLEAN;
ALTER TABLE span_1h ADD COLUMN duration_weight DOUBLE[];
ALTER TABLE span_1h ADD COLUMN spread_slot UTINYINT[];
ALTER TABLE span_1h ADD COLUMN spread_sum FLOAT[];
ALTER TABLE span_1d ADD COLUMN entry BOOLEAN;
ALTER TABLE span_1d ADD COLUMN duration_weight DOUBLE[];
ALTER TABLE span_1d ADD COLUMN spread_slot UTINYINT[];
ALTER TABLE span_1d ADD COLUMN spread_sum FLOAT[];

-- What is still there of the spans themselves is rolled up anew, with these columns.
INSERT INTO dirty_buckets SELECT DISTINCT 'span', '1m', end_ns // 60000000000, false FROM spans;

-- At most one row: the budget that was set by an administrator; it comes before the setting. Null: none.
CREATE TABLE sampling_budget (spans_per_second DOUBLE, set_ns BIGINT NOT NULL);
