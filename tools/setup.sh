#!/usr/bin/env bash
# Makes .venv from the hashed requirement files and installs the members in place. Arguments: the members.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
"$python" - <<'PY' || { echo "ccproxy needs Python 3.11 or newer (set PYTHON=/path/to/python3.11)" >&2; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY

uv=$(command -v uv || true)
if [ -z "$uv" ]; then  # fetched by pip into a folder of its own: Debian's Python refuses to be installed into
  echo "fetching uv with pip"
  rm -rf .uv && "$python" -m venv .uv 2>/dev/null && .uv/bin/pip install --quiet --require-hashes -r requirements/uv.txt \
    || { rm -rf .uv; "$python" -m pip install --quiet --require-hashes --target .uv -r requirements/uv.txt; }
  uv=$(find "$PWD/.uv" -path '*/bin/uv' -type f | head -n 1)
fi
[ -n "$uv" ] || { echo "uv could not be fetched: install python3-venv or python3-pip, then run this again" >&2; exit 1; }

[ -x .venv/bin/python ] || "$uv" venv --quiet --python "$python" .venv
VIRTUAL_ENV=$PWD/.venv "$uv" pip sync --quiet --require-hashes requirements/dev.txt
editable=()
for member in "$@"; do editable+=(-e "./$member"); done
VIRTUAL_ENV=$PWD/.venv "$uv" pip install --quiet --no-deps --no-build-isolation "${editable[@]}"
echo "ready: .venv/bin/ccproxy"
