-- Writes what a statement has made of the row, counts a change of the record, and tells all of it: a
-- message that only readers of the table can have written.
-- $3 channel; next: the row as it is to be, code, number, is_written, is_change
, put AS (
  UPDATE {circuits} AS r
  SET epoch = n.epoch, state = n.state, ends = n.ends, lasts = n.lasts, step = n.step,
    cause = n.cause, node = n.node, words = n.words, votes = n.votes, leases = n.leases,
    touched = now()
  FROM next AS n WHERE r.fleet = $1 AND r.name = $2 AND n.is_written
), counted AS (
  INSERT INTO {fleets} AS f (fleet, changes) SELECT $1, n.us FROM next AS n WHERE n.is_change
  ON CONFLICT (fleet) DO UPDATE SET changes = f.changes + 1 RETURNING f.secret
), message AS MATERIALIZED (
  SELECT c.secret, concat_ws(' ', n.ms, least(greatest(n.ends - n.ms, 0), n.lasts), {line}, $2) AS body
  FROM next AS n, counted AS c
), told AS MATERIALIZED (
  SELECT pg_notify($3, encode(sha256(convert_to(secret || ' ' || short, 'UTF8')), 'hex') || ' ' || short)
  FROM (
    SELECT secret, CASE WHEN octet_length(body) <= 900 THEN body ELSE 'long' END AS short FROM message
  ) AS m
)
SELECT n.code::bigint, n.number::bigint, n.ms, CASE WHEN n.state <> '' THEN {line} ELSE '' END AS line,
  (SELECT count(*) FROM told) AS told
FROM next AS n
