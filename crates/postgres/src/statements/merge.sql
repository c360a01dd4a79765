-- What calls of a process have met is added to the sums of all, which are of the present epoch of a
-- circuit and of its last buckets. The first failure is a change, so that all learn it.
-- $1 fleet, $2 names, $3 epochs, $4 calls, $5 failures, $6 ms of a bucket, $7 how many buckets count.
-- Gives: name, calls and failures; and without a name for how many ms failures have been merged.
WITH locked AS MATERIALIZED (
  SELECT name, sums_epoch, sums FROM {circuits}
  WHERE fleet = $1 AND name = ANY ($2) ORDER BY name FOR NO KEY UPDATE
), clock AS MATERIALIZED (
  SELECT {now} AS us, set_config('synchronous_commit', 'off', true) AS waits, count(*) FROM locked
), added AS MATERIALIZED (
  SELECT l.name, greatest(l.sums_epoch, a.epoch) AS sums_epoch, (
    SELECT coalesce(jsonb_object_agg(bucket, jsonb_build_array(calls, failures)), '{}') FROM (
      SELECT bucket, sum(x.calls) AS calls, sum(x.failures) AS failures FROM (
        SELECT key::bigint AS bucket, (value ->> 0)::bigint AS calls, (value ->> 1)::bigint AS failures
        FROM jsonb_each(l.sums) WHERE a.epoch <= l.sums_epoch
        UNION ALL
        SELECT us / 1000 / $6, a.calls, a.failures WHERE a.epoch >= l.sums_epoch
      ) AS x
      WHERE bucket BETWEEN us / 1000 / $6 - $7 + 1 AND us / 1000 / $6 GROUP BY bucket
    ) AS y
  ) AS sums
  FROM unnest($2, $3, $4, $5) AS a (name, epoch, calls, failures) JOIN locked AS l USING (name), clock
), put AS (
  UPDATE {circuits} AS r SET sums_epoch = a.sums_epoch, sums = a.sums, touched = now()
  FROM added AS a WHERE r.fleet = $1 AND r.name = a.name
), failed AS (
  INSERT INTO {fleets} AS f (fleet, changes, failing_since, failing_until)
  SELECT $1, us, us / 1000, us / 1000 + greatest($6 * $7, 5000) FROM clock
  WHERE EXISTS (SELECT FROM unnest($5) AS failures WHERE failures > 0)
  ON CONFLICT (fleet) DO UPDATE SET
    failing_since =
      CASE WHEN excluded.failing_since BETWEEN f.failing_since AND f.failing_until - 1 THEN f.failing_since
      ELSE excluded.failing_since END,
    failing_until = excluded.failing_until,
    changes = f.changes + CASE WHEN excluded.failing_since BETWEEN f.failing_since AND f.failing_until - 1 THEN 0 ELSE 1 END
  RETURNING failing_since
), failing AS (
  SELECT failing_since FROM failed
  UNION ALL
  SELECT f.failing_since FROM {fleets} AS f, clock
  WHERE f.fleet = $1 AND us / 1000 BETWEEN f.failing_since AND f.failing_until - 1 AND NOT EXISTS (SELECT FROM failed)
)
SELECT name, (SELECT coalesce(sum((value ->> 0)::bigint), 0) FROM jsonb_each(sums))::bigint AS calls,
  (SELECT coalesce(sum((value ->> 1)::bigint), 0) FROM jsonb_each(sums))::bigint AS failures
FROM added
UNION ALL
SELECT NULL, us / 1000 - failing_since, 0 FROM failing, clock
