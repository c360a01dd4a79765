-- The number of changes, what a message is known by, and whether nothing can be written here.
-- $1 fleet
SELECT changes, secret, pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS is_read_only
FROM {fleets} WHERE fleet = $1
