import { expect, test } from "vitest";
import { usageOf } from "../../actors/host/usage.ts";
import type { JobRecord, RunContext } from "../../machines/run-types.ts";
import type { JobOffer } from "../../services/batch/index.ts";
import { run } from "../support/hosted-runs.ts";

const OFFER: JobOffer = { machine: "g2-standard-12", provisioning: "SPOT", usd_per_hour: 2 };

const job = (
  run_seconds: number | null,
  offer: JobOffer | null,
  cost_usd: number,
  state: JobRecord["state"] = "succeeded",
): JobRecord => ({
  job_id: "j",
  iteration: 1,
  kind: "prediction",
  attempt: 1,
  state,
  run_seconds,
  offer,
  cost_usd,
  failure: null,
  problem: null,
});

const context = {
  ...run("r1"),
  jobs: [job(60, OFFER, 0.5), job(30, null, 0), job(null, OFFER, 0.25)],
  model_usage: { analyze: { tokens: 7, usd: 0.5 }, "prompt.1": { tokens: 3, usd: 1 } },
} as unknown as RunContext;

test("a model uses the GPU as long as its jobs run; the baseline only on machines that are paid for", () => {
  const paid = { gpu_cost_usd: 0.75, llm_tokens: 10, llm_cost_usd: 1.5 };
  const usage = (is_baseline: boolean) =>
    usageOf({ name: "m", version: "1", is_baseline } as Parameters<typeof usageOf>[0])(context);
  expect(usage(false)).toStrictEqual({ gpu_seconds: 90, ...paid });
  expect(usage(true)).toStrictEqual({ gpu_seconds: 60, ...paid });
});

test("jobs under way may yet cost what they cost at their limit, those that ended no more", () => {
  const of = (jobs: readonly JobRecord[]) =>
    usageOf({ name: "m", version: "1", is_baseline: false } as Parameters<typeof usageOf>[0])({
      ...context,
      ...run("r1", { job_deadline_seconds: 5_400 }),
      jobs,
    } as unknown as RunContext).gpu_reserved_usd;
  const ended = job(60, OFFER, 0.5);
  const free = job(null, null, 0, "submitted");
  const under = job(null, OFFER, 0, "submitted");
  expect(of([ended, free])).toBeUndefined();
  expect(of([ended, under, under])).toBe(6);
});
