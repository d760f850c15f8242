-- rules
SELECT 1;
