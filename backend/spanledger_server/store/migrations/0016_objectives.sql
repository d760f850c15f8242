-- What of an objective's time and events does not count.

-- given: JSON as slos/adjustments.py reads it. What was deleted stays, for whoever asks later why a figure was another one.
CREATE TABLE slo_adjustments (
    adjustment_id VARCHAR NOT NULL, slo_id VARCHAR NOT NULL, given VARCHAR NOT NULL,
    created_ns BIGINT NOT NULL, updated_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL, deleted_ns BIGINT
);
