import { bindRunMachine } from "../../../actors/host/bind-run-machine.ts";
import {
  createSupervisor,
  type Supervisor,
  type SupervisorOptions,
} from "../../../actors/supervisor/supervisor.ts";
import { HaystackError } from "../../../errors.ts";
import { manualClock, type ManualClock } from "../../../services/clock/manual.ts";
import type { OutboxEntry, RunCommit, RunRecord, RunStore } from "../../../services/runs/index.ts";
import { newRun, type RunConfig } from "../../../services/runs/document.ts";
import type { Persisted } from "../persisted-steps.ts";
import { daemonProcess, type DaemonProcess } from "../simulation/daemon-process.ts";
import type { SteeredEffect } from "./model-path.ts";
import { CONFIG } from "./run-paths.ts";
import {
  never,
  steeredEffects,
  type CrashPoint,
  type SteeredWorld,
  type WaitingStep,
} from "./steered-effects.ts";

/**
 * One run on a real store, hosted by one process after another; each of its steps waits to be told
 * what comes of it.
 */

export const LEASE_MS = 60_000;
const POLL_MS = 1_000;
/** When a write that failed is repeated. */
const RETRY_MS = 100;
const NO_USAGE = { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 };

export interface SteeredProcess {
  readonly process: DaemonProcess;
  readonly supervisor: Supervisor;
  /** Steps that have begun and wait for their answer. */
  readonly waiting: ReadonlyMap<SteeredEffect, WaitingStep>;
}

export interface SteeredRun {
  readonly runId: string;
  readonly store: RunStore;
  /** The same as another daemon reaches it, with the planted faults. */
  readonly rivals: RunStore;
  readonly clock: ManualClock;
  /** What took effect in the world, by name, in order. */
  readonly performed: readonly string[];
  readonly jobsCreated: readonly string[];
  readonly mails: readonly string[];
  /** Broken invariants. */
  readonly violations: readonly string[];
  /** Acknowledged commits, but for those that only record a mail. */
  readonly commits: () => number;
  /** Mails that a process had sent and not recorded when it died: they go out again. */
  readonly mailsAtRisk: readonly string[];
  /** Commits that the store had no room for. */
  readonly fullDisks: () => number;
  /** The run is at rest, its mails are recorded, and its host has let it go. */
  readonly released: () => boolean;
  readonly isLeased: () => boolean;
  /** The next such moment of an act, or of the next mail, kills the present process. */
  arm(point: CrashPoint, of: "act" | "mail"): void;
  /** The next process to host the run ends with that; none if it is set aside instead. */
  endNextTakeUp(): void;
  start(): SteeredProcess;
  present(): SteeredProcess;
  /** Lets processes admit the run from now on; before, and again after `hold`, it stays queued. */
  allow(): void;
  hold(): void;
  /** Resolves when the condition holds; looked at whenever something has happened. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** The newest snapshot that a living process knows to be stored. */
  acknowledged(): Persisted | null;
  /** Takes what is stored for known: nobody hosts a run that is queued. */
  reread(): Promise<void>;
}

export interface SteeredRunOptions {
  readonly config?: Partial<RunConfig> | undefined;
  /** Planted faults. */
  readonly mutateStore?: (store: RunStore) => RunStore;
  readonly create?: (options: SupervisorOptions) => Supervisor;
  readonly bind?: typeof bindRunMachine;
  /** After this time without the expected, the run counts as stuck. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30_000;

export async function steeredRun(
  store: RunStore,
  runId: string,
  {
    config = {},
    mutateStore = (same) => same,
    create = createSupervisor,
    bind = bindRunMachine,
    patienceMs = PATIENCE_MS,
  }: SteeredRunOptions = {},
): Promise<SteeredRun> {
  const clock = manualClock(1_800_000_000_000);
  const performed: string[] = [];
  const jobsCreated: string[] = [];
  const mails: string[] = [];
  const violations: string[] = [];
  const watchers = new Set<() => void>();
  const limits = { maxActive: 0, maxActivePerUser: 1_000 };
  let commits = 0;
  const mailsAtRisk: string[] = [];
  /** Mails that the present process has sent. */
  const inHand = new Set<string>();
  let outbox: readonly OutboxEntry[] = [];
  let processes = 0;
  let fullDisks = 0;
  let armed: { readonly point: CrashPoint; readonly of: "act" | "mail" } | null = null;
  let endsTakeUp = false;
  /** Of this run, by the process that lives: one of a dead process has run out. */
  let leased = false;
  let acknowledged: string | null = null;
  let current: SteeredProcess | undefined;
  /** The newest that a process reported. */
  let trouble = "none";
  /** Writes that a process was about to make when it died. */
  const late: (readonly RunCommit[])[] = [];

