import { expect, test } from "vitest";
import { type JobLedgerEntry, jobLedger, type RunResult } from "../../science/report/result.ts";
import { renderRunLog } from "../../science/report/run-log.ts";
import { differential, runResult, reportHtml } from "./report-fixtures.ts";

const attempt = (
  number: number,
  provisioning: "SPOT" | "STANDARD",
  changes: Partial<JobLedgerEntry>,
): JobLedgerEntry => ({
  job_id: `hs-r1-i1-p-a${number}`,
  kind: "prediction",
  attempt: number,
  state: "succeeded",
  run_seconds: 3_600,
  offer: {
    machine: "g2-standard-8 with 1 nvidia-l4",
    provisioning,
    usd_per_hour: provisioning === "SPOT" ? 0.35 : 0.85,
  },
  cost_usd: 0,
  lost_to_preemption: false,
  problem: null,
  ...changes,
});

function paidResult(): RunResult {
  const base = runResult();
  const jobs = [
    attempt(1, "SPOT", {
      state: "failed",
      cost_usd: 0.35,
      lost_to_preemption: true,
      problem: "Google reclaimed the Spot machine.",
    }),
    attempt(2, "SPOT", {
      state: "failed",
      run_seconds: null,
      problem: "No machine was to be had.",
    }),
    attempt(3, "STANDARD", { run_seconds: 1_800, cost_usd: 0.425 }),
  ];
  return {
    ...base,
    iterations: base.iterations.map((iteration, index) => ({
      ...iteration,
      jobs: index === 0 ? jobs : [],
    })),
  };
}

const text = (html: string): string => html.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ");

test("the ledger has every attempt, and what all and the preempted ones cost", () => {
  const { entries, isPaid, total, lost } = jobLedger(paidResult());
  expect(entries.map(({ attempt: number, iteration }) => [iteration, number])).toEqual([
    [1, 1],
    [1, 2],
    [1, 3],
  ]);
  expect([isPaid, total, lost]).toEqual([
    true,
    { run_seconds: 5_400, cost_usd: expect.closeTo(0.775, 9) as number },
    { run_seconds: 3_600, cost_usd: 0.35 },
  ]);
});

test("the report tells machine, price and cost of each attempt, and the totals", async () => {
  const html = text(await reportHtml(paidResult(), differential()));
  expect(html).toContain(
    "hs-r1-i1-p-a1 1 prediction 1 failed, machine taken back 1 h 0 min g2-standard-8 with 1 nvidia-l4, Spot at 0.35 USD an hour 0.3500",
  );
  expect(html).toContain(
    "hs-r1-i1-p-a2 1 prediction 2 failed not run g2-standard-8 with 1 nvidia-l4, Spot at 0.35 USD an hour 0.0000",
  );
  expect(html).toContain(
    "hs-r1-i1-p-a3 1 prediction 3 succeeded 30 min g2-standard-8 with 1 nvidia-l4, standard at 0.85 USD an hour 0.4250",
  );
  expect(html).toMatch(
    /All attempts 1 h 30 min 0\.7750 Of that lost to preemption 1 h 0 min 0\.3500/,
  );
});

test("where nothing is paid for, the report has no prices", async () => {
  const html = text(await reportHtml(runResult(), differential()));
  expect(html).toContain("They ran on machines that nothing is paid for.");
  expect(html).not.toContain("All attempts");
});

test("the log keeps the whole ledger", () => {
  const log = JSON.parse(renderRunLog({ ...paidResult(), history: [] })) as RunResult;
  expect(log.iterations[0]?.jobs).toEqual(paidResult().iterations[0]?.jobs);
});
