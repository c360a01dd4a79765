-- What the probes of a process have shown in an open epoch; refused where a later one has begun.
-- $4 the epoch, $5 state, $6 open time in ms, $7 step, $8 node. Code: 1 if that stands.
, decided AS MATERIALIZED (
  SELECT was.*, NOT (
    is_ahead OR $4 > us + 86400000000 OR epoch > $4 OR (epoch = $4 AND state NOT IN ('o', ''))
  ) AS is_change
  FROM was
), next AS MATERIALIZED (
  SELECT us, ms, is_change AS is_written, is_change, 0 AS number, is_change::int AS code,
    CASE WHEN is_change THEN {epoch} ELSE epoch END AS epoch,
    CASE WHEN is_change THEN $5 ELSE state END AS state,
    CASE WHEN NOT is_change THEN ends WHEN $5 = 'o' THEN ms + $6 ELSE 0 END AS ends,
    CASE WHEN is_change THEN $6 ELSE lasts END AS lasts,
    CASE WHEN is_change THEN $7 ELSE step END AS step,
    CASE WHEN is_change THEN 'probes' ELSE cause END AS cause,
    CASE WHEN is_change THEN $8 ELSE node END AS node,
    CASE WHEN is_change THEN '' ELSE words END AS words,
    CASE WHEN is_change THEN '{}' ELSE votes END AS votes,
    CASE WHEN is_change THEN '[]' ELSE leases END AS leases
  FROM decided
)
