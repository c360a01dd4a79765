#!/usr/bin/env bash
# A rustdoc that writes JSON; the step `api` tells cargo of it. That is not stable, so a stable rustdoc
# is told to take it: rustdoc alone, since build scripts that hear of it come to other results.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
