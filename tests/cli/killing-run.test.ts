import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newRun } from "../../services/runs/document.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { haystack } from "../support/command-line.ts";
import { serveOn, simulatedAtlas } from "../support/daemon-process.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { insertHeld } from "../support/foreign-writes.ts";

/** Takes far more memory when it is read than the daemons below have. */
const BOMB = `{"value":"analyzing","context":{"run_id":"killer","jobs":[${"[],".repeat(9_000_000)}[]]}}`;
const MOST_ENDS = 3;

test("a run that ends its daemon at every start is set aside after the third; the daemon answers before it takes runs up, and the other runs end", async () => {
  const folder = await temporaryFolder();
  await simulatedAtlas(folder);
  const store = await openSqliteRuns({ file: join(folder, "runs.sqlite") });
  onTestFinished(() => store.close());
  const question = (run_id: string) =>
    newRun({
      run_id,
      query: "How would CD14+ monocytes respond to IFN-beta?",
      user_email: null,
      config: { max_iterations: 1 },
      random_seed: 1,
      now: Date.now(),
    });
  const killer = { ...question("killer"), status: "running", current_phase: "query_analysis" };
  await insertHeld(store, killer as ReturnType<typeof question>, BOMB, 0);
  const env = {
    HTTP_PORT: String(await freePort()),
    LOG_FORMAT: "plain",
    POLL_MILLISECONDS: "50",
    COMPUTE_PROCESSES: "1",
    NODE_OPTIONS: "--max-old-space-size=256",
  };
  for (let ends = 1; ends <= MOST_ENDS; ends++) {
    const { code, stderr } = await haystack(["serve", "--data-dir", folder], { env });
    expect(stderr).toContain("answers at");
    expect(stderr).toContain("heap out of memory");
    expect(code).not.toBe(0);
    expect((await store.get("killer"))?.set_aside).toBeUndefined();
  }
  await store.insert(question("good"));
  const stop = await serveOn(folder, env);
  await expect
    .poll(async () => (await store.get("killer"))?.set_aside?.code)
    .toBe("RUN_ENDS_PROCESS");
  await expect
    .poll(async () => (await store.get("good"))?.document.status, { timeout: 120_000 })
    .toBe("completed");
  expect((await stop("SIGTERM")).code).toBe(0);
  const listed = await haystack(["quarantine", "list", "--json", "--data-dir", folder]);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    runs: [{ run_id: "killer", code: "RUN_ENDS_PROCESS", was: "running" }],
  });
  const stuck = await haystack(["stuck", "--data-dir", folder]);
  expect(stuck.stdout).toMatch(/killer +set aside/);
  const released = await haystack(["quarantine", "release", "killer", "--data-dir", folder]);
  expect(released).toMatchObject({ code: 0, stdout: "Run killer is released.\n" });
  expect((await store.get("killer"))?.document.status).toBe("running");
});
