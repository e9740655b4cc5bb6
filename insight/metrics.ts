import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import type { Instruments, RunChange } from "../actors/instruments.ts";
import type { JobRecord } from "../machines/run-types.ts";
import { ageGauge, measure, type MeasuredSources } from "./metrics-measured.ts";

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

export function createMetrics(sources: MeasuredSources): Metrics {
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
  measure(registry, sources);
  const sweptNow = ageGauge(
    registry,
    "haystack_sweep_age_seconds",
    "Time since this daemon last looked for work in the store",
  );
  const committedNow = ageGauge(
    registry,
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
