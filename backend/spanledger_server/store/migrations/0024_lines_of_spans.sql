-- Where a run of trace_index is sorted, lines of traces that have spans stay in it: of the others it does not know those up to after_ns,
-- where `without_spans` is set; where it is not, of none.

ALTER TABLE lines_indexed ADD COLUMN without_spans BOOLEAN;
