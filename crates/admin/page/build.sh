#!/usr/bin/env bash
# Makes src/page.html of the parts in this folder: one file, as small as it goes, with the hashes of
# its script and style in src/page.rs; and src/page.html.br, the same compressed by Brotli.
#
#   crates/admin/page/build.sh           makes it
#   crates/admin/page/build.sh --check   says whether it is as the parts say; writes nothing
#   crates/admin/page/build.sh --plain   makes it without squeezing anything, to look for a fault
set -eu
cd "$(dirname "$0")/../../.."
if ! command -v npm >/dev/null 2>&1; then
    echo "build.sh: npm is missing: install it (on Debian: apt-get install npm)" >&2
    exit 1
fi
if [ ! -e target/tools/page/node_modules/terser/package.json ]; then
    mkdir -p target/tools/page
    npm install --prefix target/tools/page --no-save --no-audit --no-fund --loglevel error \
        esbuild@0.25.12 terser@5.44.1
fi
exec node crates/admin/page/build.mjs "${1:-}"
