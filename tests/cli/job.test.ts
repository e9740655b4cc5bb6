import { readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import { loadConfig } from "../../config.ts";
import { RUN_MACHINE } from "../../machines/run.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunRecord, RunStore } from "../../services/runs/index.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { failedRun, TIME } from "../support/expected-runs.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { mailsIn } from "../support/mail-files.ts";

const QUICK = { LEASE_SECONDS: "3", POLL_MILLISECONDS: "50" };

const job = (
  folder: string,
  env: Record<string, string>,
  onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Outcome> =>
  haystack(["job", "--data-dir", folder, "--json"], {
    env: { ...QUICK, ...env },
    ...(onStderr === undefined ? {} : { onStderr }),
  });

async function queued(
  folder: string,
  question = "How would CD4 T cells respond to IFN-beta?",
): Promise<string> {
  const submitted = await haystack([
    "submit",
    question,
    "--data-dir",
    folder,
    "--email",
    "scientist@example.org",
    "--seed",
    "7",
    "--json",
  ]);
  return (JSON.parse(submitted.stdout) as RunDocument).run_id;
}

async function withRuns<Result>(
  folder: string,
  look: (runs: RunStore) => Promise<Result>,
): Promise<Result> {
  const runs = await openRuns(loadConfig({}, folder));
  try {
    return await look(runs);
  } finally {
    await runs.close();
  }
}

async function withAtlas(): Promise<string> {
  const folder = await temporaryFolder();
  expect((await haystack(["atlas", "import", KANG, "--data-dir", folder])).code).toBe(0);
  return folder;
}

/**
 * A predicting run stays so until `open` is called, in whatever process. `begun` are the outputs of
 * the predictions that were started.
 */
function heldPredictions(folder: string): {
  readonly env: Record<string, string>;
  open(): void;
  begun(): string[];
} {
  const gate = join(folder, "predictions-may-begin");
  const program = `'${process.execPath}' '${resolve("tests/support/held-baseline.ts")}' '${gate}'`;
  return {
    env: { INFERENCE_COMMAND: `${program} --prompt {prompt} --query {query} --output {output}` },
    open: () => writeFileSync(gate, ""),
    begun: () => readFileSync(`${gate}.begun`, "utf8").trimEnd().split("\n"),
  };
}

/**
 * A process that is stopped in the midst of a write keeps the write lock: lets it finish the write,
 * and stops it again.
 */
async function untilWritable(
  folder: string,
  kill: (signal: NodeJS.Signals) => void,
): Promise<void> {
  const db = new DatabaseSync(join(folder, "runs.sqlite"), { timeout: 0 });
  onTestFinished(() => db.close());
  await expect
    .poll(
      () => {
        try {
          db.exec("BEGIN IMMEDIATE; ROLLBACK");
          return "writable";
        } catch (error) {
          kill("SIGCONT");
          kill("SIGSTOP");
          return String(error);
        }
      },
      { timeout: 60_000 },
    )
    .toBe("writable");
}

test.each([
  ["RUN_ID is missing", {}, /RUN_ID/],
  ["the run is unknown", { RUN_ID: "no-such-run" }, /no-such-run/],
  [
    "CONTROL_STRATEGY is unknown",
    { RUN_ID: "x", CONTROL_STRATEGY: "coin_toss" },
    /CONTROL_STRATEGY/,
  ],
])("%s: exit 1 and one line", async (_, env, pattern) => {
  const outcome = await job(await temporaryFolder(), env);
  expect([outcome.code, outcome.stdout]).toEqual([1, ""]);
  expect(outcome.stderr).toMatch(/^haystack: [^\n]+\n$/);
  expect(outcome.stderr).toMatch(pattern);
});

describe("a job that cannot host its run", () => {
  const stored = (folder: string, runId: string): Promise<RunRecord | undefined> =>
    withRuns(folder, (runs) => runs.get(runId));

  test.each([
    [
      "a program without its places",
      { INFERENCE_COMMAND: "predict --without-places" },
      "INFERENCE_COMMAND_INVALID" as const,
      /INFERENCE_COMMAND/,
    ],
    [
      "a variable that cannot be read",
      { MAX_ACTIVE_RUNS: "many" },
      "CONFIG_INVALID" as const,
      /MAX_ACTIVE_RUNS/,
    ],
    [
      "a model whose server has no address",
      { OPENAI_API_KEY: "none", OPENAI_BASE_URL: "nowhere" },
      "CONFIG_INVALID" as const,
      /OPENAI_BASE_URL/,
    ],
  ])(
    "%s: the run is failed with the message, mailed, and the exit is 1",
    async (_, env, code, pattern) => {
      const folder = await temporaryFolder();
      const RUN_ID = await queued(folder);
      const before = await stored(folder, RUN_ID);
      const outcome = await job(folder, { RUN_ID, USER_EMAIL: "other@example.org", ...env });
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/^haystack: [^\n]+\n$/);
      expect(outcome.stderr).toMatch(pattern);
      const message = expect.stringMatching(pattern) as string;
      const document = {
        ...failedRun(
          { ...before!.document, current_phase: "query_analysis", started_at: TIME },
          code,
          message,
        ),
        user_email: "other@example.org",
      };
      expect(JSON.parse(outcome.stdout)).toStrictEqual(document);
      expect(await mailsIn(folder)).toEqual(["HAYSTACK run failed"]);
      expect(await stored(folder, RUN_ID)).toStrictEqual({
        ...before,
        document,
        snapshot: expect.any(String) as string,
        machine: RUN_MACHINE,
        revision: expect.any(Number) as number,
        outbox: [
          {
            key: expect.stringMatching(/\.run_failed\./) as string,
            kind: "run_failed",
            state: "sent",
            attempts: 1,
            due_at: expect.any(Number) as number,
            owed_since: expect.any(Number) as number,
            problem: null,
          },
        ],
      });
    },
  );

  test("it is begun at its first step when the fault is mended and it is retried", async () => {
    const folder = await temporaryFolder();
    const RUN_ID = await queued(folder);
    await job(folder, { RUN_ID, INFERENCE_COMMAND: "predict --without-places" });
    const retried = await haystack(["retry", RUN_ID, "--data-dir", folder, "--json"]);
    expect([retried.code, JSON.parse(retried.stdout)]).toMatchObject([
      1,
      { status: "failed", error: { code: "ATLAS_NOT_FOUND" } },
    ]);
  });

  test("a run that has ended stays as it is, one that another process hosts too, and so does one with a GPU job", async () => {
    const folder = await temporaryFolder();
    const [ended, hosted, predicting] = [
      await queued(folder),
      await queued(folder),
      await queued(folder),
    ];
    const bad = { INFERENCE_COMMAND: "predict --without-places" };
    await withRuns(folder, async (runs) => {
      await runs.deliver(ended, { id: "c", event: { type: "cancel.requested" } });
    });
    expect((await haystack(["cancel", ended, "--data-dir", folder])).code).toBe(0);
    await withRuns(folder, async (runs) => {
      await runs.claim({
        owner: "another",
        now: Date.now(),
        lease_ms: 3_600_000,
        limit: 1,
        run_id: hosted,
      });
      const [record] = await runs.claim({
        owner: "earlier",
        now: Date.now(),
        lease_ms: 1,
        limit: 1,
        run_id: predicting,
      });
      const snapshot = JSON.stringify({ context: { jobs: [{ job_id: "j", state: "submitted" }] } });
      const document = { ...record!.document, status: "running" as const };
      await runs.commit([
        {
          run_id: predicting,
          expect: { revision: 0, token: record!.lease!.token, status: "pending" },
          document,
          snapshot,
          machine: { id: "run", version: "1" },
          wake_at: null,
          attention_at: 0,
          consumed: [],
          outbox: [],
          history: [],
        },
      ]);
    });
    const before = await mailsIn(folder);
    const records = () =>
      Promise.all([ended, hosted, predicting].map((runId) => stored(folder, runId)));
    const [ofEnded, ofHosted, ofPredicting] = await records();
    expect(JSON.parse((await job(folder, { RUN_ID: ended, ...bad })).stdout)).toStrictEqual(
      ofEnded?.document,
    );
    expect((await job(folder, { RUN_ID: hosted, ...bad })).stderr).toMatch(
      /hosted by another process/,
    );
    expect(JSON.parse((await job(folder, { RUN_ID: predicting, ...bad })).stdout)).toStrictEqual(
      ofPredicting?.document,
    );
    expect([ofEnded, ofHosted, ofPredicting].map((record) => record?.document.status)).toEqual([
      "cancelled",
      "pending",
      "running",
    ]);
    expect(await records()).toStrictEqual([ofEnded, ofHosted, ofPredicting]);
    expect(await mailsIn(folder)).toEqual(before);
  });
});

describeWithData("a job on a stored run", () => {
  test("completes, with the overrides of its environment", async () => {
    const folder = await withAtlas();
    const outcome = await job(folder, {
      RUN_ID: await queued(folder),
      CONTROL_STRATEGY: "query_as_control",
      USER_EMAIL: "Other@Example.org",
    });
    expect(outcome.code).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      status: "completed",
      control_strategy: "query_as_control",
      control_strategy_effective: "query_as_control",
      user_email: "other@example.org",
    });
  });

  test("of a run that has ended tells how: 0 for a completed one, 1 for one that was cancelled", async () => {
    const folder = await withAtlas();
    const [completed, cancelled] = [await queued(folder), await queued(folder)];
    expect((await job(folder, { RUN_ID: completed })).code).toBe(0);
    expect(await mailsIn(folder)).toEqual([
      expect.stringMatching(/^HAYSTACK run complete \(score: \d+\/10\)$/),
    ]);
    await haystack(["cancel", cancelled, "--data-dir", folder]);
    const mails = await mailsIn(folder);
    expect((await job(folder, { RUN_ID: completed })).code).toBe(0);
    const again = await job(folder, { RUN_ID: cancelled });
    expect([again.code, JSON.parse(again.stdout)]).toStrictEqual([
      1,
      (await withRuns(folder, (runs) => runs.get(cancelled)))?.document,
    ]);
    expect((JSON.parse(again.stdout) as RunDocument).status).toBe("cancelled");
    expect(await mailsIn(folder)).toEqual(mails);
  });

  test("that is cancelled on its way exits 1", async () => {
    const folder = await withAtlas();
    const RUN_ID = await queued(folder);
    const predictions = heldPredictions(folder);
    const predicting = Promise.withResolvers<void>();
    const ended = job(folder, { RUN_ID, ...predictions.env }, (text) => {
      if (text.includes("predicting")) predicting.resolve();
    });
    await predicting.promise;
    await withRuns(folder, (runs) =>
      runs.deliver(RUN_ID, { id: "c", event: { type: "cancel.requested" } }),
    );
    const { code, stdout } = await ended;
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { status: "cancelled" }]);
    expect(await mailsIn(folder)).toEqual(["HAYSTACK run cancelled"]);
  });

  test("killed and started again it resumes, and of two at once one hosts the run", async () => {
    const folder = await withAtlas();
    const RUN_ID = await queued(folder);
    const predictions = heldPredictions(folder);
    const env = { RUN_ID, ...predictions.env };
    let killed = false;
    const first = await job(folder, env, (text, kill) => {
      if (killed || !text.includes("predicting")) return;
      killed = true;
      kill("SIGKILL");
    });
    expect([first.code, killed]).toEqual([null, true]);
    predictions.open();
    const both = await Promise.all([job(folder, env), job(folder, env)]);
    const completed = both.filter(({ code }) => code === 0);
    expect(completed.length).toBeGreaterThanOrEqual(1);
    for (const { stderr, code } of both)
      if (code !== 0) expect(stderr).toMatch(/hosted by another process/);
    const { stdout } = await haystack(["status", RUN_ID, "--data-dir", folder, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ status: "completed", current_iteration: 1 });
    const begun = predictions.begun();
    expect([begun.length, new Set(begun).size]).toEqual([2, 2]);
  });

  test("stopped by SIGTERM it releases the run, which goes on in the next process", async () => {
    const folder = await withAtlas();
    const RUN_ID = await queued(folder);
    const predictions = heldPredictions(folder);
    const env = { RUN_ID, ...predictions.env };
    let stopped = false;
    const first = await job(folder, env, (text, kill) => {
      if (stopped || !text.includes("predicting")) return;
      stopped = true;
      kill("SIGTERM");
    });
    expect([first.code, first.stdout, first.stderr]).toEqual([
      1,
      "",
      expect.stringMatching(/^haystack: The job was stopped by SIGTERM; .*\n$/m),
    ]);
    const record = await withRuns(folder, (runs) => runs.get(RUN_ID));
    expect([record?.lease, record?.document.status]).toStrictEqual([null, "running"]);
    predictions.open();
    expect((await job(folder, env)).code).toBe(0);
  });

  test("a process that lost its lease while it stood still takes the run up again", async () => {
    const folder = await withAtlas();
    const RUN_ID = await queued(folder);
    const predictions = heldPredictions(folder);
    let isFrozen = false;
    const frozen = Promise.withResolvers<(signal: NodeJS.Signals) => void>();
    const ended = job(folder, { RUN_ID, ...predictions.env }, (text, kill) => {
      if (isFrozen || !text.includes("predicting")) return;
      isFrozen = true;
      kill("SIGSTOP");
      frozen.resolve(kill);
    });
    const kill = await frozen.promise;
    onTestFinished(() => kill("SIGKILL"));
    await withRuns(folder, async (runs) => {
      await untilWritable(folder, kill);
      await expect
        .poll(async () => ((await runs.get(RUN_ID))?.lease?.expires_at ?? 0) < Date.now(), {
          timeout: 60_000,
        })
        .toBe(true);
      expect(
        await runs.claim({
          owner: "another",
          now: Date.now(),
          lease_ms: 1,
          limit: 1,
          run_id: RUN_ID,
        }),
      ).toHaveLength(1);
    });
    predictions.open();
    kill("SIGCONT");
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(
        /^haystack: (The lease of run \S+ was given to another daemon|Run \S+ is hosted elsewhere)/m,
      ),
    ]);
  });

  test("a failure marks the run failed, mails it, and exits 1", async () => {
    const folder = await withAtlas();
    const RUN_ID = await queued(folder, "How would flurbocytes respond to IFN-beta?");
    const before = await withRuns(folder, (runs) => runs.get(RUN_ID));
    const outcome = await job(folder, { RUN_ID });
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toStrictEqual(
      failedRun(
        { ...before!.document, current_phase: "query_analysis", started_at: TIME },
        "CELL_TYPE_UNKNOWN",
        expect.stringMatching(/^No cell type is known as "flurbocytes"/) as string,
      ),
    );
    expect(await mailsIn(folder)).toEqual(["HAYSTACK run failed"]);
  });
});
