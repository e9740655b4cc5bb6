import { expect, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { loadConfig } from "../../config.ts";
import { leased, onceCommitted, sampleCommit, sampleRun } from "../services/runs-fixtures.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const OFFER = { machine_type: "g2-standard-8", provisioning: "SPOT", usd_per_hour: 0.35 };

test.each(["cancel", "retry"])(
  "%s of a run with a job on Google Batch needs its configuration, and changes nothing without",
  async (command) => {
    const folder = await temporaryFolder();
    const runs = await openRuns(loadConfig({}, folder));
    await runs.insert(sampleRun("run-a"), leased);
    const job = { job_id: "hs-run-a-i1-p-a1", state: "submitted", offer: OFFER };
    await runs.commit([
      sampleCommit("run-a", {
        document: sampleRun("run-a", { status: "running" }),
        snapshot: JSON.stringify({ value: "inferring", context: { jobs: [job] } }),
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
      snapshot: JSON.stringify({ value: "inferring", context: { jobs: [job] } }),
      lease: null,
    });
    await again.close();
  },
);
