-- SQL that is kept under a name, to be run by whoever may read.
CREATE TABLE saved_queries (
    name        VARCHAR PRIMARY KEY,
    sql         VARCHAR NOT NULL,
    params      VARCHAR NOT NULL,           -- JSON object: parameter -> its value when none is given
    description VARCHAR,
    created_ns  BIGINT NOT NULL,
    updated_ns  BIGINT NOT NULL,
    updated_by  VARCHAR NOT NULL
);
