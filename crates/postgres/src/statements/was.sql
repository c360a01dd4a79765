-- What stands in a circuit's row, behind its lock; all that is asked of it goes by one reading of the
-- clock after that. What is lost in a crash of the server is told to it again: no commit waits for
-- the disk.
-- $1 fleet, $2 name
WITH locked AS MATERIALIZED (
  SELECT * FROM {circuits} WHERE fleet = $1 AND name = $2 FOR NO KEY UPDATE
), timed AS MATERIALIZED (
  SELECT locked.*, {now} AS us, set_config('synchronous_commit', 'off', true) AS waits FROM locked
), measured AS MATERIALIZED (
  SELECT timed.*, us / 1000 AS ms, epoch > us + 86400000000 AS is_ahead,
    least(greatest(ends - us / 1000, 0), lasts) AS still
  FROM timed
), was AS MATERIALIZED (
  SELECT measured.*, state IN ('fo', 'fc') AND (lasts = 0 OR still > 0) AS is_forced FROM measured
)
