import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Figures } from "./durability-figures.ts";
import type { Place } from "./durability-host.ts";
import { machineFacts, slowFsyncLibrary } from "./durability-machine.ts";
import { hasWireServer, openWireServer } from "./wire-server.ts";

/**
 * What durability costs: `node bench/durability.ts [--store sqlite|mongodb|both] [--mongodb
 * URI|auto] [--only case,case] [--json]`. Every write is on disk before it counts. Each case runs
 * in a process of its own; prints one JSON document.
 */
const WRITES = {
  sqlite: "journal_mode=WAL, synchronous=FULL; answered after COMMIT has returned",
  mongodb: 'w: "majority", j: true; answered after the server has acknowledged',
} as const;

interface Step {
  readonly name: string;
  readonly size: number;
  /** Makes every flush of the process slower. */
  readonly slowFsync?: true;
  /** Measured so often, each time on a store of its own; the figures are those of the median. */
  readonly times?: number;
}

/** The steps of one list share a store. */
const PLANS: readonly (readonly Step[])[] = [
  [{ name: "throughput", size: 1 }],
  [{ name: "throughput", size: 1_000, times: 3 }],
  [{ name: "throughput", size: 1_000, slowFsync: true, times: 3 }],
  [{ name: "latency", size: 1_000 }],
  [
    { name: "prepareWaiting", size: 200 },
    { name: "restart", size: 200 },
  ],
  [
    { name: "prepareWaiting", size: 10_000 },
    { name: "restart", size: 10_000 },
    { name: "rehydration", size: 10_000 },
  ],
  [{ name: "flatGrowth", size: 1_000 }],
  [{ name: "flatGrowth", size: 100_000 }],
];

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "both" },
    mongodb: { type: "string", default: "auto" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const only = values.only.split(",").filter((name) => name !== "");
const folder = mkdtempSync(join(tmpdir(), "haystack-bench-"));
const slowFsync = slowFsyncLibrary(folder);

function run({ name, size, ...step }: Step, place: Place): Promise<Figures> {
  const args = [
    "--expose-gc",
    join(import.meta.dirname, "durability-case.ts"),
    name,
    JSON.stringify(place),
    String(size),
  ];
  const preload =
    step.slowFsync === true && slowFsync !== undefined ? { LD_PRELOAD: slowFsync } : {};
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...preload },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(printed) as Figures);
      else reject(new Error(`The case ${name} ended with ${code}.`));
    });
  });
}

function cannot(store: Place["store"], { name, slowFsync: isSlow }: Step): string | undefined {
  if (store === "mongodb" && isSlow === true) return "the flush to make slower is the server's";
  if (store === "mongodb" && name === "flatGrowth" && values.mongodb === "auto")
    return "the server for tests has no secondary indexes: give the address of a real one";
  if (isSlow === true && slowFsync === undefined)
    return "there is no C compiler to make the flush slower with";
  return undefined;
}

/** Runs every list of steps on a store of its own. */
async function measure(
  store: Place["store"],
  open: (number: number) => Promise<{ readonly place: Place; stop(): Promise<void> }>,
): Promise<Record<string, unknown>[]> {
  const results: Record<string, unknown>[] = [];
  for (const [number, plan] of PLANS.entries()) {
    if (only.length > 0 && !plan.some(({ name }) => only.includes(name))) continue;
    const times = Math.max(...plan.map((step) => step.times ?? 1));
    const measured: Record<string, unknown>[][] = [];
    for (let time = 0; time < times; time += 1) {
      const { place, stop } = await open(number * 10 + time);
      try {
        measured.push(await measurePlan(store, plan, place));
      } finally {
        await stop();
      }
    }
    results.push(...(times === 1 ? measured.flat() : [median(measured.flat())]));
  }
  return results;
}

async function measurePlan(
  store: Place["store"],
  plan: readonly Step[],
  place: Place,
): Promise<Record<string, unknown>[]> {
  const results: Record<string, unknown>[] = [];
  for (const step of plan) {
    const named = {
      store,
      case: step.name,
      ...(step.slowFsync === true ? { slower_fsync_ms: 2 } : {}),
    };
    const skipped = cannot(store, step);
    const figures = skipped === undefined ? await run(step, place) : { size: step.size, skipped };
    console.error(JSON.stringify({ ...named, ...figures }));
    if (step.name !== "prepareWaiting") results.push({ ...named, ...figures });
  }
  return results;
}

/** Of several measurements of one throughput. */
function median(measured: readonly Record<string, unknown>[]): Record<string, unknown> {
  const rate = (figures: Record<string, unknown>): number =>
    Number(figures["transitions_per_second"] ?? 0);
  const sorted = measured.toSorted((a, b) => rate(a) - rate(b));
  return {
    ...sorted[Math.floor(sorted.length / 2)],
    transitions_per_second_of_each: sorted.map(rate),
  };
}

const openSqlite = async (number: number) => ({
  place: { store: "sqlite", at: join(folder, `${number}.sqlite`), database: "" } as const,
  stop: () => Promise.resolve(),
});

async function openMongodb(number: number) {
  const { uri, stop } = await openWireServer(values.mongodb);
  return {
    place: { store: "mongodb", at: uri, database: `bench-${process.pid}-${number}` } as const,
    stop,
  };
}

try {
  const machine = machineFacts();
  const results: Record<string, unknown>[] = [];
  if (values.store !== "mongodb") results.push(...(await measure("sqlite", openSqlite)));
  const isMissing = values.mongodb === "auto" && !hasWireServer();
  if (values.store !== "sqlite" && isMissing)
    results.push({
      store: "mongodb",
      skipped: "there is no MongoDB server: run .ci/mongodb-wire.sh, or give --mongodb",
    });
  else if (values.store !== "sqlite") results.push(...(await measure("mongodb", openMongodb)));
  console.log(
    JSON.stringify(
      { benchmark: "durability", machine, writes: WRITES, results },
      null,
      values.json ? 0 : 1,
    ),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
