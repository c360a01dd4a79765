-- An operator's command to the whole fleet. It overwrites a record of nobody: nothing else would.
-- $4 epoch that was known, $5 command, $6 ms for which it is forced (0: until it is released), $7 node,
-- $8 who gives it and why, as it stands in a record. Code: 1 if anything has changed. An override's
-- serial stands in the place of the step: the epoch of what imposed it.
, own AS MATERIALIZED (
  SELECT us, ms, CASE WHEN is_ahead THEN 0 ELSE epoch END AS epoch,
    CASE WHEN is_ahead THEN '' ELSE state END AS state, ends, lasts, step, cause, node, words, votes,
    leases, is_ahead, still, is_forced AND NOT is_ahead AS is_forced
  FROM was
), decided AS MATERIALIZED (
  SELECT own.*, is_forced OR $5 <> 'release' AS is_change, is_forced AND $5 = 'reset' AS is_kept
  FROM own
), forced AS MATERIALIZED (
  SELECT decided.*,
    CASE $5 WHEN 'force-open' THEN 'fo' WHEN 'force-closed' THEN 'fc' WHEN 'release' THEN 'c'
      ELSE CASE WHEN is_kept THEN state ELSE 'c' END END AS becomes,
    CASE WHEN is_kept THEN lasts ELSE $6 END AS whole,
    CASE WHEN is_kept THEN still ELSE $6 END AS remaining
  FROM decided
), next AS MATERIALIZED (
  SELECT us, ms, is_change OR is_ahead AS is_written, is_change, 0 AS number, is_change::int AS code,
    CASE WHEN is_change THEN {epoch} ELSE epoch END AS epoch,
    CASE WHEN is_change THEN becomes ELSE state END AS state,
    CASE WHEN NOT is_change THEN ends WHEN whole > 0 THEN ms + remaining ELSE 0 END AS ends,
    CASE WHEN is_change THEN whole ELSE lasts END AS lasts,
    CASE WHEN NOT is_change THEN step WHEN is_kept AND step > 0 THEN step WHEN is_kept THEN epoch
      WHEN becomes IN ('fo', 'fc') THEN {epoch} ELSE 0 END AS step,
    CASE WHEN NOT is_change THEN cause WHEN $5 = 'reset' THEN 'reset' ELSE 'operator' END AS cause,
    CASE WHEN is_change THEN $7 ELSE node END AS node,
    CASE WHEN is_kept OR NOT is_change THEN words ELSE $8 END AS words,
    '{}'::jsonb AS votes, '[]'::jsonb AS leases
  FROM forced
)
