import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Instruments, RunChange } from "../actors/instruments.ts";
import { type ErrorCode, type HaystackError, toHaystackError } from "../errors.ts";
import type { JobRecord } from "../machines/run-types.ts";
import { RUN_PHASES, RUN_STATUSES, type RunDocument } from "../services/runs/document.ts";
import type { OutboxEntry, RunCounts } from "../services/runs/index.ts";

/**
 * The numbers of one daemon for Prometheus, in a registry of its own. Their meaning is in
 * docs/operations.md.
 */
export interface Metrics {
  readonly registry: Registry;
  readonly instruments: Instruments;
  request(answered: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
}

export interface MetricsSources {
  /** Asked each time that somebody reads the numbers. */
  readonly counts: () => Promise<RunCounts>;
  readonly live: () => readonly (Pick<RunDocument, "current_phase" | "status"> & {
    readonly postponed: ErrorCode | null;
  })[];
  /** Of very many not all. */
  readonly owedMails: () => Promise<readonly Pick<OutboxEntry, "owed_since">[]>;
  /** Milliseconds, as they are in what is stored. */
  readonly now: () => number;
  /** Bytes that may still be written; undefined where the machine does not say. */
  readonly freeBytes: () => number | undefined;
  readonly onTrouble: (error: HaystackError) => void;
}

const STEP_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800];
const COMMIT_SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const COMMIT_RUNS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

const outcomeOf = ({ state, failure }: JobRecord): string =>
  state === "failed" ? (failure ?? "failed") : state;

/** Amounts only grow; a correction downwards is left out. */
const add = (counter: Counter, amount: number): void => {
  if (amount > 0) counter.inc(amount);
};

/**
 * One question to the store for all who ask at the same time; undefined when it gives no answer.
 */
function shared<Answer>(
  question: () => Promise<Answer>,
  onTrouble: MetricsSources["onTrouble"],
): () => Promise<Answer | undefined> {
  let asked: Promise<Answer | undefined> | undefined;
  const ask = async (): Promise<Answer | undefined> => {
    try {
      return await question();
    } catch (thrown) {
      onTrouble(toHaystackError(thrown));
      return undefined;
    } finally {
      asked = undefined;
    }
  };
  return () => (asked ??= ask());
}

