-- What stands there of circuits.
-- $1 fleet, $2 names. Gives: name, the clock in ms, the record.
SELECT n.name, {now} / 1000 AS ms, {line} AS line
FROM {circuits} AS n WHERE n.fleet = $1 AND n.name = ANY ($2) AND n.state <> ''