  const look = (): void => {
    for (const watcher of watchers) watcher();
  };
  /** What has happened now has been acted upon one turn later. */
  const happened = (): void => {
    look();
    setImmediate(look);
  };
  const strikes = (point: CrashPoint, of: "act" | "mail"): boolean =>
    armed?.point === point && armed.of === of;
  const crash = (process: DaemonProcess): void => {
    armed = null;
    endsTakeUp = false;
    process.kill();
    const recorded = new Set(outbox.filter(({ state }) => state === "sent").map(({ key }) => key));
    mailsAtRisk.push(...[...inHand].filter((key) => !recorded.has(key)));
    inHand.clear();
    happened();
  };
  const known = (stored: Pick<RunRecord, "snapshot" | "outbox">): void => {
    acknowledged = stored.snapshot;
    outbox = stored.outbox;
    happened();
  };
  const recordedMails = (entries: readonly OutboxEntry[]): number =>
    entries.filter(({ state }) => state === "sent").length;

  const expectRefused = async (
    inner: RunStore,
    group: readonly RunCommit[],
    what: string,
  ): Promise<void> => {
    const outcomes = await inner.commit(group);
    if (outcomes.some(({ result }) => result === "committed"))
      violations.push(`D3: ${what} was taken`);
  };

  /** The store as one process reaches it: nothing passes once the process is dead. */
  const storeOf = (process: DaemonProcess): RunStore => {
    const inner = mutateStore(store);
    const through =
      <Args extends unknown[], Result>(operation: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        if (!process.alive) return never();
        const result = await operation(...args);
        return process.alive ? result : never();
      };
    const commit = async (
      group: readonly RunCommit[],
    ): Promise<Awaited<ReturnType<RunStore["commit"]>>> => {
      const recordsMail = group.some(
        (each) => each.run_id === runId && recordedMails(each.outbox) > recordedMails(outbox),
      );
      const of = recordsMail ? "mail" : "act";
      if (strikes("before the commit", of)) {
        late.push(group);
        crash(process);
      }
      if (strikes("on a full disk", of)) {
        armed = null;
        fullDisks += 1;
        setImmediate(() => clock.advance(RETRY_MS));
        throw new HaystackError("STORE_UNAVAILABLE", "The disk of the store is full.");
      }
      const outcomes = await through(inner.commit)(group);
      const own = group.findLastIndex(
        ({ run_id }, index) => run_id === runId && outcomes[index]?.result === "committed",
      );
      const last = group[own];
      if (strikes("after the commit", of)) {
        outbox = last?.outbox ?? outbox;
        crash(process);
        return never();
      }
      if (last !== undefined) {
        if (!recordsMail || last.history.length > 0 || last.consumed.length > 0) commits += 1;
        known(last);
      }
      if (strikes("after the acknowledgement", of)) {
        armed = null;
        setImmediate(() => crash(process));
      }
      return outcomes;
    };
    const claim: RunStore["claim"] = async (request) => {
      const records = await through(inner.claim)(request);
      const own = records.find(({ document }) => document.run_id === runId);
      if (
        own !== undefined &&
        request.queued_of !== undefined &&
        strikes("after the effect", "act")
      ) {
        crash(process);
        return never();
      }
      if (own !== undefined) {
        leased = true;
        for (const group of late.splice(0))
          await expectRefused(inner, group, "the late write of a dead process");
        if (own.damage === undefined) known(own);
        if (endsTakeUp) setImmediate(() => endsTakeUp && crash(process));
      }
      return records;
    };
    const deliver: RunStore["deliver"] = async (id, event) => {
      const result = await through(inner.deliver)(id, event);
      if (
        result === "stored" &&
        (await store.get(id))?.inbox.some((stored) => stored.id === event.id) !== true
      )
        violations.push(`D5: the event ${event.id} was acknowledged before it was stored`);
      if (!strikes("after the effect", "act")) return result;
      crash(process);
      return never();
    };
    const release: RunStore["release"] = async (leases) => {
      await through(inner.release)(leases);
      if (leases.some(({ run_id }) => run_id === runId)) leased = false;
      happened();
    };
    return {
      ...inner,
      insert: through(inner.insert),
      get: through(inner.get),
      loads: through(inner.loads),
      renew: through(inner.renew),
      release,
      pending: through(inner.pending),
      setAside(id, why) {
        if (id === runId) endsTakeUp = false;
        return through(inner.setAside)(id, why);
      },
      commit,
      claim,
      deliver,
    };
  };

