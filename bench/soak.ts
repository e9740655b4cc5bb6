import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openRuns } from "../adapters/runs.ts";
import { loadConfig } from "../config.ts";
import { chaosEnvironment } from "./chaos-daemon.ts";
import { insertRun, makeAtlas } from "./chaos-work.ts";
import { type Sample, sample, slopePerHour } from "./soak-samples.ts";

/**
 * A daemon under a steady load for a long time: `node bench/soak.ts --minutes 30 [--restarts 4]
 * [--load 4] [--keep 40] [--json]`. So many runs are always on their way; the daemon is restarted
 * in between, by SIGTERM and SIGKILL in turn; ended runs are pruned down to a number, and what is
 * measured before there are so many is left out. Prints one JSON document with the growth of memory,
 * handles, files and disk per hour; exits with 1 if a run
 * was lost or failed, or a daemon ended by itself.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    restarts: { type: "string", default: "4" },
    load: { type: "string", default: "4" },
    keep: { type: "string", default: "40" },
    json: { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
const restarts = Number(values.restarts);
const [load, keep] = [Number(values.load), Number(values.keep)];
const SAMPLE_MS = 2_000;
const PRUNE_EVERY = 5;
/** Of each process: what it loads and compiles at first is no growth. */
const WARM_UP_SECONDS = Math.min(60, (minutes * 60) / (restarts + 1) / 3);
const COMMAND_LINE = join(import.meta.dirname, "../bin/haystack.mjs");

const dataDir = await mkdtemp(join(tmpdir(), "haystack-soak-"));
const environment = { ...chaosEnvironment(dataDir), RETAIN_RUNS: String(keep) };
const config = loadConfig(environment, dataDir);
let crashes = 0;

function start(): ChildProcess {
  const child = spawn(process.execPath, [COMMAND_LINE, "serve", "--data-dir", dataDir], {
    env: { ...process.env, ...environment },
    stdio: "ignore",
  });
  child.once("exit", () => {
    if (!isEnding) crashes += 1;
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  isEnding = true;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
  isEnding = false;
}

async function prune(): Promise<void> {
  const child = spawn(
    process.execPath,
    [COMMAND_LINE, "prune", "--most", String(keep), "--data-dir", dataDir],
    { env: { ...process.env, ...environment }, stdio: ["ignore", "ignore", "inherit"] },
  );
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) crashes += 1;
}

let isEnding = false;
await makeAtlas(config);
const store = await openRuns(config);
let daemon = start();
const began = performance.now();
const seconds = (): number => (performance.now() - began) / 1_000;
const lives: Sample[][] = [[]];
let submitted = 0;
let failed = 0;
let bornAt = 0;
const onTheirWay = new Set<string>();

async function renewLoad(): Promise<void> {
  for (const runId of onTheirWay) {
    const status = (await store.get(runId))?.document.status;
    if (status === "pending" || status === "running") continue;
    // An ended run may be pruned before it is looked at.
    if (status === "failed") failed += 1;
    onTheirWay.delete(runId);
  }
  while (onTheirWay.size < load && seconds() < minutes * 60)
    onTheirWay.add(await insertRun(store, submitted++));
}

try {
  for (let round = 0; seconds() < minutes * 60; round++) {
    await renewLoad();
    const taken = await sample(daemon.pid ?? 0, dataDir, seconds());
    const isSteady = seconds() - bornAt > WARM_UP_SECONDS && submitted > keep + load;
    if (taken !== undefined && isSteady) lives.at(-1)?.push(taken);
    if (round % PRUNE_EVERY === PRUNE_EVERY - 1) await prune();
    if (seconds() > (lives.length * minutes * 60) / (restarts + 1)) {
      await end(daemon, lives.length % 2 === 0 ? "SIGKILL" : "SIGTERM");
      daemon = start();
      bornAt = seconds();
      lives.push([]);
    }
    await pause(SAMPLE_MS);
  }
  const deadline = seconds() + 120;
  while (onTheirWay.size > 0 && seconds() < deadline) {
    await renewLoad();
    await pause(200);
  }
  await end(daemon, "SIGTERM");
  const all = lives.flat();
  const range = (of: keyof Sample) => ({
    first: Math.round(all[0]?.[of] ?? 0),
    last: Math.round(all.at(-1)?.[of] ?? 0),
    most: Math.round(Math.max(...all.map((one) => one[of]))),
  });
  const perHour = (of: Exclude<keyof Sample, "at">): number =>
    Math.round(slopePerHour(of === "files" || of === "disk_mb" ? [all] : lives, of) * 10) / 10;
  const result = {
    minutes,
    runs: submitted,
    lost: onTheirWay.size,
    failed,
    crashes,
    restarts: lives.length - 1,
    samples: all.length,
    growth_per_hour: {
      rss_mb: perHour("rss_mb"),
      handles: perHour("handles"),
      files: perHour("files"),
      disk_mb: perHour("disk_mb"),
    },
    rss_mb: range("rss_mb"),
    handles: range("handles"),
    files: range("files"),
    disk_mb: range("disk_mb"),
  };
  console.log(JSON.stringify(result, null, values.json ? 0 : 1));
  process.exitCode = onTheirWay.size + failed + crashes === 0 ? 0 : 1;
} finally {
  if (daemon.exitCode === null && daemon.signalCode === null) await end(daemon, "SIGKILL");
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
}
