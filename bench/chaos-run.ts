import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { loadConfig, type Config } from "../config.ts";
import { openRuns } from "../adapters/runs.ts";
import { openWorkbench } from "../daemon.ts";
import { randomStream, uniform } from "../science/simulate/seeded-random.ts";
import type { RunStore } from "../services/runs/index.ts";
import { newRun } from "../services/runs/document.ts";
import { chaosEnvironment, keepDaemon } from "./chaos-daemon.ts";
import { FAULT_KINDS, type FaultKind, strike } from "./chaos-faults.ts";
import { countEffects, mailsIn, type Effects } from "./chaos-effects.ts";

export interface ChaosOptions {
  readonly runs: number;
  readonly kills: number;
  /** Faults of the other kinds, in turns. */
  readonly faults?: number;
  readonly seed: number;
  readonly daemons: 1 | 2;
  /** Where the runs are kept; without it in an SQLite file. */
  readonly mongodbUri?: string;
  /** After so many seconds what does not rest is lost. */
  readonly limitSeconds: number;
  readonly log: (text: string) => void;
  /** When the daemons have stopped and the effects are counted. */
  readonly onCounted?: (
    store: RunStore,
    dataDir: string,
    runIds: readonly string[],
  ) => Promise<void>;
}

export interface ChaosResult extends Effects {
  readonly runs: number;
  readonly kills: number;
  /** How often each other kind of fault struck. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly seconds: number;
  /** Times that a daemon ended without being killed, or did not end well when asked to. */
  readonly crashes: number;
  /** How many runs each daemon moved on; a run that changed its host counts for both. */
  readonly moved_runs: readonly number[];
}

const USERS = 7;
const LONGEST_DELAY_MS = 1_500;

/** A small simulated atlas in which the question of the runs can be answered. */
export async function makeAtlas(config: Config): Promise<void> {
  const workbench = await openWorkbench(config);
  try {
    const file = join(config.dataDir, "atlas.h5ad");
    await workbench.compute.run("simulate", {
      file,
      options: {
        seed: 1,
        nGenes: 60,
        nCellTypes: 3,
        nPerturbations: 3,
        nDonors: 2,
        cellsPerGroup: 12,
      },
    });
    await workbench.atlases.import({ source: file });
  } finally {
    await workbench.close();
  }
}

export const insertRun = (store: RunStore, index: number): Promise<string> => {
  const run = newRun({
    run_id: `chaos-${index}`,
    query: "How would CD4+ T cells respond to IFN-gamma?",
    user_email: `user-${index % USERS}@example.org`,
    config: {
      max_iterations: index % 4 === 0 ? 2 : 1,
      control_strategy: index % 3 === 0 ? "query_as_control" : "synthetic_control",
      control_job: index % 2 === 0 ? "together" : "separate",
      prompt_cells: 20,
      query_cells: 20,
    },
    random_seed: index,
    now: Date.now(),
  });
  return store.insert(run).then(() => run.run_id);
};

async function rests(store: RunStore): Promise<boolean> {
  for (const status of ["pending", "running"] as const)
    if ((await store.list({ status, limit: 1 })).length > 0) return false;
  return true;
}

/**
 * Submits runs to real daemons, kills the daemons at random moments and starts them again until
 * every run rests, and counts what was done.
 */
export async function runChaos({
  runs,
  kills,
  faults = 0,
  seed,
  daemons,
  mongodbUri,
  limitSeconds,
  log,
  onCounted,
}: ChaosOptions): Promise<ChaosResult> {
  const dataDir = await mkdtemp(join(tmpdir(), "haystack-chaos-"));
  const environment = {
    ...chaosEnvironment(dataDir),
    NODE_COMPILE_CACHE: join(dataDir, "compile-cache"),
    ...(mongodbUri === undefined
      ? {}
      : { MONGODB_URI: mongodbUri, MONGODB_DATABASE: `chaos-${process.pid}` }),
  };
  const config = loadConfig(environment, dataDir);
  await makeAtlas(config);
  const started = performance.now();
  const isLate = (): boolean => performance.now() - started > limitSeconds * 1_000;
  const hosts = Array.from({ length: daemons }, (_, index) =>
    keepDaemon(dataDir, { ...environment, DAEMON_ID: `daemon-${index}` }, log),
  );
  const store = await openRuns(config);
  try {
    await Promise.all(hosts.map((host) => host.ready()));
    const runIds = await Promise.all(
      Array.from({ length: runs }, (_, index) => insertRun(store, index)),
    );
    log(`${runs} runs are submitted.`);

    const random = randomStream(seed, "kills");
    const struck: Partial<Record<FaultKind, number>> = {};
    /**
     * Spread over the whole work: each kill waits for its share of the mails, and then a random
     * moment more. While a killed daemon is away, the others that have had no run yet take one up.
     */
    const shares = [
      ...Array.from({ length: kills }, () => ["kill", uniform(random)] as const),
      ...Array.from(
        { length: faults },
        (_, index) =>
          [FAULT_KINDS[index % FAULT_KINDS.length] ?? "runner", uniform(random)] as const,
      ),
    ].toSorted(([, a], [, b]) => a - b);
    let killed = 0;
    for (const [kind, share] of shares) {
      while ((await mailsIn(dataDir)).length < Math.floor(share * runs) && !isLate())
        await pause(20);
      await pause(uniform(random) * LONGEST_DELAY_MS);
      if (isLate()) break;
      const target = hosts[Math.floor(uniform(random) * daemons)];
      const others = hosts.filter((host) => host !== target && host.moved().size === 0);
      if (kind !== "kill" && kind !== "group") {
        while (target !== undefined && !(await strike(kind, target.pid(), dataDir)) && !isLate()) {
          if (await rests(store)) break;
          await pause(20);
        }
        struck[kind] = (struck[kind] ?? 0) + 1;
        log(`fault: ${kind} after ${(await mailsIn(dataDir)).length} mails`);
        continue;
      }
      await target?.killAndRestart(
        async () => {
          while (
            others.some((host) => host.moved().size === 0) &&
            !(await rests(store)) &&
            !isLate()
          )
            await pause(20);
        },
        kind === "group" ? "group" : "daemon",
      );
      if (kind === "group") {
        struck.group = (struck.group ?? 0) + 1;
        log(`fault: group after ${(await mailsIn(dataDir)).length} mails`);
        continue;
      }
      killed += 1;
      log(`kill ${killed} of ${kills} after ${(await mailsIn(dataDir)).length} mails`);
    }
    while (!((await rests(store)) && (await mailsIn(dataDir)).length >= runs) && !isLate())
      await pause(100);
    const seconds = (performance.now() - started) / 1_000;
    const codes = await Promise.all(hosts.map((host) => host.stop()));
    const crashes =
      hosts.reduce((sum, host) => sum + host.crashes(), 0) +
      codes.filter((code) => code !== 0).length;
    const result = {
      runs,
      kills: killed,
      faults: struck,
      seconds,
      crashes,
      moved_runs: hosts.map((host) => host.moved().size),
      ...(await countEffects(store, dataDir, runIds)),
    };
    await onCounted?.(store, dataDir, runIds);
    return result;
  } finally {
    await Promise.all(hosts.map((host) => host.stop()));
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}
