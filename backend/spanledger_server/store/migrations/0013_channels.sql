-- Ways to tell somebody. secrets: JSON as it was given; shown by no view and no answer.
CREATE TABLE channels (
    channel_id VARCHAR NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    config VARCHAR NOT NULL, secrets VARCHAR NOT NULL,      -- JSON
    enabled BOOLEAN NOT NULL, version INTEGER NOT NULL,
    created_ns BIGINT NOT NULL, updated_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL
);

-- What became of the latest messages of each.
CREATE TABLE channel_outcomes (
    channel_id VARCHAR NOT NULL,
    delivered_ns BIGINT, delivered_detail VARCHAR,
    failed_ns BIGINT, failed_reason VARCHAR,
    failed_in_a_row INTEGER NOT NULL
);
