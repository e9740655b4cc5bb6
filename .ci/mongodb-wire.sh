#!/usr/bin/env bash
# Puts a server that speaks MongoDB's wire protocol into .cache/mongodb-wire, for the tests
# (docs/decisions/mongodb-wire-server.md). Needs a JDK 17 and Maven. Does nothing when the present version is there
# already.
set -euo pipefail
cd "$(dirname "$0")/.."

source=.ci/mongodb-wire
target=.cache/mongodb-wire
version=$(cat "$source/pom.xml" "$source/MongodbWire.java" "$0" | sha256sum | cut -d' ' -f1)

if [ "$(cat "$target/version" 2>/dev/null || true)" != "$version" ]; then
  mkdir -p .cache
  fresh=$(mktemp -d .cache/mongodb-wire.XXXXXX)
  trap 'rm -rf "$fresh"' EXIT
  mvn --batch-mode --quiet --file "$source/pom.xml" dependency:copy-dependencies -DoutputDirectory="$PWD/$fresh/lib"
  javac -cp "$fresh/lib/*" -d "$fresh/classes" "$source/MongodbWire.java"
  cat > "$fresh/mongodb-wire" <<'START'
#!/usr/bin/env bash
here=$(cd "$(dirname "$0")" && pwd)
exec java -XX:+UseSerialGC -Xmx1g -Dio.netty.eventLoopThreads=32 -cp "$here/classes:$here/lib/*" MongodbWire "$@"
START
  chmod +x "$fresh/mongodb-wire"
  echo "$version" > "$fresh/version"
  chmod 755 "$fresh"
  rm -rf "$target"
  mv "$fresh" "$target"
fi
echo "Start it with: $target/mongodb-wire PORT DATA_FOLDER (port 0 takes any free one; it prints its address)"
