-- name: budgets
-- The version that holds of each budget, by name.
SELECT * FROM budgets QUALIFY version = max(version) OVER (PARTITION BY budget_id)
ORDER BY archived_ns IS NOT NULL, name, budget_id;

-- name: budget
-- The version of a budget that holds; sorting takes longer than finding the highest first.
SELECT * FROM budgets
WHERE budget_id = $budget_id AND version = (SELECT max(version) FROM budgets WHERE budget_id = $budget_id);

-- name: budget_versions
-- All versions of a budget, newest first.
SELECT * FROM budgets WHERE budget_id = $budget_id ORDER BY version DESC;

-- name: limit_at
-- The limit that held at a time; null before the budget was made.
SELECT limit_usd FROM budgets WHERE budget_id = $budget_id AND changed_ns < $at_ns ORDER BY version DESC LIMIT 1;

-- name: add_version
-- A version of a budget.
INSERT INTO budgets BY NAME SELECT
    $budget_id AS budget_id, $version AS version, $name AS name, $description AS description, $period AS period,
    $time_window AS time_window, $timezone AS timezone, $limit_usd::DECIMAL(24, 12) AS limit_usd, $provider AS provider,
    $model AS model, $service AS service, $feature AS feature, $user_tier AS user_tier, $user_id AS user_id,
    $session_id AS session_id, $tenant AS tenant, $alert_at_50_percent AS alert_at_50_percent,
    $alert_at_80_percent AS alert_at_80_percent, $alert_at_95_percent AS alert_at_95_percent,
    $alert_at_exceeded AS alert_at_exceeded, $forecast_percent::DECIMAL(9, 4) AS forecast_percent,
    $rollover_usd::DECIMAL(24, 12) AS rollover_usd, $enabled AS enabled, $created_ns AS created_ns,
    $changed_ns AS changed_ns, $changed_by AS changed_by, $archived_ns AS archived_ns;

-- name: promises
-- What is promised of a budget by open reservations and leases of others; how many reservations were settled, and since
-- when lines of the ledger may be their calls.
SELECT
    coalesce(sum(amount) FILTER (settled_ns IS NULL OR holder IS NOT NULL), 0)::DECIMAL(38, 12) AS open,
    count(*) FILTER (settled_ns IS NOT NULL AND holder IS NULL) AS settled,
    min(made_ns) FILTER (settled_ns IS NOT NULL AND holder IS NULL) - 1000000000 AS since_ns
FROM budget_reservations
WHERE budget_id = $budget_id AND counts_until_ns > $now_ns AND NOT coalesce(holder = $holder AND settled_ns IS NULL, false);

-- name: held
-- What was settled and is not in the ledger yet: until it has the line of the call, or where the call was not told as
-- many lines of that amount.
WITH mine AS MATERIALIZED (
    SELECT * FROM budget_reservations
    WHERE budget_id = $budget_id AND counts_until_ns > $now_ns AND settled_ns IS NOT NULL AND holder IS NULL
),
lines AS MATERIALIZED (
    SELECT trace_id, span_id, at_ns, cost_usd FROM ledger
    WHERE at_ns >= $since_ns
        AND ($provider IS NULL OR provider = $provider) AND ($model IS NULL OR model = $model)
        AND ($service IS NULL OR service = $service) AND ($feature IS NULL OR feature = $feature)
        AND ($user_tier IS NULL OR user_tier = $user_tier) AND ($user_id IS NULL OR user_id = $user_id)
        AND ($session_id IS NULL OR session_id = $session_id) AND ($tenant IS NULL OR tenant = $tenant)
),
untold AS (
    SELECT amount, count(*) AS settled, min(made_ns) AS made_ns FROM mine WHERE trace_id IS NULL GROUP BY amount
),
waiting AS (
    SELECT amount FROM (SELECT * FROM mine WHERE trace_id IS NOT NULL) ANTI JOIN lines USING (trace_id, span_id)
    UNION ALL
    SELECT amount * greatest(0, settled - (
        SELECT count(*) FROM lines WHERE cost_usd = untold.amount AND at_ns >= untold.made_ns - 1000000000
    )) FROM untold
)
SELECT coalesce(sum(amount), 0)::DECIMAL(38, 12) FROM waiting;

-- name: add_reservation
-- Money that is promised from now on.
INSERT INTO budget_reservations BY NAME SELECT
    $reservation_id AS reservation_id, $budget_id AS budget_id, $holder AS holder, $amount::DECIMAL(24, 12) AS amount,
    $made_ns AS made_ns, $settled_ns AS settled_ns, $counts_until_ns AS counts_until_ns;

-- name: reservation
-- One reservation of a budget.
SELECT * FROM budget_reservations WHERE reservation_id = $reservation_id AND budget_id = $budget_id;

-- name: settle_reservation
-- What it came to, and the key of its call.
UPDATE budget_reservations SET amount = $amount::DECIMAL(24, 12), settled_ns = $settled_ns,
    counts_until_ns = $counts_until_ns, trace_id = $trace_id::UUID, span_id = $span_id::UBIGINT
WHERE reservation_id = $reservation_id;

-- name: end_lease
-- Take back what a process holds of a budget.
DELETE FROM budget_reservations WHERE budget_id = $budget_id AND holder = $holder AND settled_ns IS NULL;

-- name: forgotten
-- How many have long ceased to count.
SELECT count(*) FROM budget_reservations WHERE counts_until_ns < $before_ns;

-- name: forget_reservations
-- Those that have long ceased to count.
DELETE FROM budget_reservations WHERE counts_until_ns < $before_ns;
