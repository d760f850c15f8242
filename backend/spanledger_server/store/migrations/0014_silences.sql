-- silences
SELECT 1;
