import { expect } from "vitest";
import type { StateValue } from "xstate";
import type { RunContext } from "../../../machines/run-types.ts";
import { RUN_MACHINE } from "../../../machines/run.ts";
import { runView } from "../../../machines/run-view.ts";
import { runDocumentSchema } from "../../../services/runs/document.ts";
import type { RunCommit, RunRecord } from "../../../services/runs/index.ts";
import type { Persisted } from "../persisted-steps.ts";
import type { ModelStep } from "./model-path.ts";
import type { SteeredRun } from "./steered-run.ts";

/**
 * What holds in every state: the document is that of the snapshot and the log in order (D1), no
 * step began before its commit (D2), a write that expects an older revision is refused (D3),
 * effects are unique by name (D4), and consumed events are gone (D5).
 */
export async function expectInvariants(run: SteeredRun, { view }: ModelStep): Promise<void> {
  const record = await run.store.get(run.runId);
  expect(record?.snapshot ?? null, "D1: nothing is stored").not.toBeNull();
  const snapshot = JSON.parse(record?.snapshot ?? "null") as Persisted;
  const context = snapshot.context as RunContext;
  expect(record?.document, "D1: the document is not that of the snapshot").toMatchObject(
    runView(snapshot.value as StateValue, context),
  );
  expect(runDocumentSchema.safeParse(record?.document).error).toBeUndefined();
  if (view !== null) expect(record?.document).toMatchObject(view);
  const revisions = (await run.store.history(run.runId)).map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  expect(revisions.at(-1)).toBeLessThanOrEqual(record?.revision ?? 0);
  const named = [
    context.jobs.map(({ job_id }) => job_id),
    run.performed.filter((effect) => effect.startsWith("submitJob")),
    run.mails,
    record?.outbox.map(({ key }) => key) ?? [],
  ];
  for (const names of named) expect(names, "D4: effects of one name").toEqual([...new Set(names)]);
  expect(record?.inbox, "D5: consumed events are left").toEqual([]);
  expect(run.violations).toEqual([]);
  if (record !== undefined)
    expect(
      await run.rivals.commit([overtaken(record)]),
      "D3: the write of an overtaken daemon was taken",
    ).toMatchObject([{ result: "conflict" }]);
}

/** What a daemon would write that has missed the last commit. */
const overtaken = ({
  document,
  snapshot,
  machine,
  revision,
  lease,
  wake_at,
  outbox,
}: RunRecord): RunCommit => ({
  run_id: document.run_id,
  expect: { revision: revision - 1, token: lease?.token ?? 0, status: document.status },
  document,
  snapshot: snapshot ?? "",
  machine: machine ?? RUN_MACHINE,
  wake_at,
  attention_at: null,
  consumed: [],
  outbox,
  history: [],
});
