#!/usr/bin/env bash
# Puts a server that speaks Cloud Storage's JSON API into .cache/gcs-emulator, for the tests
# (docs/decisions/0009-cloud-storage.md). Needs Go. Does nothing when the present version is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v1.56.1
target=.cache/gcs-emulator

if [ "$(cat "$target/version" 2>/dev/null || true)" != "$version" ]; then
  mkdir -p .cache
  fresh=$(mktemp -d .cache/gcs-emulator.XXXXXX)
  trap 'rm -rf "$fresh"' EXIT
  GOBIN="$PWD/$fresh" go install -ldflags="-s -w" "github.com/fsouza/fake-gcs-server@$version"
  echo "$version" > "$fresh/version"
  chmod 755 "$fresh"
  rm -rf "$target"
  mv "$fresh" "$target"
fi
echo "Start it with: $target/fake-gcs-server -backend memory -scheme http -host 127.0.0.1 -port PORT"
