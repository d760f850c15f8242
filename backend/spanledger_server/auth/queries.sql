-- name: all_tokens
-- Every token ever made, oldest first.
SELECT token_id, name, role, hash, created_ns, expires_ns, revoked_ns, last_used_ns, services, tenants, replaces
FROM tokens ORDER BY created_ns, token_id;

-- name: add_token
-- A new token.
INSERT INTO tokens (token_id, name, role, hash, created_ns, expires_ns, services, tenants, replaces)
VALUES ($token_id, $name, $role, $hash, $created_ns, $expires_ns, $services::VARCHAR[], $tenants::VARCHAR[], $replaces);

-- name: revoke_token
-- One token, for good.
UPDATE tokens SET revoked_ns = $revoked_ns WHERE token_id = $token_id AND revoked_ns IS NULL;

-- name: end_token
-- One token, at a time that is not later than it had.
UPDATE tokens SET expires_ns = least(coalesce(expires_ns, $expires_ns), $expires_ns) WHERE token_id = $token_id AND revoked_ns IS NULL;

-- name: touch_token
-- When a token was last seen.
UPDATE tokens SET last_used_ns = $last_used_ns WHERE token_id = $token_id;

-- name: add_audit
-- Who changed what.
INSERT INTO audit (at_ns, actor, action, subject, detail) VALUES ($at_ns, $actor, $action, $subject, $detail);

-- name: add_audits
-- Who changed several alike.
INSERT INTO audit (at_ns, actor, action, subject, detail)
SELECT $at_ns, $actor, $action, unnest($subject::VARCHAR[]), unnest($detail::VARCHAR[]);

-- name: audit_page
-- The audit trail of a window, newest first, from behind a row on; an action also by what it begins with.
SELECT at_ns, actor, action, subject, detail, rowid AS place FROM audit
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    AND ($before_ns IS NULL OR at_ns < $before_ns OR (at_ns = $before_ns AND rowid < $before_place))
    AND ($actor IS NULL OR actor = $actor)
    AND ($action IS NULL OR action = $action OR starts_with(action, $action || '.'))
    AND ($subject IS NULL OR subject = $subject)
ORDER BY at_ns DESC, rowid DESC LIMIT $most;
