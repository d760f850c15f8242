-- Who spent what: the ledger by day and user, sorted by user, and each user's sums of a year.

-- Users have numbers, 1, 2, …, which are smaller and quicker to compare than their ids. 0 stands for no user.
CREATE TABLE user_numbers (user_number INTEGER NOT NULL, user_id VARCHAR NOT NULL);

-- quarter: the quarter of an hour of the day, 0 to 95: days of every zone begin at one.
CREATE TABLE user_1d (
    bucket INTEGER NOT NULL, user_number INTEGER NOT NULL, quarter UTINYINT NOT NULL,
    service VARCHAR, kind VARCHAR, operation VARCHAR, provider VARCHAR, model VARCHAR, feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    calls BIGINT NOT NULL, priced_calls BIGINT NOT NULL, unpriced_calls BIGINT NOT NULL, estimated_calls BIGINT NOT NULL, free_calls BIGINT NOT NULL,
    cost_usd DECIMAL(38,12), input_tokens HUGEINT, output_tokens HUGEINT, cached_input_tokens HUGEINT
);

-- The sums of all of a year's rows of user_1d, always of the same transaction. told: of how many of them a sum is not null.
CREATE TABLE user_1y (
    bucket INTEGER NOT NULL,                -- the year, UTC
    user_number INTEGER NOT NULL,
    calls BIGINT NOT NULL, priced_calls BIGINT NOT NULL, unpriced_calls BIGINT NOT NULL, estimated_calls BIGINT NOT NULL, free_calls BIGINT NOT NULL,
    cost_usd DECIMAL(38,12), input_tokens HUGEINT, output_tokens HUGEINT, cached_input_tokens HUGEINT,
    input_told BIGINT NOT NULL, output_told BIGINT NOT NULL, cached_input_told BIGINT NOT NULL
);
INSERT INTO dirty_buckets SELECT DISTINCT 'user', '1d', at_ns // 86400000000000, false FROM ledger;
