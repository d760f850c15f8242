-- channels
SELECT 1;
