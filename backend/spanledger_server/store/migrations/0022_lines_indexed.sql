-- Ledger lines are in trace_index from here on, by their time: in rows of their own where they came as events. Of those up to after_ns
-- it may not know: from before this migration, and of_lines rows that were given up when their run was sorted.

ALTER TABLE trace_index ADD COLUMN of_lines BOOLEAN;
CREATE TABLE lines_indexed AS SELECT max(at_ns) AS after_ns FROM ledger;
