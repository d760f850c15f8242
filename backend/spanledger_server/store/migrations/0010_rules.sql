-- Rules. Each change is a row, the one with the highest version holds; nothing is ever deleted.
CREATE TABLE alert_rules (
    rule_id UUID NOT NULL, version INTEGER NOT NULL,
    name VARCHAR NOT NULL, enabled BOOLEAN NOT NULL,
    definition VARCHAR NOT NULL,            -- JSON: all that a client says of it, as rules/rule.py tells it
    pack VARCHAR,                           -- which default it was made of; null: none
    created_ns BIGINT NOT NULL, changed_ns BIGINT NOT NULL, changed_by VARCHAR NOT NULL, deleted_ns BIGINT,
    PRIMARY KEY (rule_id, version)
);
