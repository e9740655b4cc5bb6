import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openRuns } from "../adapters/runs.ts";
import { loadConfig } from "../config.ts";
import { randomStream, uniform } from "../science/simulate/seeded-random.ts";
import type { RunStore } from "../services/runs/index.ts";
import { chaosEnvironment, type DaemonProcess, keepDaemon } from "./chaos-daemon.ts";
import { mountSmallDisk } from "./chaos-disk.ts";
import { countEffects, mailsIn, type Effects } from "./chaos-effects.ts";
import { FAULT_KINDS, type FaultKind, strike } from "./chaos-faults.ts";
import { killOrphans, type Left, leftoversOf, orphansOf } from "./chaos-left.ts";
import { insertRun, makeAtlas, rests } from "./chaos-work.ts";

export interface ChaosOptions {
  readonly runs: number;
  readonly kills: number;
  /** Faults of the other kinds, in turns. */
  readonly faults?: number;
  readonly seed: number;
  readonly daemons: 1 | 2;
  /** Of a round, side by side: with their controls twice as many pairs; 1 unless it is said. */
  readonly prompts?: number;
  /** Where the runs are kept; without it in an SQLite file. */
  readonly mongodbUri?: string;
  /** After so many seconds what does not rest is lost. */
  readonly limitSeconds: number;
  readonly log: (text: string) => void;
  /** A folder for the daemons' own logs. */
  readonly logFolder?: string;
  /** When the daemons have stopped and the effects are counted. */
  readonly onCounted?: (
    store: RunStore,
    folders: ChaosFolders,
    runIds: readonly string[],
  ) => Promise<void>;
}

/** What the daemons write to, on a disk of its own, and what the count from outside reads beside it. */
export interface ChaosFolders {
  readonly dataDir: string;
  readonly witness: string;
}

export interface ChaosResult extends Effects, Left {
  readonly runs: number;
  readonly kills: number;
  /** How often each other kind of fault struck. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Kinds that this machine does not let us try. */
  readonly faults_left_out: readonly FaultKind[];
  readonly seconds: number;
  /** Times that a daemon ended without being killed, or did not end well when asked to. */
  readonly crashes: number;
  /** Starts that a full disk refused. */
  readonly refused_starts: number;
  /** How many runs each daemon moved on; a run that changed its host counts for both. */
  readonly moved_runs: readonly number[];
}

type Blow = FaultKind | "kill";

const LONGEST_DELAY_MS = 1_500;
/** With more of them it is no use to go on. */
const MOST_CRASHES = 10;
const TIDIED_WITHIN_MS = 30_000;
const MEGABYTES_OF_A_RUN = 4;
const MEGABYTES_OF_THE_REST = 128;

/** Each has a share of the mails to wait for: they are spread over the whole work. */
function planOf(
  { kills, faults = 0 }: Pick<ChaosOptions, "kills" | "faults">,
  kinds: readonly FaultKind[],
  random: () => number,
): { readonly blow: Blow; readonly share: number }[] {
  const blows: Blow[] = [
    ...Array.from({ length: kills }, () => "kill" as const),
    ...Array.from({ length: faults }, (_, index) => kinds[index % kinds.length] ?? "runner"),
  ];
  return blows.map((blow) => ({ blow, share: random() })).toSorted((a, b) => a.share - b.share);
}

