-- Objectives as they were defined, and what they were before.

-- definition: JSON as slos/definition.py reads it; document: the OpenSLO document that it came from, as it was given.
CREATE TABLE slos (
    slo_id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, generation INTEGER NOT NULL, definition VARCHAR NOT NULL, document VARCHAR,
    created_ns BIGINT NOT NULL, updated_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL, deleted_ns BIGINT
);

CREATE TABLE slo_generations (
    slo_id VARCHAR NOT NULL, generation INTEGER NOT NULL, name VARCHAR NOT NULL, definition VARCHAR NOT NULL,
    from_ns BIGINT NOT NULL, to_ns BIGINT NOT NULL, changed_by VARCHAR NOT NULL
);

-- Where each objective stood when it was last looked at; written anew again and again.
CREATE TABLE slo_standing (
    slo_id VARCHAR NOT NULL, at_ns BIGINT NOT NULL, state VARCHAR NOT NULL, reason VARCHAR NOT NULL, good DOUBLE NOT NULL,
    total DOUBLE NOT NULL, remaining_ratio DOUBLE, burn_rate DOUBLE, coverage DOUBLE, from_ns BIGINT NOT NULL, to_ns BIGINT NOT NULL
);
