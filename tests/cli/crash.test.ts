import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { localRuns } from "../../cli/runs/local.ts";
import { loadConfig } from "../../config.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

type OnStderr = (text: string, kill: (signal: NodeJS.Signals) => void) => void;

/** A run whose host was killed while it predicted, a moment ago; `gate` lets the prediction go. */
async function killedRun() {
  const [dataDir, folder] = [await temporaryFolder(), await temporaryFolder()];
  const gate = join(folder, "gate");
  await simulatedAtlas(dataDir);
  const env = {
    COMPUTE_PROCESSES: "1",
    POLL_MILLISECONDS: "50",
    // It runs out when a test says so.
    LEASE_SECONDS: "600",
    RECONCILE_SECONDS: "1",
    INFERENCE_COMMAND: `"${process.execPath}" "${resolve("tests/support/held-baseline.ts")}" "${gate}" --prompt {prompt} --query {query} --output {output}`,
  };
  const killed = Promise.withResolvers<(signal: NodeJS.Signals) => void>();
  const running = haystack(
    [
      "run",
      "How would CD14+ monocytes respond to IFN-beta?",
      "--control-strategy",
      "query_as_control",
      "--max-iterations",
      "1",
      "--data-dir",
      dataDir,
    ],
    { env, onStderr: (text, kill) => text.includes("predicting") && killed.resolve(kill) },
  );
  const kill = await Promise.race([
    killed.promise,
    running.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
  onTestFinished(() => kill("SIGKILL"));
  await expect.poll(() => existsSync(`${gate}.begun`)).toBe(true);
  kill("SIGKILL");
  await running;
  const runs = localRuns(loadConfig(env, dataDir));
  const [{ run_id: runId } = { run_id: "" }] = await runs.list({ limit: 1 });
  return {
    runId,
    release: () => writeFile(gate, ""),
    /** Tells the run what is wished; `onWaiting` is called when it says that the lease is waited for. */
    tell(command: string, onWaiting: (kill: (signal: NodeJS.Signals) => void) => void) {
      let isWaiting = false;
      const onStderr: OnStderr = (text, stop) => {
        if (isWaiting || !text.includes("less than a lease ago")) return;
        isWaiting = true;
        onWaiting(stop);
      };
      return haystack([command, runId, "--data-dir", dataDir], { env, onStderr });
    },
    leaseRunsOut(): void {
      const db = new DatabaseSync(join(dataDir, "runs.sqlite"), { timeout: 60_000 });
      db.prepare("UPDATE runs SET lease_expires_at = ? WHERE run_id = ?").run(Date.now(), runId);
      db.close();
    },
  };
}

test("retry right after a crash says what it waits for, and takes the run up when the lease has run out", async () => {
  const { runId, release, tell, leaseRunsOut } = await killedRun();
  await release();
  const { code, stdout, stderr } = await tell("retry", leaseRunsOut);
  expect(stderr).toContain(`Another process hosts ${runId}, or died less than a lease ago`);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`${runId}: completed`)]);
});

test("cancel right after a crash stops the job when the lease has run out", async () => {
  const { runId, tell, leaseRunsOut } = await killedRun();
  const { code, stdout } = await tell("cancel", leaseRunsOut);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`${runId}: cancelled`)]);
});

test("an interrupt while retry waits leaves the run and what was asked", async () => {
  const { runId, tell } = await killedRun();
  const { code, stderr } = await tell("retry", (kill) => kill("SIGINT"));
  expect([code, stderr]).toEqual([130, expect.stringContaining(`haystack watch ${runId}`)]);
});
