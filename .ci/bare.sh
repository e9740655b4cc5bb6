#!/usr/bin/env bash
# The README's commands (first-hour.mjs), the package as a dependency, and an installation for production in a bare
# place: a clone of its own, beside it nothing but the system's Node and npm, a shell and coreutils. No servers, no
# data, no .cache, no variables.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

mkdir "$place/bin" "$place/home" "$place/tmp"
for program in node npm npx sh env basename cat chmod cp cut dirname du head id ln ls mkdir mktemp mv pwd readlink \
  realpath rm sleep sort tail test touch tr true false uname wc; do
  ln -s "$(command -v "$program" || echo /usr/bin/"$program")" "$place/bin/$program"
done
git clone --quiet . "$place/haystack"

# The way to the package registry is the machine's; what was downloaded before need not be again.
keep=("npm_config_cache=$(npm config get cache)")
for name in NODE_EXTRA_CA_CERTS HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
  [ -z "${!name:-}" ] || keep+=("$name=${!name}")
done

# step NAME FOLDER COMMAND
step() {
  local began=$SECONDS
  echo "bare: $1: $3"
  (cd "$place/$2" && env -i PATH="$place/bin" HOME="$place/home" TMPDIR="$place/tmp" "${keep[@]}" sh -c "$3") \
    >"$place/$1.log" 2>&1 || {
    cat "$place/$1.log"
    echo "bare: $1 failed"
    exit 1
  }
  ! grep -n EBADENGINE "$place/$1.log" || { echo "bare: $1 complains of the engine"; exit 1; }
  tail -n "${4:-3}" "$place/$1.log"
  echo "bare: $1 took $((SECONDS - began)) s"
}

# Python is no part of the place; where the tests have one, the README's lines of Python are tried with it.
python=$PWD/.cache/venv/bin/python
[ ! -x "$python" ] || keep+=("FIRST_HOUR_PYTHON=$python")

step first-hour haystack "node .ci/first-hour.mjs" 1000
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
node24=$(sed -n 's/^    "node": "\(.*\)",$/\1/p' package.json)
step dependency haystack "node .ci/dependency.mjs"
step production haystack "npm ci --omit=dev && du -sm node_modules && test \"\$(npx --yes --package=node@$node24 node bin/haystack.mjs --version)\" = $version"
