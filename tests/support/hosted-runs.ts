import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { bindRunMachine, type RunEffects } from "../../actors/host/bind-run-machine.ts";
import {
  createSupervisor,
  type Supervisor,
  type SupervisorOptions,
} from "../../actors/supervisor/supervisor.ts";
import type { HaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import { systemClock } from "../../services/clock/system.ts";
import {
  inProcessJobEvents,
  type InProcessJobEvents,
} from "../../services/job-events/in-process.ts";
import type { Mail } from "../../services/mail/index.ts";
import { newRun, type RunConfig, type RunDocument } from "../../services/runs/document.ts";
import type { RunCommit, RunStore, TransitionEntry } from "../../services/runs/index.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

export async function temporaryStore(): Promise<RunStore> {
  const store = await openSqliteRuns({ file: join(await temporaryFolder(), "runs.sqlite") });
  onTestFinished(() => store.close());
  return store;
}

/** The store, with somebody who is told of every durable write of a run. */
export function overheard(
  store: RunStore,
  onStored: ((commit: RunCommit) => void) | undefined,
): RunStore {
  if (onStored === undefined) return store;
  return {
    ...store,
    async commit(commits) {
      const outcomes = await store.commit(commits);
      for (const [place, commit] of commits.entries())
        if (outcomes[place]?.result === "committed") onStored(commit);
      return outcomes;
    },
  };
}

/** With a job for each kind of prediction, unless it is said: there is more to go wrong. */
export const run = (runId: string, config: Partial<RunConfig> = {}): RunDocument =>
  newRun({
    run_id: runId,
    query: "How would B cells respond to IFN-beta?",
    user_email: "user@example.org",
    config: { control_job: "separate", ...config },
    random_seed: 1,
    now: 0,
  });

/** Looks of a hosted supervisor at its store are at most so far apart. */
export const POLL_MS = 100;

/**
 * The store, with how often its daemon has looked for runs that nobody hosts (sweeps) and for what
 * happened to its own (polls).
 */
export function watched(store: RunStore) {
  const looks = { sweeps: 0, polls: 0 };
  const loads: RunStore["loads"] = (now) => {
    looks.sweeps += 1;
    return store.loads(now);
  };
  const pending: RunStore["pending"] = (owner) => {
    looks.polls += 1;
    return store.pending(owner);
  };
  return { looks, store: { ...store, loads, pending } };
}

/**
 * The port, with whether none of its calls is under way: where a clock is turned by hand its time
 * stands still meanwhile, as what is asked here answers in the time of the machine.
 */
export function attended<Port extends object>(
  port: Port,
): { readonly port: Port; readonly isIdle: () => boolean } {
  let underWay = 0;
  const ended = (): void => void (underWay -= 1);
  const counting = new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(member, target, given);
        if (!(answer instanceof Promise)) return answer;
        underWay += 1;
        void answer.then(ended, ended);
        return answer;
      };
    },
  });
  return { port: counting, isIdle: () => underWay === 0 };
}

/** Resolves once nobody hosts the run: it has left memory, and its lease is released. */
export async function released(store: RunStore, runId: string): Promise<void> {
  await expect.poll(async () => (await store.get(runId))?.lease).toBeNull();
}

/** The machine's clock, which can be put forward; the timers that run keep their pace. */
export function skippingClock(): Clock & { skip(ms: number): void } {
  let ahead = 0;
  return {
    now: () => systemClock.now() + ahead,
    elapsed: () => systemClock.elapsed() + ahead,
    after: systemClock.after,
    at: (at, callback) => systemClock.at(at - ahead, callback),
    skip(ms) {
      ahead += ms;
    },
  };
}

export interface HostedRuns {
  readonly supervisor: Supervisor;
  readonly jobEvents: InProcessJobEvents;
  readonly mails: Mail[];
  readonly troubles: HaystackError[];
  readonly transitions: TransitionEntry[];
  /** Resolves at the first commit of the run that satisfies the condition, also one of the past. */
  committed(
    runId: string,
    condition: (document: RunDocument, entries: readonly TransitionEntry[]) => boolean,
  ): Promise<RunDocument>;
}

/** A supervisor on a real store, with scripted effects in place of science. */
export async function hostRuns(
  store: RunStore,
  effects: RunEffects,
  options: Partial<SupervisorOptions> = {},
): Promise<HostedRuns> {
  const clock = options.clock ?? systemClock;
  const jobEvents = inProcessJobEvents({ clock });
  const mails: Mail[] = [];
  const troubles: HaystackError[] = [];
  const transitions: TransitionEntry[] = [];
  const past: [RunDocument, readonly TransitionEntry[]][] = [];
  const listeners = new Set<(document: RunDocument, entries: readonly TransitionEntry[]) => void>();
  const supervisor = createSupervisor({
    store,
    machine: bindRunMachine(effects),
    clock,
    jobEvents,
    mail: {
      async send(mail) {
        mails.push(mail);
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
    usage: () => ({ gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 }),
    owner: "test",
    limits: { maxActive: 100, maxActivePerUser: 100 },
    passivateMs: 60_000,
    random: () => 0.5,
    sweeps: true,
    leaseMs: 30_000,
    pollMs: POLL_MS,
    onTrouble: (error) => troubles.push(error),
    ...options,
    onCommitted(document, entries) {
      past.push([document, entries]);
      transitions.push(...entries);
      options.onCommitted?.(document, entries);
      for (const listener of listeners) listener(document, entries);
    },
  });
  onTestFinished(() => supervisor.stop());
  await supervisor.start();
  return {
    supervisor,
    jobEvents,
    mails,
    troubles,
    transitions,
    committed: (runId, condition) =>
      new Promise((resolve) => {
        const matches = (document: RunDocument, entries: readonly TransitionEntry[]): boolean =>
          document.run_id === runId && condition(document, entries);
        const found = past.find(([document, entries]) => matches(document, entries));
        if (found !== undefined) return resolve(found[0]);
        const listener = (document: RunDocument, entries: readonly TransitionEntry[]): void => {
          if (!matches(document, entries)) return;
          listeners.delete(listener);
          resolve(document);
        };
        listeners.add(listener);
      }),
  };
}
