#!/usr/bin/env bash
# Builds the orchestrator's image of the Dockerfile with buildah: no engine, no user namespaces, no image registry.
# Then tries it (image.mjs). The base is made here, of Debian 12, the Node that npm installed, and this machine's npm.
# Needs root on Debian. `.ci/image.sh worker` builds the worker's image instead, on Debian's Python, and has its
# program say its options: 3 GB to download.
set -euo pipefail
cd "$(dirname "$0")/.."
results=.cache/image-results.json
rm -f "$results"

cannot() {
  echo "image: was not built: $1"
  [ -n "${CI:-}" ] && exit 1 || exit 0
}
[ "$(id -u)" = 0 ] || cannot "buildah runs a Dockerfile's commands by chroot here, which needs root"
command -v apt-get >/dev/null || cannot "needs Debian's packages buildah and mmdebstrap"
for program in buildah mmdebstrap; do
  command -v "$program" >/dev/null || {
    apt-get update -qq && apt-get install -y -qq --no-install-recommends buildah mmdebstrap >/dev/null
  }
done

place=$(mktemp -d)
images() {
  local command=$1
  shift
  buildah --root "$place/storage" --runroot "$place/run" --storage-driver vfs "$command" "$@"
}
leave() {
  images umount --all >/dev/null 2>&1 || true
  rm -rf "$place"
}
trap leave EXIT

# timed WHAT COMMAND
timed() {
  local began=$SECONDS what=$1
  shift
  "$@" >"$place/log" 2>&1 || { cat "$place/log"; echo "image: $what failed"; exit 1; }
  echo "image: $what took $((SECONDS - began)) s"
}

# What a build downloads comes the way of this machine, and what was downloaded before need not be again.
certificates=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
build=(--isolation chroot --layers=false --network host --volume "$certificates:/etc/ssl/certs/ca-certificates.crt:ro")

# base IMAGE PACKAGES: Debian with the packages, the user of Node's images, and what lies in $place/over
node_user="useradd --uid 1000 --user-group --create-home --shell /bin/bash node"
base() {
  mmdebstrap --mode=root --variant=minbase --include="$2" --customize-hook="chroot \"\$1\" $node_user" \
    bookworm "$place/debian"
  cp -a "$place/over/." "$place/debian/"
  local container
  container=$(images from scratch)
  images add --quiet "$container" "$place/debian" /
  images config --env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  images commit --quiet --rm "$container" "$1"
  rm -rf "$place/debian" "$place/over"
}

if [ "${1:-orchestrator}" = worker ]; then
  mkdir -p "$place/over/etc"
  printf '[global]\nbreak-system-packages = true\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$place/over/etc/pip.conf"
  timed "its base" base localhost/python ca-certificates,python3-pip,python-is-python3
  timed "the build" images bud "${build[@]}" --build-arg PYTHON_IMAGE=localhost/python --tag localhost/worker worker
  images run --isolation chroot "$(images from localhost/worker)" -- python -m haystack_worker --help
  exit
fi

mkdir -p "$place/over/usr/local/bin" "$place/over/usr/local/etc" "$place/over/usr/local/lib/node_modules"
install node_modules/node/bin/node "$place/over/usr/local/bin/node"
cp -r "$(npm root --global)/npm" "$place/over/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$place/over/usr/local/bin/npm"
echo "cafile=/etc/ssl/certs/ca-certificates.crt" >"$place/over/usr/local/etc/npmrc"
timed "its base" base localhost/node ca-certificates
timed "the build" images bud "${build[@]}" --volume "$(npm config get cache):/root/.npm" \
  --build-arg NODE_IMAGE=localhost/node --tag localhost/haystack .

images inspect --type image localhost/haystack >"$place/image.json"
node_modules/.bin/node .ci/image.mjs "$place/image.json" \
  "$(images mount "$(images from --pull-never localhost/haystack)")" "$place" "$results"
