-- Circuits have a row before anything is written there.
-- $1 fleet, $2 names
INSERT INTO {circuits} (fleet, name) SELECT $1, name FROM unnest($2) AS name ORDER BY name
ON CONFLICT (fleet, name) DO NOTHING
