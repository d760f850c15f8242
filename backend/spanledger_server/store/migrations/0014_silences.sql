-- What keeps alerts from being told: silences, maintenance, and alerts that say the same at greater length.

-- matchers: JSON, a list of {name, how, value}; how is =, !=, =~ or !~.
CREATE TABLE silences (
    silence_id UUID NOT NULL, matchers VARCHAR NOT NULL, starts_ns BIGINT NOT NULL, ends_ns BIGINT NOT NULL, comment VARCHAR NOT NULL,
    created_by VARCHAR NOT NULL, created_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL, updated_ns BIGINT NOT NULL
);

-- Once (starts_ns, ends_ns), or again and again: at a time of day of the zone, on these days, for so many minutes.
CREATE TABLE maintenance_windows (
    window_id UUID NOT NULL, name VARCHAR NOT NULL, matchers VARCHAR NOT NULL, comment VARCHAR NOT NULL, timezone VARCHAR NOT NULL,
    starts_ns BIGINT NOT NULL, ends_ns BIGINT,  -- of the one time; of the recurrence, which may have no end
    at_time VARCHAR,                            -- HH:MM; null for once
    minutes INTEGER, weekdays VARCHAR NOT NULL, -- JSON, 0 is Monday; empty: any
    month_days VARCHAR NOT NULL,                -- JSON, -1 is the last one; empty: any
    created_by VARCHAR NOT NULL, created_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL, updated_ns BIGINT NOT NULL
);

-- While an alert that matches source fires, those that match target and have the same values of these labels are not told.
CREATE TABLE inhibitions (
    inhibition_id UUID NOT NULL, name VARCHAR NOT NULL, source VARCHAR NOT NULL, target VARCHAR NOT NULL,
    equal VARCHAR NOT NULL,                     -- JSON, names of labels
    created_by VARCHAR NOT NULL, created_ns BIGINT NOT NULL, updated_by VARCHAR NOT NULL, updated_ns BIGINT NOT NULL
);
