import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { localRuns } from "../../cli/runs/local.ts";
import { loadConfig } from "../../config.ts";
import { errorBody, toHaystackError } from "../../errors.ts";
import { RUN_STATUSES, type RunDocument } from "../../services/runs/document.ts";
import type { RunStore } from "../../services/runs/index.ts";
import type { Golden } from "../support/golden-snapshots.ts";
import { openRuns } from "../../adapters/runs.ts";
import { ADA, pastRun, startApi } from "../server/api-harness.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const WISHES = ["cancel", "retry"] as const;
const CASES = RUN_STATUSES.flatMap((status) => WISHES.map((wish) => ({ status, wish })));
const UNKNOWN = "run-unknown";

const runOf = ({ status, wish }: (typeof CASES)[number]): RunDocument =>
  pastRun(`run-${status}-${wish}`, ADA, {
    status,
    current_phase: status === "pending" ? "pending" : null,
  });

const SNAPSHOTS: Partial<Record<RunDocument["status"], string>> = {
  running: "v1-analyzing",
  failed: "v1-failed",
};

/** What runs or has failed has a snapshot to go on from. */
async function put(store: RunStore, each: (typeof CASES)[number]): Promise<void> {
  const run = runOf(each);
  const saved = SNAPSHOTS[each.status];
  if (saved === undefined) return store.insert(run);
  const text = await readFile(`tests/machines/golden/${saved}.json`, "utf8");
  const { document, snapshot, machine } = JSON.parse(text) as Golden;
  await store.insert(
    { ...run, status: "pending" },
    { owner: "gone", expires_at: Date.now() + 60_000 },
  );
  await store.commit([
    {
      run_id: run.run_id,
      expect: { revision: 0, token: 1, status: "pending" },
      document: { ...document, run_id: run.run_id, user_email: ADA },
      snapshot: snapshot.replaceAll(document.run_id, run.run_id),
      machine,
      wake_at: null,
      attention_at: 0,
      consumed: [],
      outbox: [],
      history: [],
    },
  ]);
  await store.takeOver("gone");
}

test("a server and the local command line answer every wish alike", async () => {
  const server = await startApi();
  onTestFinished(() => server.close());
  server.daemon.supervisor.drain(true);
  const ada = await server.caller(ADA);

  const config = loadConfig({}, await temporaryFolder());
  const here = localRuns(config);
  const store = await openRuns(config);
  for (const each of CASES) {
    await put(server.daemon.runs, each);
    await put(store, each);
  }
  await store.close();

  const overHttp = async (runId: string, wish: (typeof WISHES)[number]): Promise<unknown> => {
    const response = await ada.post(`/runs/${runId}/${wish}`);
    return response.ok ? "taken" : response.json();
  };
  const onThisMachine = (runId: string, wish: (typeof WISHES)[number]): Promise<unknown> =>
    here[wish](runId).then(
      () => "taken",
      (thrown: unknown) => errorBody(toHaystackError(thrown)),
    );
  const asked = CASES.map((each) => ({ runId: runOf(each).run_id, wish: each.wish }));
  asked.push(...WISHES.map((wish) => ({ runId: UNKNOWN, wish })));
  const answers = [];
  for (const { runId, wish } of asked)
    answers.push([runId, await overHttp(runId, wish), await onThisMachine(runId, wish)]);

  expect(answers.filter(([, there]) => there === "taken")).toHaveLength(7);
  expect(answers.map(([runId, there]) => [runId, there])).toEqual(
    answers.map(([runId, , local]) => [runId, local]),
  );
});
