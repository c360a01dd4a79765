-- The number of changes is to be there; one that is there is another one now.
-- $1 fleet
INSERT INTO {fleets} AS f (fleet, changes) VALUES ($1, {now})
ON CONFLICT (fleet) DO UPDATE SET changes = f.changes + 1
RETURNING changes
