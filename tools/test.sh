#!/usr/bin/env bash
# Every suite, with coverage of all processes; fails under 90 % of what it ran. CCPROXY_PROVE=1: bars at full size.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -f .coverage .coverage.*
scratch=$(mktemp -d /tmp/ccproxy-test.XXXXXX)  # of this run alone: another run would clear a shared one under our feet
trap 'rm -rf "$scratch"' EXIT
status=0
.venv/bin/coverage run -m pytest -q -n "${TEST_PROCESSES:-2}" --dist loadfile -p no:cacheprovider --basetemp "$scratch/t" --durations=8 "$@" || status=$?
# One path on a real cluster; where there can be none it says so, and CI fails.
.venv/bin/python -m pytest -q -p no:cacheprovider --basetemp "$scratch/e" e2e/test_one_path.py || status=$?
.venv/bin/coverage combine --quiet
.venv/bin/coverage report --fail-under=90 | tail -n 60 || status=1
exit $status
