-- Who has voted, and who may probe in an open epoch.
-- $1 fleet, $2 name, $3 the epoch (0 for none). Gives: votes, the processes with a lease, their ms left.
WITH row AS MATERIALIZED (
  SELECT votes, leases, {now} / 1000 AS ms FROM {circuits} WHERE fleet = $1 AND name = $2
), live AS MATERIALIZED (
  SELECT l ->> 1 AS id, (l ->> 2)::bigint - ms AS still FROM row, jsonb_array_elements(leases) AS l
  WHERE (l ->> 0)::bigint = $3 AND (l ->> 2)::bigint > ms
    AND (l ->> 3)::bigint <= ms
)
SELECT
  ARRAY (SELECT DISTINCT value ->> 0 FROM row, jsonb_each(votes) ORDER BY 1) AS votes,
  ARRAY (SELECT id FROM live ORDER BY id) AS ids,
  ARRAY (SELECT still FROM live ORDER BY id) AS still
