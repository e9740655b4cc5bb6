import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "../tests/support/free-port.ts";
import { installPackage } from "../tests/support/package-place.ts";

/**
 * Milliseconds from starting a command to its end, of `serve` until /livez answers: from sources and
 * from the package; without a compile cache, with an empty one that the command fills, and with the
 * one that it filled. `list` reads an empty store. CPU time is that of the whole life of the process,
 * threads included, and says more on a machine that does other things too.
 */

const REPEATS = 9;
const COMMANDS = ["--version", "--help", "list", "serve"] as const;
type Command = (typeof COMMANDS)[number];

const place = await mkdtemp(join(tmpdir(), "haystack-bench-"));
const installed = await installPackage();
const PROGRAMS = { sources: resolve("bin/haystack.mjs"), package: installed.program };

async function untilAnswered(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
  }
}

/** Of all children that have ended; Linux keeps it, in hundredths of a second. */
function childrenCpuMs(): number {
  const fields = readFileSync("/proc/self/stat", "latin1").split(") ").at(-1)?.split(" ") ?? [];
  return 10 * (Number(fields[13]) + Number(fields[14]));
}

interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

async function start(program: string, command: Command, cache: string | null): Promise<Cost> {
  const port = String(await freePort());
  const args = command.startsWith("--") ? [command] : [command, "--data-dir", join(place, "data")];
  const cpuBefore = childrenCpuMs();
  const began = performance.now();
  const child = spawn(process.execPath, [program, ...args], {
    env: {
      ...process.env,
      HTTP_PORT: port,
      ...(cache === null ? { NODE_DISABLE_COMPILE_CACHE: "1" } : { XDG_CACHE_HOME: cache }),
    },
    stdio: "ignore",
  });
  const ended = once(child, "close");
  if (command === "serve")
    await Promise.race([untilAnswered(`http://127.0.0.1:${port}/livez`), ended]);
  else await ended;
  const wall = performance.now() - began;
  child.kill("SIGTERM");
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`haystack ${command} ended with ${String(code)}`);
  return { wall, cpu: childrenCpuMs() - cpuBefore };
}

const median = (values: readonly number[]): number =>
  Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);

const summary = (costs: readonly Cost[]) => ({
  wall_ms: median(costs.map(({ wall }) => wall)),
  cpu_ms: median(costs.map(({ cpu }) => cpu)),
});

async function measure(program: string, command: Command) {
  const times = {
    no_cache: [] as Cost[],
    empty_cache: [] as Cost[],
    full_cache: [] as Cost[],
  };
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const cache = join(place, `cache-${repeat}`);
    times.no_cache.push(await start(program, command, null));
    times.empty_cache.push(await start(program, command, cache));
    times.full_cache.push(await start(program, command, cache));
    await rm(cache, { recursive: true });
  }
  return {
    no_cache: summary(times.no_cache),
    empty_cache: summary(times.empty_cache),
    full_cache: summary(times.full_cache),
  };
}

const figures: Record<string, Record<string, Awaited<ReturnType<typeof measure>>>> = {};
try {
  for (const [form, program] of Object.entries(PROGRAMS)) {
    const ofForm: (typeof figures)[string] = {};
    figures[form] = ofForm;
    for (const command of COMMANDS) ofForm[command] = await measure(program, command);
  }
  const load = loadavg().map((value) => Number(value.toFixed(1)));
  console.log(JSON.stringify({ node: process.version, repeats: REPEATS, load, figures }, null, 1));
} finally {
  await installed.remove();
  await rm(place, { recursive: true, force: true });
}
