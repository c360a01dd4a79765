-- What nobody has written for a week is forgotten, and processes that are gone; not what is forced.
-- $1 fleet
WITH circuits AS (
  DELETE FROM {circuits}
  WHERE fleet = $1 AND state IN ('', 'c', 'o') AND touched < now() - interval '7 days'
)
DELETE FROM {processes} WHERE fleet = $1 AND until < {now} / 1000 - 60000
