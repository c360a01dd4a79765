-- A circuit has tripped in this process. The fleet's opens when enough have within the vote window.
-- $4 epoch that was known, $5 open time in ms, $6 step, $7 vote window in ms, $8 quorum, $9 cause,
-- $10 node, $11 the process, $12 whose vote it is. Code: the votes that stand.
, cast_now AS MATERIALIZED (
  SELECT was.*,
    is_forced OR (state = 'o' AND still > 0) OR ($4 > 0 AND epoch > $4) AS stands,
    (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM (
      SELECT key, value
      FROM jsonb_each(votes || jsonb_build_object($11, jsonb_build_array($12, ms)))
      WHERE (value ->> 1)::bigint BETWEEN ms - $7 AND ms
      ORDER BY (value ->> 1)::bigint DESC LIMIT 1000
    ) AS v) AS standing
  FROM was
), tally AS MATERIALIZED (
  SELECT cast_now.*, greatest(1, (
    SELECT count(DISTINCT value ->> 0) FROM jsonb_each(standing) WHERE value ->> 0 <> '*'
  )) AS cast_votes
  FROM cast_now
), decided AS MATERIALIZED (
  SELECT tally.*, NOT (is_ahead OR stands) AS is_written,
    NOT (is_ahead OR stands) AND cast_votes >= $8 AS is_change
  FROM tally
), next AS MATERIALIZED (
  SELECT us, ms, is_written, is_change, 0 AS number,
    CASE WHEN is_written THEN cast_votes ELSE 0 END AS code,
    CASE WHEN is_change THEN {epoch} ELSE epoch END AS epoch,
    CASE WHEN is_change THEN 'o' ELSE state END AS state,
    CASE WHEN is_change THEN ms + $5 ELSE ends END AS ends,
    CASE WHEN is_change THEN $5 ELSE lasts END AS lasts,
    CASE WHEN is_change THEN $6 ELSE step END AS step,
    CASE WHEN is_change THEN $9 ELSE cause END AS cause,
    CASE WHEN is_change THEN $10 ELSE node END AS node,
    CASE WHEN is_change THEN '' ELSE words END AS words,
    CASE WHEN is_change THEN '{}' ELSE standing END AS votes,
    CASE WHEN is_change THEN '[]' ELSE leases END AS leases
  FROM decided
)
