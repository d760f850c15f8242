-- What people keep of a page under a name: its address, which holds all of its state.

CREATE TABLE kept_views (
    view_id    VARCHAR PRIMARY KEY,
    name       VARCHAR NOT NULL,
    page       VARCHAR NOT NULL,           -- the page's path, such as /traces
    query      VARCHAR NOT NULL,           -- what stands behind its question mark
    owner      VARCHAR NOT NULL,           -- the name of the token that keeps it
    shared     BOOLEAN NOT NULL,           -- seen by everybody
    created_ns BIGINT NOT NULL,
    updated_ns BIGINT NOT NULL
);
