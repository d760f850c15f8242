-- name: views_of
-- What an owner may open: their own, and those that are shared.
SELECT view_id, name, page, query, owner, shared, created_ns, updated_ns
FROM kept_views WHERE shared OR owner = $owner
ORDER BY lower(name), view_id;

-- name: one_view
-- One of them.
SELECT view_id, name, page, query, owner, shared, created_ns, updated_ns
FROM kept_views WHERE view_id = $view_id AND (shared OR owner = $owner);

-- name: rivals
-- Whether an owner has another view of this name on this page, and how many views they have.
SELECT count(*) FILTER (name = $name AND page = $page AND view_id <> $view_id) AS same, count(*) AS number
FROM kept_views WHERE owner = $owner;

-- name: add_view
-- A new one.
INSERT INTO kept_views VALUES ($view_id, $name, $page, $query, $owner, $shared, $created_ns, $updated_ns);

-- name: remove_view
-- It is gone.
DELETE FROM kept_views WHERE view_id = $view_id;
