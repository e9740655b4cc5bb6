import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CASES } from "./durability-cases.ts";
import type { Figures } from "./durability-figures.ts";
import type { Place } from "./durability-host.ts";
import { machineFacts, slowFsyncLibrary } from "./durability-machine.ts";
import { hasWireServer, openWireServer } from "./wire-server.ts";

/**
 * What durability costs: `node bench/durability.ts [--store sqlite|mongodb|both] [--mongodb URI|auto] [--only case,case] [--json]`.
 * Every write is on disk before it counts. Each case runs in a process of its own; prints one JSON document.
 */
const WRITES = {
  sqlite: "journal_mode=WAL, synchronous=FULL; answered after COMMIT has returned",
  mongodb: 'w: "majority", j: true; answered after the server has acknowledged',
} as const;

interface Plan {
  readonly name: string;
  readonly size: number;
  /** Cases of one name share a store, in order. */
  readonly place: string;
  readonly slowFsync?: true;
}

const plans = (store: Place["store"]): Plan[] => {
  const many = store === "sqlite" ? 100_000 : 20_000;
  return [
    { name: "throughput", size: 1, place: "one" },
    { name: "throughput", size: 1_000, place: "thousand" },
    ...(store === "sqlite" ? [{ name: "throughput", size: 1_000, place: "slow", slowFsync: true } as const] : []),
    { name: "latency", size: 1_000, place: "latency" },
    { name: "prepareWaiting", size: 200, place: "few" },
    { name: "restart", size: 200, place: "few" },
    { name: "prepareWaiting", size: 10_000, place: "waiting" },
    { name: "restart", size: 10_000, place: "waiting" },
    { name: "rehydration", size: 10_000, place: "waiting" },
    { name: "flatGrowth", size: 1_000, place: "small" },
    { name: "flatGrowth", size: many, place: "large" },
  ];
};

const [mode, caseName, placeText, size] = process.argv.slice(2);
if (mode === "case" && caseName !== undefined && placeText !== undefined) {
  const figures = await CASES[caseName]?.(JSON.parse(placeText) as Place, Number(size));
  console.log(JSON.stringify(figures));
} else await main();

function run(plan: Plan, place: Place, environment: Readonly<Record<string, string>>): Promise<Figures> {
  const args = ["--expose-gc", import.meta.filename, "case", plan.name, JSON.stringify(place), String(plan.size)];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(printed) as Figures);
      else reject(new Error(`The case ${plan.name} ended with ${code}.`));
    });
  });
}

async function measure(store: Place["store"], at: (place: string) => Place, only: readonly string[], folder: string): Promise<Record<string, unknown>[]> {
  const library = slowFsyncLibrary(folder);
  const results: Record<string, unknown>[] = [];
  for (const plan of plans(store)) {
    if (only.length > 0 && !only.includes(plan.name)) continue;
    const named = { store, case: plan.name, ...(plan.slowFsync === undefined ? {} : { slower_fsync_ms: 2 }) };
    if (plan.slowFsync !== undefined && library === undefined) {
      results.push({ ...named, skipped: "there is no C compiler to make the flush slower with" });
      continue;
    }
    const figures = await run(plan, at(plan.place), plan.slowFsync !== undefined && library !== undefined ? { LD_PRELOAD: library } : {});
    console.error(store, plan.name, JSON.stringify(figures));
    if (plan.name !== "prepareWaiting") results.push({ ...named, ...figures });
  }
  return results;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      store: { type: "string", default: "both" },
      mongodb: { type: "string", default: "auto" },
      only: { type: "string", default: "" },
      json: { type: "boolean", default: false },
    },
  });
  const only = values.only === "" ? [] : ["prepareWaiting", ...values.only.split(",")];
  const folder = mkdtempSync(join(tmpdir(), "haystack-bench-"));
  const machine = machineFacts();
  const results: Record<string, unknown>[] = [];
  try {
    if (values.store !== "mongodb") results.push(...(await measure("sqlite", (place) => ({ store: "sqlite", at: join(folder, `${place}.sqlite`), database: "" }), only, folder)));
    if (values.store !== "sqlite") {
      if (values.mongodb === "auto" && !hasWireServer()) results.push({ store: "mongodb", skipped: "there is no MongoDB server: run .ci/mongodb-wire.sh, or give --mongodb" });
      else {
        const server = await openWireServer(values.mongodb);
        try {
          results.push(...(await measure("mongodb", (place) => ({ store: "mongodb", at: server.uri, database: `bench-${process.pid}-${place}` }), only, folder)));
        } finally {
          await server.stop();
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(JSON.stringify({ benchmark: "durability", machine, writes: WRITES, results }, null, values.json ? 0 : 1));
}
