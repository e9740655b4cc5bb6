import { bindRunMachine, type RunEffects } from "../actors/host/bind-run-machine.ts";
import { createSupervisor, type Supervisor } from "../actors/supervisor/supervisor.ts";
import { systemClock } from "../services/clock/system.ts";
import { inProcessJobEvents, type InProcessJobEvents } from "../services/job-events/in-process.ts";
import type { SubmitJobInput } from "../machines/step-types.ts";
import { newRun, type RunConfig, type RunDocument } from "../services/runs/document.ts";
import type { RunStore, TransitionEntry } from "../services/runs/index.ts";
import { openMongoRuns } from "../services/runs/mongodb/store.ts";
import { openSqliteRuns } from "../services/runs/sqlite/store.ts";
import { scriptedEffects, scriptedOutputs } from "../tests/support/scripted-effects.ts";

/** The supervisor on a real store; the steps do nothing and their jobs end by an event. */

export interface Place {
  readonly store: "sqlite" | "mongodb";
  /** The file of SQLite, or the server's address. */
  readonly at: string;
  readonly database: string;
}

export const openStore = ({ store, at, database }: Place): Promise<RunStore> =>
  store === "sqlite" ? openSqliteRuns({ file: at }) : openMongoRuns({ uri: at, database });

export const noOpRun = (run_id: string, config: Partial<RunConfig> = {}): RunDocument =>
  newRun({
    run_id,
    query: "How would B cells respond to IFN-beta?",
    user_email: null,
    config: { score_threshold: 10, plateau_window: 20, ...config },
    random_seed: 1,
    now: Date.now(),
  });

/**
 * Jobs run for an hour unless an event says otherwise; no reconcile time is due within a benchmark.
 */
export function noOpEffects(over: Partial<RunEffects> = {}): RunEffects {
  const effects = scriptedEffects({ now: Date.now, scores: [1] });
  return {
    ...effects,
    async submitJob({ deadline_seconds }: SubmitJobInput) {
      const now = Date.now();
      return {
        offer: null,
        now,
        deadline_at: now + deadline_seconds * 1_000,
        check_at: now + 3_600_000,
      };
    },
    checkJob: async ({ job }) => ({
      verdict: "succeeded",
      outputs: scriptedOutputs(job),
      run_seconds: 1,
    }),
    ...over,
  };
}

export interface NoOpHost {
  readonly supervisor: Supervisor;
  readonly jobEvents: InProcessJobEvents;
}

export function hostNoOps(
  store: RunStore,
  {
    effects = noOpEffects(),
    passivateMs = 86_400_000,
    pollMs = 250,
    onCommitted,
  }: {
    readonly effects?: RunEffects;
    readonly passivateMs?: number;
    readonly pollMs?: number;
    readonly onCommitted?: (document: RunDocument, entries: readonly TransitionEntry[]) => void;
  } = {},
): NoOpHost {
  const clock = systemClock;
  const jobEvents = inProcessJobEvents({ clock });
  const supervisor = createSupervisor({
    store,
    machine: bindRunMachine(effects),
    clock,
    jobEvents,
    mail: { send: () => Promise.resolve(), close: () => Promise.resolve() },
    composeMail: () => Promise.reject(new Error("No mail is owed.")),
    usage: () => ({ gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 0, llm_cost_usd: 0 }),
    owner: "bench",
    limits: { maxActive: 100_000, maxActivePerUser: 100_000 },
    passivateMs,
    random: Math.random,
    sweeps: true,
    leaseMs: 60_000,
    pollMs,
    onTrouble(error) {
      throw error;
    },
    ...(onCommitted === undefined ? {} : { onCommitted }),
  });
  return { supervisor, jobEvents };
}

const kindOf = { predictionJob: "p", controlJob: "c", roundJob: "r" } as const;

/** The jobs that have begun to run with these transitions. */
export const jobsAwaited = (
  { run_id, current_iteration }: RunDocument,
  entries: readonly TransitionEntry[],
): string[] =>
  entries.flatMap(({ actor, to }) =>
    to === "awaiting" && actor in kindOf
      ? [`hs-${run_id}-i${current_iteration}-${kindOf[actor as keyof typeof kindOf]}-a1`]
      : [],
  );
