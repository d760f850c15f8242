-- health
SELECT 1;