/**
 * Submits runs to real daemons, kills the daemons at random moments and starts them again until
 * every run rests, and counts what was done.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { runs, seed, daemons, prompts, mongodbUri, limitSeconds, log, logFolder, onCounted } =
    options;
  const folder = await mkdtemp(join(tmpdir(), "haystack-chaos-"));
  const folders = { dataDir: join(folder, "data"), witness: join(folder, "witness") };
  const { dataDir, witness } = folders;
  await mkdir(witness);
  const disk = mountSmallDisk(dataDir, runs * MEGABYTES_OF_A_RUN + MEGABYTES_OF_THE_REST);
  const kinds = FAULT_KINDS.filter((kind) => kind !== "disk" || disk !== undefined);
  const environment = {
    ...chaosEnvironment(witness),
    NODE_COMPILE_CACHE: join(witness, "compile-cache"),
    ...(mongodbUri === undefined
      ? {}
      : { MONGODB_URI: mongodbUri, MONGODB_DATABASE: `chaos-${process.pid}` }),
  };
  const config = loadConfig(environment, dataDir);
  await makeAtlas(config);
  const started = performance.now();
  const isLate = (): boolean =>
    performance.now() - started > limitSeconds * 1_000 ||
    hosts.some((host) => host.crashes() > MOST_CRASHES);
  const begin = (index: number): DaemonProcess => {
    const own =
      logFolder && createWriteStream(join(logFolder, `daemon-${index}.log`), { flags: "a" });
    const said = own ? (text: string) => void own.write(text) : undefined;
    return keepDaemon(dataDir, { ...environment, DAEMON_ID: `daemon-${index}` }, log, said);
  };
  const hosts = Array.from({ length: daemons }, (_, index) => begin(index));
  const store = await openRuns(config);
  const mailed = async (): Promise<number> => (await mailsIn(dataDir)).length;

  /** While a killed daemon is away, the others that have had no run yet take one up. */
  const othersMoved = async (others: readonly DaemonProcess[]): Promise<void> => {
    while (others.some((host) => host.moved().size === 0) && !(await rests(store)) && !isLate())
      await pause(20);
  };

  const deal = async (blow: Blow, target: DaemonProcess): Promise<void> => {
    if (blow === "kill" || blow === "group") {
      const others = hosts.filter((host) => host !== target && host.moved().size === 0);
      return target.killAndRestart(
        () => othersMoved(others),
        blow === "group" ? "group" : "daemon",
      );
    }
    while (!(await strike(blow, { daemon: target.pid(), dataDir, disk })) && !isLate()) {
      if (await rests(store)) break;
      await pause(20);
    }
  };

  /** What a process that was killed left goes with the next start. */
  const leftAfterStart = async (runIds: readonly string[]): Promise<string[]> => {
    const host = begin(0);
    await host.ready();
    const until = performance.now() + TIDIED_WITHIN_MS;
    let left = await leftoversOf(store, dataDir, runIds);
    while (left.length > 0 && performance.now() < until) {
      await pause(200);
      left = await leftoversOf(store, dataDir, runIds);
    }
    await host.stop();
    return left;
  };

  try {
    await Promise.all(hosts.map((host) => host.ready()));
    const runIds = await Promise.all(
      Array.from({ length: runs }, (_, index) => insertRun(store, index, prompts)),
    );
    log(`${runs} runs are submitted.`);
    const stream = randomStream(seed, "kills");
    const random = (): number => uniform(stream);
    const struck: Partial<Record<Blow, number>> = {};
    for (const { blow, share } of planOf(options, kinds, random)) {
      while ((await mailed()) < Math.floor(share * runs) && !isLate()) await pause(20);
      await pause(random() * LONGEST_DELAY_MS);
      const target = hosts[Math.floor(random() * daemons)];
      if (isLate() || target === undefined) break;
      await deal(blow, target);
      struck[blow] = (struck[blow] ?? 0) + 1;
      log(`${blow} ${struck[blow]} after ${await mailed()} mails`);
    }
    while (!((await rests(store)) && (await mailed()) >= runs) && !isLate()) await pause(100);
    const seconds = (performance.now() - started) / 1_000;
    const codes = await Promise.all(hosts.map((host) => host.stop()));
    const orphans = await orphansOf(folder);
    killOrphans(orphans);
    const leftovers = await leftAfterStart(runIds);
    const { kill: killed = 0, ...faults } = struck;
    const result = {
      runs,
      kills: killed,
      faults,
      faults_left_out: FAULT_KINDS.filter((kind) => !kinds.includes(kind)),
      seconds,
      crashes:
        hosts.reduce((sum, host) => sum + host.crashes(), 0) +
        codes.filter((code) => code !== 0).length,
      refused_starts: hosts.reduce((sum, host) => sum + host.refusedStarts(), 0),
      moved_runs: hosts.map((host) => host.moved().size),
      orphans,
      leftovers,
      ...(await countEffects(store, folders, runIds)),
    };
    await onCounted?.(store, folders, runIds);
    return result;
  } finally {
    await Promise.all(hosts.map((host) => host.stop()));
    await store.close();
    killOrphans(await orphansOf(folder));
    disk?.close();
    await rm(folder, { recursive: true, force: true });
  }
}
