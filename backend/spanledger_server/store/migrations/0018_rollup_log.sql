-- Which buckets of the rollups were written anew, in order: what somebody has counted of a bucket since its last row here still holds.

CREATE SEQUENCE rollup_change;
CREATE TABLE rollup_log (change BIGINT NOT NULL DEFAULT nextval('rollup_change'), family VARCHAR NOT NULL, level VARCHAR NOT NULL, bucket BIGINT NOT NULL);
