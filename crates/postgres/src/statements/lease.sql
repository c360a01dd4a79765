-- A process asks to probe in an open epoch. A lease is an element of the row: epoch, process, end, begin.
-- One that begins later than now was granted before the clock was set back, or by nobody.
-- $4 the epoch, $5 how long in ms, $6 the process, $7 how many may probe. Code: 1 granted, 0 denied or
-- -1 over; the number is what is left of the lease, or of the first of the others', in ms.
, live AS MATERIALIZED (
  SELECT was.*, (
    SELECT coalesce(jsonb_agg(l), '[]') FROM jsonb_array_elements(leases) AS l
    WHERE (l ->> 2)::bigint > ms AND (l ->> 3)::bigint <= ms
  ) AS held
  FROM was
), asked AS MATERIALIZED (
  SELECT live.*, own, taken, first FROM live, LATERAL (
    SELECT max((l ->> 2)::bigint) FILTER (WHERE l ->> 1 = $6) AS own, count(*) AS taken,
      min((l ->> 2)::bigint) AS first
    FROM jsonb_array_elements(held) AS l WHERE (l ->> 0)::bigint = $4
  ) AS leased
), decided AS MATERIALIZED (
  SELECT asked.*, NOT is_ahead AND epoch <= $4 AND own IS NULL AND taken < $7 AS is_granted FROM asked
), next AS MATERIALIZED (
  SELECT us, ms, is_granted AS is_written, false AS is_change,
    CASE WHEN epoch > $4 THEN -1 WHEN is_granted OR own IS NOT NULL THEN 1 ELSE 0 END AS code,
    CASE WHEN epoch > $4 THEN 0 WHEN is_granted THEN $5 ELSE coalesce(own, first, ms) - ms END AS number,
    epoch, state, ends, lasts, step, cause, node, words, votes,
    CASE WHEN is_granted THEN held || jsonb_build_array(jsonb_build_array($4, $6, ms + $5, ms)) ELSE leases END
      AS leases
  FROM decided
)
