#!/usr/bin/env bash
# A rustc for crates of the workspace that abort when they panic; the step `abort` tells cargo of it.
# The crates that they are built of need not, so that those of other steps will do. That tests can be
# built like this is not stable, so a stable compiler is told to take it. In bash, since other shells
# keep back variables whose names have a hyphen, as CARGO_BIN_EXE_backend-pool has.
RUSTC_BOOTSTRAP=1 exec "$@" -C panic=abort -Z panic-abort-tests
