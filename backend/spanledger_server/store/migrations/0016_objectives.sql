-- objectives
SELECT 1;
