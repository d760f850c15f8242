-- users
SELECT 1;
