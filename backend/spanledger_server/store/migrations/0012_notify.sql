-- notify
SELECT 1;
