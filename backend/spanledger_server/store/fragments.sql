-- What several statements ask alike; a line `-- include: NAME` in a queries.sql stands for it.

-- name: ledger_conditions
-- Filters of lines of the ledger, after a WHERE that has a condition already.
AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
AND ($status IS NULL OR list_contains($status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END))
AND ($not_status IS NULL
    OR NOT list_contains($not_status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END))
AND ($kind IS NULL OR list_contains($kind::VARCHAR[], kind))
AND ($not_kind IS NULL OR NOT list_contains($not_kind::VARCHAR[], kind))
AND ($model IS NULL OR list_contains($model::VARCHAR[], coalesce(model, '')))
AND ($not_model IS NULL OR NOT list_contains($not_model::VARCHAR[], coalesce(model, '')))
AND ($provider IS NULL OR list_contains($provider::VARCHAR[], coalesce(provider, '')))
AND ($not_provider IS NULL OR NOT list_contains($not_provider::VARCHAR[], coalesce(provider, '')))
AND ($operation IS NULL OR list_contains($operation::VARCHAR[], coalesce(operation, '')))
AND ($not_operation IS NULL OR NOT list_contains($not_operation::VARCHAR[], coalesce(operation, '')))
AND ($user_id IS NULL OR list_contains($user_id::VARCHAR[], coalesce(user_id, '')))
AND ($not_user_id IS NULL OR NOT list_contains($not_user_id::VARCHAR[], coalesce(user_id, '')))
AND ($session_id IS NULL OR list_contains($session_id::VARCHAR[], coalesce(session_id, '')))
AND ($not_session_id IS NULL OR NOT list_contains($not_session_id::VARCHAR[], coalesce(session_id, '')))
AND ($feature IS NULL OR list_contains($feature::VARCHAR[], coalesce(feature, '')))
AND ($not_feature IS NULL OR NOT list_contains($not_feature::VARCHAR[], coalesce(feature, '')))
AND ($tenant IS NULL OR list_contains($tenant::VARCHAR[], coalesce(tenant, '')))
AND ($not_tenant IS NULL OR NOT list_contains($not_tenant::VARCHAR[], coalesce(tenant, '')))
AND ($user_tier IS NULL OR list_contains($user_tier::VARCHAR[], coalesce(user_tier, '')))
AND ($not_user_tier IS NULL OR NOT list_contains($not_user_tier::VARCHAR[], coalesce(user_tier, '')))
AND ($state IS NULL OR list_contains($state::VARCHAR[], state))
AND ($not_state IS NULL OR NOT list_contains($not_state::VARCHAR[], state))
AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
AND ($least_duration IS NULL OR duration_ns >= $least_duration)
AND ($most_duration IS NULL OR duration_ns <= $most_duration)
AND ($least_cost IS NULL OR cost_usd >= $least_cost)
AND ($most_cost IS NULL OR cost_usd <= $most_cost);

-- name: cost_conditions
-- The same, as far as the rollups of costs can tell.
AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
AND ($kind IS NULL OR list_contains($kind::VARCHAR[], kind))
AND ($not_kind IS NULL OR NOT list_contains($not_kind::VARCHAR[], kind))
AND ($model IS NULL OR list_contains($model::VARCHAR[], coalesce(model, '')))
AND ($not_model IS NULL OR NOT list_contains($not_model::VARCHAR[], coalesce(model, '')))
AND ($provider IS NULL OR list_contains($provider::VARCHAR[], coalesce(provider, '')))
AND ($not_provider IS NULL OR NOT list_contains($not_provider::VARCHAR[], coalesce(provider, '')))
AND ($operation IS NULL OR list_contains($operation::VARCHAR[], coalesce(operation, '')))
AND ($not_operation IS NULL OR NOT list_contains($not_operation::VARCHAR[], coalesce(operation, '')))
AND ($feature IS NULL OR list_contains($feature::VARCHAR[], coalesce(feature, '')))
AND ($not_feature IS NULL OR NOT list_contains($not_feature::VARCHAR[], coalesce(feature, '')))
AND ($tenant IS NULL OR list_contains($tenant::VARCHAR[], coalesce(tenant, '')))
AND ($not_tenant IS NULL OR NOT list_contains($not_tenant::VARCHAR[], coalesce(tenant, '')))
AND ($user_tier IS NULL OR list_contains($user_tier::VARCHAR[], coalesce(user_tier, '')))
AND ($not_user_tier IS NULL OR NOT list_contains($not_user_tier::VARCHAR[], coalesce(user_tier, '')));
