-- Rows are numbered by the commit that wrote them, and a note of a recomputed minute says up to which commit it holds, and when the last of
-- its rows was: of a minute that only got more rows since, those alone need to be read beside its rollup. What has no number was there
-- before; a mark that is not `added` says that something else than more rows may have happened.

ALTER TABLE spans ADD COLUMN commit_no BIGINT;
ALTER TABLE ledger ADD COLUMN commit_no BIGINT;
ALTER TABLE rollup_log ADD COLUMN commit_no BIGINT;
ALTER TABLE rollup_log ADD COLUMN last_ns BIGINT;
ALTER TABLE dirty_buckets ADD COLUMN added BOOLEAN;
