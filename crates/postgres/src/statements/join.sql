-- A process connects: the number of changes is to be there.
-- $1 fleet
INSERT INTO {fleets} (fleet, changes) VALUES ($1, {now}) ON CONFLICT (fleet) DO NOTHING
