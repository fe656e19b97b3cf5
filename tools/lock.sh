#!/usr/bin/env bash
# Pins requirements/*.in with hashes for every platform; no index address gets into the files.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
uv=$(command -v uv || echo ../.uv/bin/uv)
for name in laptop dev uv sidecar operator ledger compressor; do
  constraint=(); [ "$name" = laptop ] || [ "$name" = uv ] || constraint=(-c laptop.txt)
  [[ "$name" =~ ^(laptop|dev|uv)$ ]] || constraint+=(-c dev.txt)
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
    "${constraint[@]}" "$name.in" -o "$name.txt"
done