export function createMetrics({
  counts,
  live,
  owedMails,
  now,
  freeBytes,
  onTrouble,
}: MetricsSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ) => new Counter<Label>({ name, help, labelNames: [...labelNames], registers });
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[] = [],
  ) => new Histogram<Label>({ name, help, buckets, labelNames: [...labelNames], registers });
  const stored = shared(counts, onTrouble);
  const storedGauge = (name: string, help: string, valueOf: (found: RunCounts) => number) =>
    new Gauge({
      name,
      help,
      registers: [],
      async collect() {
        const found = await stored();
        if (found === undefined) this.remove();
        else this.set(valueOf(found));
      },
    });
  const byStatus = new Gauge({
    name: "haystack_runs",
    help: "Runs in the store by status",
    labelNames: ["status"],
    registers: [],
    async collect() {
      const found = await stored();
      this.reset();
      if (found !== undefined)
        for (const status of RUN_STATUSES) this.set({ status }, found.by_status[status]);
    },
  });
  const inMemory = new Gauge({
    name: "haystack_runs_live",
    help: "Runs in the memory of this daemon by phase",
    labelNames: ["phase"],
    registers: [],
    collect() {
      const byPhase = Map.groupBy(live(), ({ current_phase }) => current_phase);
      for (const phase of [...RUN_PHASES, null])
        this.set({ phase: phase ?? "none" }, byPhase.get(phase)?.length ?? 0);
    },
  });
  registry.registerMetric(byStatus);
  registry.registerMetric(
    storedGauge(
      "haystack_runs_unhosted",
      "Runs with status running that are in no daemon's memory",
      ({ unhosted }) => unhosted,
    ),
  );
  registry.registerMetric(
    storedGauge(
      "haystack_runs_with_events",
      "Runs with an event in their inbox",
      ({ with_events }) => with_events,
    ),
  );
  registry.registerMetric(
    storedGauge(
      "haystack_runs_set_aside",
      "Runs that nobody hosts until they are released",
      ({ set_aside }) => set_aside,
    ),
  );
  registry.registerMetric(inMemory);
  const hosted = new Gauge({
    name: "haystack_runs_hosted",
    help: "Runs in the memory of this daemon by status",
    labelNames: ["status"],
    registers: [],
    collect() {
      const held = Map.groupBy(live(), ({ status }) => status);
      for (const status of RUN_STATUSES) this.set({ status }, held.get(status)?.length ?? 0);
    },
  });
  const postponed = new Gauge({
    name: "haystack_runs_postponed",
    help: "Runs of this daemon whose step a passing fault has stopped, by error code",
    labelNames: ["code"],
    registers: [],
    collect() {
      this.reset();
      for (const { postponed: code } of live()) if (code !== null) this.inc({ code });
    },
  });
  const mailsOwed = shared(owedMails, onTrouble);
  const owed = new Gauge({
    name: "haystack_mails_owed",
    help: "Mails in the store that are owed, counted up to 1,000",
    registers: [],
    async collect() {
      const found = await mailsOwed();
      if (found === undefined) this.remove();
      else this.set(found.length);
    },
  });
  const owedAge = new Gauge({
    name: "haystack_mails_owed_age_seconds",
    help: "Time for which the oldest of these mails has been owed; 0 where none is",
    registers: [],
    async collect() {
      const found = await mailsOwed();
      if (found === undefined) return this.remove();
      const oldest = Math.min(now(), ...found.map(({ owed_since }) => owed_since ?? now()));
      this.set((now() - oldest) / 1_000);
    },
  });
  const disk = new Gauge({
    name: "haystack_disk_free_bytes",
    help: "Bytes that may still be written in the data folder",
    registers: [],
    collect() {
      const free = freeBytes();
      if (free === undefined) this.remove();
      else this.set(free);
    },
  });
  /** Seconds since something was done last, or since the start of the daemon. */
  const ageOf = (name: string, help: string) => {
    let last = performance.now();
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set((performance.now() - last) / 1_000);
      },
    });
    registry.registerMetric(gauge);
    return (): void => {
      last = performance.now();
    };
  };
  for (const gauge of [hosted, postponed, owed, owedAge, disk]) registry.registerMetric(gauge);
  const sweptNow = ageOf(
    "haystack_sweep_age_seconds",
    "Time since this daemon last looked for work in the store",
  );
  const committedNow = ageOf(
    "haystack_commit_age_seconds",
    "Time since the store last took a write of this daemon",
  );
  const ended = counter("haystack_runs_ended_total", "Runs that ended, by status", ["status"]);
  const steps = histogram("haystack_step_seconds", "Duration of steps", STEP_SECONDS, [
    "step",
    "outcome",
  ]);
  const commitSeconds = histogram(
    "haystack_commit_seconds",
    "Duration of writes to the store",
    COMMIT_SECONDS,
  );
  const commitRuns = histogram(
    "haystack_commit_runs",
    "Runs in one write to the store",
    COMMIT_RUNS,
  );
  const jobs = counter("haystack_job_attempts_total", "Attempts at inference jobs that ended", [
    "outcome",
    "provisioning",
  ]);
  const holds = counter(
    "haystack_jobs_held_total",
    "GPU jobs that Batch had no machine for, by what kept them from it",
    ["reason"],
  );
  const gpuSeconds = counter("haystack_gpu_seconds_total", "Seconds of GPU jobs");
  const gpuCost = counter("haystack_gpu_cost_usd_total", "Cost of GPU jobs in US dollars");
  const tokens = counter("haystack_model_tokens_total", "Tokens used by the language model");
  const modelCost = counter(
    "haystack_model_cost_usd_total",
    "Cost of the language model in US dollars",
  );
  const mails = counter("haystack_mails_total", "Attempts to send mail, by outcome", ["outcome"]);
  const jobEvents = counter("haystack_job_events_total", "Job notifications, by outcome", [
    "outcome",
  ]);
  const leases = counter(
    "haystack_leases_lost_total",
    "Runs that this daemon stopped hosting because their lease was lost",
  );
  const troubles = counter("haystack_troubles_total", "Problems reported, by error code", ["code"]);
  const requests = counter("haystack_http_requests_total", "HTTP requests that ended", [
    "method",
    "route",
    "status",
  ]);
  const requestSeconds = histogram(
    "haystack_http_request_seconds",
    "Duration of HTTP requests, streams included",
    REQUEST_SECONDS,
    ["route"],
  );

  const runChanged = ({ before, after, ended_jobs }: RunChange): void => {
    if (before.completed_at === null && after.completed_at !== null)
      ended.inc({ status: after.status });
    for (const job of ended_jobs)
      jobs.inc({ outcome: outcomeOf(job), provisioning: job.offer?.provisioning ?? "none" });
    const known = new Set(before.held_jobs?.map(({ job_id, kind }) => `${job_id} ${kind}`));
    for (const { job_id, kind } of after.held_jobs ?? [])
      if (!known.has(`${job_id} ${kind}`)) holds.inc({ reason: kind });
    add(gpuSeconds, after.usage.gpu_seconds - before.usage.gpu_seconds);
    add(gpuCost, after.usage.gpu_cost_usd - before.usage.gpu_cost_usd);
    add(tokens, after.usage.llm_tokens - before.usage.llm_tokens);
    add(modelCost, after.usage.llm_cost_usd - before.usage.llm_cost_usd);
  };

  return {
    registry,
    request({ method, route, status, seconds }) {
      requests.inc({ method, route, status });
      requestSeconds.observe({ route }, seconds);
    },
    instruments: {
      stepStarted({ name }) {
        const started = performance.now();
        return (error) =>
          steps.observe(
            {
              step: name,
              outcome: error === null ? "ok" : error.code === "STEP_ABORTED" ? "stopped" : "failed",
            },
            (performance.now() - started) / 1_000,
          );
      },
      swept: sweptNow,
      committed({ runs, milliseconds }) {
        committedNow();
        commitSeconds.observe(milliseconds / 1_000);
        commitRuns.observe(runs);
      },
      runChanged,
      jobEventTaken: (outcome) => jobEvents.inc({ outcome }),
      mailTried: ({ entry }) =>
        mails.inc({ outcome: entry.state === "owed" ? "retried" : entry.state }),
      trouble({ code }) {
        troubles.inc({ code });
        if (code === "LEASE_LOST" || code === "COMMIT_CONFLICT") leases.inc();
      },
    },
  };
}
