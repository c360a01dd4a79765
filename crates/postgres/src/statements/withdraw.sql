-- A process takes its vote back.
-- $1 fleet, $2 name, $3 the process. Gives: a row if it had one.
UPDATE {circuits} SET votes = votes - $3 WHERE fleet = $1 AND name = $2 AND jsonb_exists(votes, $3)
RETURNING 1::bigint
