import { join } from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { loadConfig } from "../../config.ts";
import { type Daemon, openDaemon } from "../../daemon.ts";
import type { HaystackError } from "../../errors.ts";
import { newRun, type RunDocument } from "../../services/runs/document.ts";
import type { Cloud } from "../support/cloud.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { mailsIn } from "../support/mail-files.ts";

export interface CloudDaemon {
  readonly daemon: Daemon;
  readonly folder: string;
  /** What this daemon committed itself. */
  readonly committed: RunDocument[];
  readonly troubles: HaystackError[];
  /** Queues a question of one iteration. */
  ask(runId: string): Promise<void>;
  cancel(runId: string): Promise<void>;
}

/** A daemon of this process on the cloud, with a small simulated atlas. */
export async function cloudDaemon(
  cloud: Cloud,
  changes: Readonly<Record<string, string>> = {},
): Promise<CloudDaemon> {
  const folder = await temporaryFolder();
  const environment = { ...cloud.environment, ...changes };
  const simulated = await haystack(
    [
      "atlas",
      "simulate",
      "--output",
      join(folder, "atlas.h5ad"),
      "--data-dir",
      folder,
      "--genes",
      "300",
      "--cells-per-group",
      "10",
    ],
    { env: environment },
  );
  expect([simulated.code, simulated.stderr]).toEqual([0, expect.any(String)]);
  // What a dispatched job needs is taken from the environment of the daemon.
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const committed: RunDocument[] = [];
  const troubles: HaystackError[] = [];
  const daemon = await openDaemon(loadConfig(environment, folder), {
    sweeps: true,
    onCommitted: (document) => void committed.push(document),
    onTrouble: (error) => void troubles.push(error),
  });
  onTestFinished(() => daemon.close());
  return {
    daemon,
    folder,
    committed,
    troubles,
    ask: (runId) =>
      daemon.runs.insert(
        newRun({
          run_id: runId,
          query: "How would CD14+ monocytes respond to IFN-beta?",
          user_email: "scientist@example.org",
          config: { max_iterations: 1 },
          random_seed: 7,
          now: Date.now(),
        }),
      ),
    cancel: (runId) =>
      daemon.supervisor.deliver(runId, {
        id: `cancel-${runId}`,
        event: { type: "cancel.requested" },
      }),
  };
}

/** Only for what hangs: a machine under load needs minutes. */
export const LONG_MS = 600_000;

/** The run as the store has it, once it has the status and owes no mail. */
export async function settledAs(
  { daemon }: CloudDaemon,
  runId: string,
  status: RunDocument["status"],
): Promise<RunDocument> {
  await expect
    .poll(
      async () => {
        const record = await daemon.runs.get(runId);
        const { document, outbox } = record ?? {};
        const isStopped =
          status === "failed" ||
          (document?.current_phase === null && document.error_message === null);
        return [document?.status, isStopped || document, outbox?.map((entry) => entry.state)];
      },
      { timeout: LONG_MS, interval: 200 },
    )
    .toEqual([status, true, ["sent"]]);
  return (await daemon.runs.get(runId))!.document;
}

/** Ids of all jobs that were ever asked for, each once. */
export const jobIdsOf = (cloud: Cloud): string[] =>
  [
    ...new Set(
      cloud.batch.calls
        .filter(({ method }) => method === "createJob")
        .map(({ request }) => (request as { jobId: string }).jobId),
    ),
  ].toSorted((one, other) => (one < other ? -1 : 1));

/**
 * Everything that a completed run of one iteration leaves is there once: two GPU jobs, three files,
 * one mail.
 */
export async function expectDoneOnce(
  cloud: Cloud,
  own: CloudDaemon,
  runId: string,
  mails?: readonly unknown[],
): Promise<void> {
  const gpuJobs = [`hs-${runId}-i1-c-a1`, `hs-${runId}-i1-p-a1`];
  expect(jobIdsOf(cloud).filter((jobId) => jobId.startsWith(`hs-${runId}-i`))).toEqual(gpuJobs);
  for (const jobId of gpuJobs) expect(cloud.batch.job(jobId)?.status?.state).toBe("SUCCEEDED");
  for (const path of Object.values(resultObjects(runId)))
    expect(await own.daemon.objects.stat(path)).toMatchObject({ path });
  expect(mails ?? (await mailsIn(own.folder, cloud.jobFolder))).toHaveLength(1);
  const history = await own.daemon.runs.history(runId);
  expect(history.filter(({ actor, to }) => actor === "run" && to === "completed")).toHaveLength(1);
}
