#!/usr/bin/env bash
# Checks deploy/terraform: its policies with Checkov, and for the tests (tests/project/terraform.test.ts) puts into
# .cache what each resource takes in Google's providers, from the packages that describe the providers for TypeScript.
# Nothing calls Google.
set -euo pipefail
cd "$(dirname "$0")/.."

version=16.12.1 # describes the providers' 6.50.0
target=.cache/terraform-providers
if [ "$(cat "$target/version" 2>/dev/null || true)" != "$version" ]; then
  mkdir -p .cache
  fresh=$(mktemp -d .cache/terraform-providers.XXXXXX)
  trap 'rm -rf "$fresh"' EXIT
  for provider in google google-beta; do
    archive=$(cd "$fresh" && npm pack --silent "@cdktf/provider-$provider@$version")
    mkdir "$fresh/$provider"
    tar -xzf "$fresh/$archive" -C "$fresh/$provider" --strip-components=2 --wildcards 'package/lib/*/index.d.ts'
    rm "$fresh/$archive"
  done
  echo "$version" >"$fresh/version"
  chmod 755 "$fresh"
  rm -rf "$target"
  mv "$fresh" "$target"
fi

[ -x .cache/checkov/bin/checkov ] || python3 -m venv .cache/checkov
.cache/checkov/bin/pip install --quiet --disable-pip-version-check -r .ci/requirements-policy.txt
.cache/checkov/bin/checkov --directory deploy/terraform --config-file deploy/terraform/.checkov.yaml \
  --framework terraform --skip-download --quiet --compact
