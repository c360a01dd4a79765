CREATE TABLE IF NOT EXISTS {circuits} (
  fleet text NOT NULL,
  name text NOT NULL,
  epoch bigint NOT NULL DEFAULT 0 CHECK (epoch BETWEEN 0 AND 9000000000000000),
  state text NOT NULL DEFAULT '' CHECK (state IN ('', 'c', 'o', 'fo', 'fc')),
  ends bigint NOT NULL DEFAULT 0 CHECK (ends BETWEEN 0 AND 9000000000000000),
  lasts bigint NOT NULL DEFAULT 0 CHECK (lasts BETWEEN 0 AND 9000000000000000),
  step bigint NOT NULL DEFAULT 0 CHECK (step BETWEEN 0 AND 9000000000000000),
  cause text NOT NULL DEFAULT '' CHECK (length(cause) <= 16),
  node text NOT NULL DEFAULT '' CHECK (length(node) <= 64),
  words text NOT NULL DEFAULT '' CHECK (length(words) <= 900),
  votes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(votes) = 'object'),
  leases jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(leases) = 'array'),
  sums_epoch bigint NOT NULL DEFAULT 0,
  sums jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(sums) = 'object'),
  touched timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (fleet, name)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS {fleets} (
  fleet text PRIMARY KEY,
  changes bigint NOT NULL,
  secret text NOT NULL DEFAULT gen_random_uuid(),
  failing_since bigint NOT NULL DEFAULT 0,
  failing_until bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS {processes} (
  fleet text NOT NULL,
  name text NOT NULL,
  number text NOT NULL,
  until bigint NOT NULL,
  said text NOT NULL CHECK (length(said) <= 4096),
  PRIMARY KEY (fleet, name)
) WITH (fillfactor = 50);
