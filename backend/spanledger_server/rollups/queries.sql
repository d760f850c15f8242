-- name: mark_dirty
-- Ask for buckets to be recomputed.
INSERT INTO dirty_buckets SELECT $family, $level, unnest($buckets::BIGINT[]);

-- name: dirty
-- The marked buckets of a family and level.
SELECT DISTINCT bucket FROM dirty_buckets WHERE family = $family AND level = $level AND bucket < $before ORDER BY bucket;

-- name: consume_dirty
-- Take marks away.
DELETE FROM dirty_buckets WHERE family = $family AND level = $level AND list_contains($buckets::BIGINT[], bucket);
