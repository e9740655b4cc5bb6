// Starts the orchestrator's image as an engine would, without an engine: its root read-only, as its user, without capabilities, in
// namespaces of its own (processes, mounts, names), on this machine's network. A line for each check; summary.mjs adds their count.
// node .ci/image.mjs INSPECTED ROOT PLACE RESULTS: what `buildah inspect` says of the image, where it is mounted, a folder to write in,
// the file of the count.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const [inspected, root, place, results] = process.argv.slice(2);
const DATA = "/var/lib/haystack";
const HOME = "/opt/haystack";
const PATIENCE_MS = 10 * 60_000;
const { config } = JSON.parse(readFileSync(inspected, "utf8")).OCIv1;
const { version } = JSON.parse(readFileSync("package.json", "utf8"));

const ISOLATED = `set -e
mount --bind "$ROOT" "$ROOT"
mount --bind "$VOLUME" "$ROOT${DATA}"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$ROOT/tmp"
mount --rbind /dev "$ROOT/dev"
mount -o remount,bind,ro "$ROOT"
exec chroot "$ROOT" /usr/bin/setpriv --reuid "$AS" --regid "$AS" --init-groups --bounding-set=-all --inh-caps=-all --no-new-privs \\
  /usr/bin/env --ignore-environment --chdir="$IN" "$@"`;
const NAMESPACES = "--mount --pid --fork --kill-child --ipc --uts".split(" ");

/** A container of the image: what it printed, and its exit code when it ends. */
function start(args, env = {}) {
  const variables = [...config.Env, ...Object.entries(env).map((pair) => pair.join("="))];
  const child = spawn(
    "unshare",
    [...NAMESPACES, "sh", "-c", ISOLATED, "sh", ...variables, ...args],
    {
      env: {
        PATH: process.env.PATH,
        ROOT: root,
        VOLUME: volume,
        AS: config.User,
        IN: config.WorkingDir,
      },
    },
  );
  const container = { output: "", child };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (container.output += text));
  container.ended = once(child, "close").then(([code]) => code);
  return container;
}

async function run(args, env) {
  const container = start(args, env);
  const code = await container.ended;
  return { code, output: container.output };
}

async function haystack(args, env) {
  const { code, output } = await run([...config.Entrypoint, ...args], env);
  assert.equal(code, 0, output);
  return output;
}

/** A signal to the first process of a container. */
function signal({ child: { pid } }, name) {
  const first = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  process.kill(Number(first), name);
}

async function until(what, container, isSo) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await delay(100)) {
    if (await isSo()) return;
    assert.equal(container.child.exitCode, null, `ended before ${what}: ${container.output}`);
  }
  assert.fail(`not within ten minutes: ${what}`);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

// As an engine fills a new volume: with what the image has there, and its owner.
const volume = join(place, "volume");
assert.equal(spawnSync("cp", ["-a", root + DATA, volume]).status, 0);
const port = await freePort();
const serving = { HTTP_PORT: port };

const counts = { passed: 0, failed: 0 };
async function check(name, body) {
  const began = performance.now();
  const error = await body().then(
    () => undefined,
    (reason) => reason,
  );
  counts[error === undefined ? "passed" : "failed"] += 1;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`image: ${error === undefined ? "ok" : "FAILED"}: ${name} (${seconds} s)`);
  if (error !== undefined) console.log(error.message);
}

await check("says how it wants to be started", async () => {
  const { User, WorkingDir, Entrypoint, Cmd, StopSignal, ExposedPorts, Volumes } = config;
  assert.deepEqual(
    { User, WorkingDir, Entrypoint, Cmd, StopSignal },
    {
      User: "node",
      WorkingDir: HOME,
      Entrypoint: ["node", "bin/haystack.mjs"],
      Cmd: ["serve"],
      StopSignal: "SIGTERM",
    },
  );
  assert.deepEqual([Object.keys(ExposedPorts), Object.keys(Volumes)], [["8080/tcp"], [DATA]]);
});

await check("its user changes nothing but the volume and /tmp, and has no rights", async () => {
  const places = ["/opt/haystack", "/home/node", "/etc", "/var/lib", "/tmp", DATA];
  const { output } = await run([
    "sh",
    "-c",
    `id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; for place in ${places.join(" ")}; do touch $place/t 2>/dev/null && echo $place; done`,
  ]);
  const user = "1000 CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1";
  assert.equal(output.trim().split(/\s+/).join(" "), `${user} /tmp ${DATA}`);
  const { output: loose } = await run([
    "find",
    HOME,
    "(",
    "-user",
    "node",
    "-o",
    "-perm",
    "-o+w",
    "!",
    "-type",
    "l",
    ")",
  ]);
  assert.equal(loose, "", "files of the program that its user may change");
});

await check("lists the packages that it has, of which none is for development", async () => {
  const listed = JSON.parse(readFileSync(join(root, HOME, "sbom.cdx.json"), "utf8")).components;
  const there = globSync("**/node_modules/{*,@*/*}/package.json", { cwd: join(root, HOME) })
    .map((file) => JSON.parse(readFileSync(join(root, HOME, file), "utf8")))
    .filter(({ name, version: its }) => name !== undefined && its !== undefined);
  const named = (parts) => new Set(parts.map(({ name, version: its }) => `${name}@${its}`));
  assert.deepEqual(named(listed), named(there));
  assert.ok(there.length > 100, `${there.length} packages`);
  assert.ok(!existsSync(join(root, HOME, "tests")), "the tests are in the image");
});

await check("--version", async () => {
  assert.equal((await haystack(["--version"])).trim(), version);
});

await check("an atlas is imported, and doctor finds no problem", async () => {
  await haystack(["atlas", "simulate", "--output", `${DATA}/simulated.h5ad`]);
  await haystack(["doctor"]);
});

await check("without a daemon the health check fails", async () => {
  assert.equal((await run(["node", "bin/healthy.mjs"], serving)).code, 1);
});

const daemon = start([...config.Entrypoint, ...config.Cmd], serving);
const answers = (path) =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    ({ status }) => status === 200,
    () => false,
  );

await check("serve answers /livez, /readyz and the window, and is healthy", async () => {
  for (const path of ["/livez", "/readyz", "/"]) await until(path, daemon, () => answers(path));
  assert.equal((await run(["node", "bin/healthy.mjs"], serving)).code, 0);
});

await check("a question is answered through the daemon, with its three files", async () => {
  const question = "How would CD14+ monocytes respond to IFN-beta?";
  await haystack(["run", question, "--seed", "7", "--output", `${DATA}/results`], {
    HAYSTACK_SERVER: `http://127.0.0.1:${port}`,
  });
  const files = globSync("results/**/*_{predictions.h5ad,report.html,log.json}", { cwd: volume });
  assert.equal(files.length, 3, files.join());
});

await check("SIGTERM ends the daemon with exit code 0", async () => {
  signal(daemon, config.StopSignal);
  assert.equal(
    await Promise.race([daemon.ended, delay(PATIENCE_MS, "is still there", { ref: false })]),
    0,
    daemon.output,
  );
});

daemon.child.kill("SIGKILL");
mkdirSync(dirname(results), { recursive: true });
writeFileSync(results, JSON.stringify(counts));
console.log(`image: ${counts.passed} checks passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;
