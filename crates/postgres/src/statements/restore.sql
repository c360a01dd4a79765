-- The database has lost a record that a process still knows, or has an older one.
-- $4 its epoch, $5 state, $6 ms left, $7 open time in ms, $8 step, $9 cause, $10 node, $11 who has
-- forced it and why, as it stands in a record. Code: 1 if it was put in.
, decided AS MATERIALIZED (
  SELECT was.*, NOT (is_ahead OR $4 > us + 86400000000 OR epoch >= $4) AS is_change FROM was
), next AS MATERIALIZED (
  SELECT us, ms, is_change AS is_written, is_change, 0 AS number, is_change::int AS code,
    CASE WHEN is_change THEN $4 ELSE epoch END AS epoch,
    CASE WHEN is_change THEN $5 ELSE state END AS state,
    CASE WHEN NOT is_change THEN ends WHEN $7 > 0 THEN ms + $6 ELSE 0 END AS ends,
    CASE WHEN is_change THEN $7 ELSE lasts END AS lasts,
    CASE WHEN is_change THEN $8 ELSE step END AS step,
    CASE WHEN is_change THEN $9 ELSE cause END AS cause,
    CASE WHEN is_change THEN $10 ELSE node END AS node,
    CASE WHEN is_change THEN $11 ELSE words END AS words, votes, leases
  FROM decided
)
