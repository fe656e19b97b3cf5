#!/usr/bin/env bash
# Builds the wheel of every member. Arguments: the folder to put them in, the members.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1; shift
for member in "$@"; do .venv/bin/python -m build --wheel --no-isolation --outdir "$out" "$member" >/dev/null; done
ls "$out"
