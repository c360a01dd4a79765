-- A process says that it is there, for 20 s.
-- $1 fleet, $2 name, $3 its number, $4 what it says. Gives: a row where another of its name has said so.
WITH before AS MATERIALIZED (
  SELECT number, until FROM {processes} WHERE fleet = $1 AND name = $2 FOR NO KEY UPDATE
), clock AS MATERIALIZED (
  SELECT {now} / 1000 AS ms, set_config('synchronous_commit', 'off', true) AS waits, count(*) FROM before
), put AS (
  INSERT INTO {processes} (fleet, name, number, until, said)
  SELECT $1, $2, $3, ms + 20000, $4 FROM clock
  ON CONFLICT (fleet, name) DO UPDATE
  SET number = excluded.number, until = excluded.until, said = excluded.said
)
SELECT 1::bigint FROM before, clock WHERE before.number <> $3 AND before.until - clock.ms BETWEEN 1 AND 20000
