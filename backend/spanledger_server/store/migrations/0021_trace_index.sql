-- Up to which minute, by their last one, the rows of trace_index are sorted: in runs by hash, of which a question reads one block each.

CREATE TABLE trace_index_sorted (to_minute INTEGER NOT NULL);
