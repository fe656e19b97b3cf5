#!/usr/bin/env bash
# Pins requirements/*.in with hashes for every platform; no index address gets into the files.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
for name in laptop dev uv; do
  constraint=(); [ "$name" = dev ] && constraint=(-c laptop.txt)
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
    "${constraint[@]}" "$name.in" -o "$name.txt"
done
