-- The processes that are there.
-- $1 fleet. Gives: for each its name and what it says.
SELECT name, said FROM {processes} WHERE fleet = $1 AND until - {now} / 1000 BETWEEN 1 AND 20000 ORDER BY name LIMIT 1000
