-- Budgets. Each change is a row, the one with the highest version holds; nothing is ever deleted.
CREATE TABLE budgets (
    budget_id VARCHAR NOT NULL, version INTEGER NOT NULL,
    name VARCHAR NOT NULL, description VARCHAR,
    period VARCHAR NOT NULL,                -- daily | weekly | monthly
    time_window VARCHAR NOT NULL,           -- calendar | rolling
    timezone VARCHAR,                       -- IANA; null: the server's
    limit_usd DECIMAL(24,12) NOT NULL,
    provider VARCHAR, model VARCHAR, service VARCHAR, feature VARCHAR, user_tier VARCHAR, user_id VARCHAR,
    session_id VARCHAR, tenant VARCHAR,     -- null: all
    alert_at_50_percent BOOLEAN NOT NULL, alert_at_80_percent BOOLEAN NOT NULL, alert_at_95_percent BOOLEAN NOT NULL,
    alert_at_exceeded BOOLEAN NOT NULL,
    forecast_percent DECIMAL(9,4),          -- null: no threshold for the projection
    rollover_usd DECIMAL(24,12),            -- null: nothing is carried over
    enabled BOOLEAN NOT NULL,
    created_ns BIGINT NOT NULL, changed_ns BIGINT NOT NULL, changed_by VARCHAR NOT NULL, archived_ns BIGINT,
    PRIMARY KEY (budget_id, version)
);

-- What every store begins with: 500 USD a calendar month for everything, with a word at 80 and 95 % and when it is exceeded.
INSERT INTO budgets BY NAME
SELECT 'default' AS budget_id, 1 AS version, 'default' AS name, 'Everything, each month' AS description,
    'monthly' AS period, 'calendar' AS time_window, 500 AS limit_usd, false AS alert_at_50_percent,
    true AS alert_at_80_percent, true AS alert_at_95_percent, true AS alert_at_exceeded, true AS enabled,
    epoch_ns(now()) AS created_ns, epoch_ns(now()) AS changed_ns, 'spanledger' AS changed_by;

-- Money that was promised: it counts until counts_until_ns, or until the ledger has the line of the call.
CREATE TABLE budget_reservations (
    reservation_id VARCHAR PRIMARY KEY, budget_id VARCHAR NOT NULL,
    holder VARCHAR,                         -- of a lease: the process; null for one call
    amount DECIMAL(24,12) NOT NULL,         -- what counts now: what was reserved, then what was settled
    made_ns BIGINT NOT NULL, settled_ns BIGINT, counts_until_ns BIGINT NOT NULL,
    trace_id UUID, span_id UBIGINT          -- the ledger's key of the call, where it was told
);
