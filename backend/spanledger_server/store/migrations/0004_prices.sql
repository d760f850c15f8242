-- Prices that were set, corrections of what calls cost, and bills that were compared with the ledger.

-- One row each time a price is set; never changed, but for its end. The one that counts for override_id is the one without an end.
CREATE TABLE price_overrides (
    revision BIGINT NOT NULL,               -- 1, 2, …: the order in which they were set; part of the lines' price_version
    override_id VARCHAR NOT NULL,
    file VARCHAR,                           -- the price file it came with; null when it was set alone
    from_ns BIGINT, until_ns BIGINT,        -- when it holds, half open; null: from the beginning, without end
    stated VARCHAR NOT NULL,                -- JSON of the keys of a price file: provider, model, rates, …
    set_ns BIGINT NOT NULL, set_by VARCHAR NOT NULL,
    ended_ns BIGINT, ended_by VARCHAR
);

CREATE TABLE reprice_runs (
    run_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,                 -- running | done | cancelled | failed | interrupted
    reason VARCHAR,                         -- why it failed or was interrupted
    from_ns BIGINT NOT NULL, to_ns BIGINT NOT NULL,
    filters VARCHAR NOT NULL,               -- JSON list, as asked
    applies BOOLEAN NOT NULL,               -- false: a dry run
    prices VARCHAR NOT NULL,                -- version of the price book
    started_ns BIGINT NOT NULL, started_by VARCHAR NOT NULL, ended_ns BIGINT,
    position_ns BIGINT NOT NULL,            -- all lines before are done
    lines BIGINT NOT NULL, done BIGINT NOT NULL,
    totals VARCHAR NOT NULL                 -- JSON: by provider and model, what changed so far
);

-- The correction lines: only ever added to. The ledger's own line says what the call costs now; these say what it said before, and why not.
CREATE TABLE ledger_corrections (
    run_id VARCHAR NOT NULL, corrected_ns BIGINT NOT NULL,
    trace_id UUID NOT NULL, span_id UBIGINT NOT NULL, at_ns BIGINT NOT NULL, source VARCHAR NOT NULL,  -- which line
    service VARCHAR, provider VARCHAR, model VARCHAR,
    was_state VARCHAR NOT NULL, was_reason VARCHAR, was_cost_usd DECIMAL(24,12),
    was_price_source VARCHAR, was_price_version VARCHAR, was_rate VARCHAR,
    state VARCHAR NOT NULL, state_reason VARCHAR, cost_usd DECIMAL(24,12),
    price_source VARCHAR, price_version VARCHAR, rate VARCHAR
);

CREATE TABLE reconciliations (
    reconciliation_id VARCHAR NOT NULL,
    at_ns BIGINT NOT NULL, made_by VARCHAR NOT NULL,
    file VARCHAR, format VARCHAR NOT NULL,
    summary VARCHAR NOT NULL,               -- JSON: totals and what explains the difference
    cells VARCHAR NOT NULL                  -- JSON list: day by model
);