  const world: SteeredWorld = {
    now: () => clock.now(),
    performed,
    jobsCreated,
    violations,
    strikes,
    crash,
    happened,
    jobs: new Map(),
    get acknowledged() {
      return acknowledged;
    },
  };

  await store.insert(
    newRun({
      run_id: runId,
      query: "How would B cells respond to IFN-beta?",
      user_email: "user@example.org",
      config: { ...CONFIG, max_job_attempts: 2, ...config },
      random_seed: 1,
      now: clock.now(),
    }),
  );

  const run: SteeredRun = {
    runId,
    store,
    rivals: mutateStore(store),
    clock,
    performed,
    jobsCreated,
    mails,
    mailsAtRisk,
    violations,
    commits: () => commits,
    fullDisks: () => fullDisks,
    released: () =>
      outbox.length > 0 &&
      outbox.every(({ state }) => state === "sent") &&
      current?.supervisor.hosted().length === 0 &&
      !leased,
    isLeased: () => leased,
    arm(point, of) {
      armed = { point, of };
    },
    endNextTakeUp() {
      endsTakeUp = true;
    },
    start() {
      const process = daemonProcess(`process-${++processes}`, clock);
      leased = false;
      const waiting = new Map<SteeredEffect, WaitingStep>();
      const supervisor = create({
        store: storeOf(process),
        machine: bind(steeredEffects(world, process, waiting)),
        clock: process.clock,
        jobEvents: { subscribe: async () => async () => undefined, close: () => Promise.resolve() },
        mail: {
          async send({ key }) {
            if (!process.alive) return never();
            mails.push(key);
            inHand.add(key);
            happened();
            if (!strikes("after the effect", "mail")) return;
            crash(process);
            await never();
          },
          close: () => Promise.resolve(),
        },
        composeMail: async (document, { key, kind }) => ({
          key,
          to: document.user_email ?? "",
          subject: kind,
          text: kind,
          html: kind,
        }),
        usage: () => NO_USAGE,
        owner: process.name,
        limits,
        sweeps: true,
        leaseMs: LEASE_MS,
        pollMs: POLL_MS,
        passivateMs: 3_600_000,
        random: () => 0,
        onTrouble: (error) => void (trouble = error.stack ?? error.message),
      });
      current = { process, supervisor, waiting };
      void supervisor.start();
      return current;
    },
    present() {
      if (current === undefined) throw new Error("No process was started.");
      return current;
    },
    allow() {
      limits.maxActive = 1_000;
    },
    hold() {
      limits.maxActive = 0;
    },
    until: (what, condition) =>
      new Promise((resolve, reject) => {
        const finish = (): void => {
          watchers.delete(watcher);
          clearTimeout(timer);
        };
        const watcher = (): void => {
          if (!condition()) return;
          finish();
          resolve();
        };
        const timer = setTimeout(() => {
          finish();
          reject(
            new Error(
              `${runId}: ${what} did not happen. Waiting: ${[...(current?.waiting.keys() ?? [])].join(", ")}; stored: ${acknowledged?.slice(0, 300)}; trouble: ${trouble}`,
            ),
          );
        }, patienceMs);
        watchers.add(watcher);
        watcher();
      }),
    async reread() {
      const stored = await store.get(runId);
      if (stored !== undefined) known(stored);
    },
    acknowledged: () => (acknowledged === null ? null : (JSON.parse(acknowledged) as Persisted)),
  };
  return run;
}
