-- name: all_tokens
-- Every token ever made, oldest first.
SELECT token_id, name, role, hash, created_ns, expires_ns, revoked_ns, last_used_ns FROM tokens ORDER BY created_ns, token_id;

-- name: add_token
-- A new token.
INSERT INTO tokens (token_id, name, role, hash, created_ns, expires_ns, revoked_ns, last_used_ns)
VALUES ($token_id, $name, $role, $hash, $created_ns, $expires_ns, NULL, NULL);

-- name: revoke_token
-- One token, for good.
UPDATE tokens SET revoked_ns = $revoked_ns WHERE token_id = $token_id AND revoked_ns IS NULL;

-- name: touch_token
-- When a token was last seen.
UPDATE tokens SET last_used_ns = $last_used_ns WHERE token_id = $token_id;

-- name: add_audit
-- Who changed what.
INSERT INTO audit (at_ns, actor, action, subject, detail) VALUES ($at_ns, $actor, $action, $subject, $detail);

-- name: audit_page
-- The audit trail, newest first, from behind a row on.
SELECT at_ns, actor, action, subject, detail, rowid AS place FROM audit
WHERE $before_ns IS NULL OR at_ns < $before_ns OR (at_ns = $before_ns AND rowid < $before_place)
ORDER BY at_ns DESC, rowid DESC LIMIT $most;
