-- name: log_page
-- Log records of a window, newest first, from behind a position on.
SELECT at_ns, service, severity, severity_text, event_name, body, trace_id, span_id, user_id, session_id, attributes,
    record_id
FROM logs
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    AND ($before_ns IS NULL OR at_ns < $before_ns OR (at_ns = $before_ns AND record_id < $before_record::UBIGINT))
    AND ($severity IS NULL OR severity >= $severity)
    AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
    AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
    AND ($name IS NULL OR list_contains($name::VARCHAR[], coalesce(event_name, '')))
    AND ($not_name IS NULL OR NOT list_contains($not_name::VARCHAR[], coalesce(event_name, '')))
    AND ($user_id IS NULL OR list_contains($user_id::VARCHAR[], coalesce(user_id, '')))
    AND ($not_user_id IS NULL OR NOT list_contains($not_user_id::VARCHAR[], coalesce(user_id, '')))
    AND ($session_id IS NULL OR list_contains($session_id::VARCHAR[], coalesce(session_id, '')))
    AND ($not_session_id IS NULL OR NOT list_contains($not_session_id::VARCHAR[], coalesce(session_id, '')))
    AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
    AND ($not_trace_id IS NULL OR trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
    AND ($words IS NULL OR len(list_filter(
        $words::VARCHAR[],
        lambda word: contains(
            lower(concat_ws(' ', body, event_name, service, user_id, session_id, severity_text, attributes)), word
        )
    )) = len($words::VARCHAR[]))
ORDER BY at_ns DESC, record_id DESC
LIMIT $most;
