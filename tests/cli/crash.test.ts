import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { localRuns } from "../../cli/runs/local.ts";
import { loadConfig } from "../../config.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

/** A run whose host was killed while it predicted, a moment ago; `gate` lets the prediction go. */
async function killedRun() {
  const [dataDir, folder] = [await temporaryFolder(), await temporaryFolder()];
  const gate = join(folder, "gate");
  await simulatedAtlas(dataDir);
  const env = {
    COMPUTE_PROCESSES: "1",
    POLL_MILLISECONDS: "50",
    LEASE_SECONDS: "25",
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
    tell: (command: string, onStderr?: Parameters<typeof haystack>[1]) =>
      haystack([command, runId, "--data-dir", dataDir], { env, ...onStderr }),
  };
}

test("retry right after a crash says what it waits for, and takes the run up when the lease has run out", async () => {
  const { runId, release, tell } = await killedRun();
  await release();
  const { code, stdout, stderr } = await tell("retry");
  expect(stderr).toContain(`Another process hosts ${runId}, or died less than a lease ago`);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`${runId}: completed`)]);
});

test("cancel right after a crash stops the job when the lease has run out", async () => {
  const { runId, tell } = await killedRun();
  const { code, stdout } = await tell("cancel");
  expect([code, stdout]).toEqual([0, expect.stringContaining(`${runId}: cancelled`)]);
});

test("an interrupt while retry waits leaves the run and what was asked", async () => {
  const { runId, tell } = await killedRun();
  let interrupts = 0;
  const { code, stderr } = await tell("retry", {
    onStderr(text, kill) {
      if (text.includes("less than a lease ago") && interrupts++ === 0) kill("SIGINT");
    },
  });
  expect([code, stderr]).toEqual([130, expect.stringContaining(`haystack watch ${runId}`)]);
});
