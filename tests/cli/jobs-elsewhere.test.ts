import { expect, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { loadConfig } from "../../config.ts";
import type { JobRecord } from "../../machines/run-types.ts";
import { leased, onceCommitted, sampleCommit, sampleRun } from "../services/runs-fixtures.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const OFFER = { machine: "g2-standard-8", provisioning: "SPOT", usd_per_hour: 0.35 } as const;

test.each(["cancel", "retry"])(
  "%s of a run with a job on Google Batch needs its configuration, and changes nothing without",
  async (command) => {
    const folder = await temporaryFolder();
    const runs = await openRuns(loadConfig({}, folder));
    await runs.insert(sampleRun("run-a"), leased);
    const job: JobRecord = {
      job_id: "hs-run-a-i1-p-a1",
      iteration: 1,
      kind: "prediction",
      attempt: 1,
      state: "submitted",
      run_seconds: null,
      offer: OFFER,
      cost_usd: 0,
      failure: null,
      problem: null,
    };
    await runs.commit([
      sampleCommit("run-a", {
        document: sampleRun("run-a", { status: "running" }),
        snapshot: JSON.stringify({ value: "inferring", context: { run_id: "run-a", jobs: [job] } }),
      }),
    ]);
    await runs.release([{ run_id: "run-a", token: 1 }]);
    await runs.close();
    const { code, stderr } = await haystack([command, "run-a", "--data-dir", folder]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /^haystack: Run run-a has a job on Google Batch, .*BATCH_ variables.*Nothing was changed\.\n$/,
      ),
    ]);
    const again = await openRuns(loadConfig({}, folder));
    expect(await again.get("run-a")).toStrictEqual({
      ...onceCommitted("run-a"),
      document: sampleRun("run-a", { status: "running" }),
      snapshot: JSON.stringify({ value: "inferring", context: { run_id: "run-a", jobs: [job] } }),
      lease: null,
    });
    await again.close();
  },
);
