#!/usr/bin/env bash
# What a machine can judge without running the product: style, security, types, import directions, generated files.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
members=(contract/ccproxy_contract runtime/ccproxy_runtime policy/ccproxy_policy sidecar/ccproxy_sidecar ledger/ccproxy_ledger compressor/ccproxy_compressor operator/ccproxy_operator cli/ccproxy_cli)

failed=0
run() { local name=$1; shift; if "$@" >"/tmp/ccproxy-check.$$" 2>&1; then echo "ok    $name"; else echo "FAIL  $name"; cat "/tmp/ccproxy-check.$$"; failed=1; fi; rm -f "/tmp/ccproxy-check.$$"; }

run "ruff check" $bin/ruff check .
run "ruff format" $bin/ruff format --check .
run "bandit" $bin/bandit -q -c pyproject.toml -r "${members[@]}"
run "import directions" $bin/lint-imports
run "crds without diff" $bin/python -m tools.crds --check
run "docs without diff" $bin/python -m tools.docs --check
run "chart without diff" $bin/python -m tools.chart --check
run "mypy strict" $bin/mypy "${members[@]}" tests tools bench e2e
exit $failed
