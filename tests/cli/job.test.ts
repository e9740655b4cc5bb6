import { expect, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const QUICK = { LEASE_SECONDS: "3", POLL_MILLISECONDS: "50" };

const job = (folder: string, env: Record<string, string>, onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void): Promise<Outcome> =>
  haystack(["job", "--data-dir", folder, "--json"], { env: { ...QUICK, ...env }, ...(onStderr === undefined ? {} : { onStderr }) });

async function queued(folder: string, question = "How would CD4 T cells respond to IFN-beta?"): Promise<string> {
  const submitted = await haystack(["submit", question, "--data-dir", folder, "--email", "scientist@example.org", "--json"]);
  return (JSON.parse(submitted.stdout) as RunDocument).run_id;
}

async function withAtlas(): Promise<string> {
  const folder = await temporaryFolder();
  expect((await haystack(["atlas", "import", KANG, "--data-dir", folder])).code).toBe(0);
  return folder;
}

test.each([
  ["RUN_ID is missing", {}, /RUN_ID/],
  ["the run is unknown", { RUN_ID: "no-such-run" }, /no-such-run/],
  ["CONTROL_STRATEGY is unknown", { RUN_ID: "x", CONTROL_STRATEGY: "coin_toss" }, /CONTROL_STRATEGY/],
])("%s: exit 1 and one line", async (_, env, pattern) => {
  const outcome = await job(await temporaryFolder(), env);
  expect([outcome.code, outcome.stdout]).toEqual([1, ""]);
  expect(outcome.stderr).toMatch(/^haystack: [^\n]+\n$/);
  expect(outcome.stderr).toMatch(pattern);
});

describeWithData("a job on a stored run", () => {
  test("completes, with the overrides of its environment", async () => {
    const folder = await withAtlas();
    const outcome = await job(folder, { RUN_ID: await queued(folder), CONTROL_STRATEGY: "query_as_control", USER_EMAIL: "other@example.org" });
    expect(outcome.code).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: "completed", control_strategy: "query_as_control", control_strategy_effective: "query_as_control", user_email: "other@example.org" });
  });

  test("killed and started again it resumes, and of two at once one hosts the run", async () => {
    const folder = await withAtlas();
    const RUN_ID = await queued(folder);
    let killed = false;
    const first = await job(folder, { RUN_ID }, (text, kill) => {
      if (killed || !text.includes("predicting")) return;
      killed = true;
      kill("SIGKILL");
    });
    expect([first.code, killed]).toEqual([null, true]);
    const both = await Promise.all([job(folder, { RUN_ID }), job(folder, { RUN_ID })]);
    const completed = both.filter(({ code }) => code === 0);
    expect(completed.length).toBeGreaterThanOrEqual(1);
    for (const { stderr, code } of both) if (code !== 0) expect(stderr).toMatch(/hosted by another process/);
    const { stdout } = await haystack(["status", RUN_ID, "--data-dir", folder, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ status: "completed", current_iteration: 1 });
  });

  test("a failure marks the run failed, mails it, and exits 1", async () => {
    const folder = await withAtlas();
    const outcome = await job(folder, { RUN_ID: await queued(folder, "How would flurbocytes respond to IFN-beta?") });
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: "failed", error: { code: "CELL_TYPE_UNKNOWN", phase: "query_analysis" } });
  });
});
