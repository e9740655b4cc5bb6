import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type ErrorCode, HaystackError } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import {
  type ImportJobs,
  type JobStatus,
  TERMINAL_JOB_STATES,
} from "../../services/batch/index.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import { sharesDone } from "./join.ts";
import {
  datasetOfOrder,
  failurePath,
  type ImportOrder,
  importId,
  importJobName,
  orderPath,
} from "./order.ts";
import { lookAtSource } from "./source.ts";
import { readAtlas, standingAtlas } from "./standing.ts";

export interface BatchImportPorts {
  readonly objects: ObjectStore;
  /** Of the bucket of the source. */
  readonly sources: ObjectStore;
  readonly jobs: ImportJobs;
  /** Between two looks at the job. */
  readonly pause: () => Promise<void>;
  readonly onJob: (jobId: string) => void;
  readonly onDone: (shares: number, of: number) => void;
}

interface WantedImport extends Omit<ImportOrder, "format" | "source"> {
  readonly source: Omit<ImportOrder["source"], "version">;
}

/** After so many jobs that failed something is wrong that another one does not mend. */
const MOST_ATTEMPTS = 100;

/**
 * Has a file in a bucket imported by a Batch job, follows it, and answers with the atlas. The same
 * import again finds its job, or after that failed makes another one, which does what is left.
 * @throws what importAtlas throws, as the job tells it; OBJECT_NOT_FOUND, ATLAS_EXISTS, JOB_FAILED,
 * JOB_PREEMPTED, JOB_OVER_TIME, and errors of Batch and the stores
 */
export async function importOnBatch(
  ports: BatchImportPorts,
  wanted: WantedImport,
): Promise<AtlasIndex> {
  const { objects, sources } = ports;
  const found = await lookAtSource(sources, wanted.source.path);
  const order: ImportOrder = {
    format: "haystack-import/1",
    release: wanted.release,
    source: { ...wanted.source, version: found.version },
    tasks: wanted.tasks,
    options: wanted.options,
  };
  const id = importId(order);
  const dataset = datasetOfOrder(order);
  const stands = (await standingAtlas(objects, dataset))?.index;
  if (stands?.import_id === id) return stands;
  await objects.putText(orderPath(id), JSON.stringify(order));

  const submit = (attempt: number) =>
    ports.jobs.submit({
      job_id: importJobName(id, attempt),
      import_id: id,
      attempt,
      tasks: order.tasks,
      source_bytes: found.bytes,
      is_packed: found.isFolder || wanted.source.path.endsWith(".gz"),
    });
  let attempt = 1;
  let job = await submit(attempt);
  // A job that ended before is one that failed, or whose atlas was removed since.
  while (TERMINAL_JOB_STATES.has(job.state) && attempt < MOST_ATTEMPTS)
    job = await submit(++attempt);
  ports.onJob(job.job_id);
  let told = -1;
  while (!TERMINAL_JOB_STATES.has(job.state)) {
    await ports.pause();
    const done = (await sharesDone(objects, order)).length;
    if (done !== told) ports.onDone((told = done), order.tasks);
    // Submitting it again tells how it stands, and makes up for one that was deleted.
    job = await submit(attempt);
  }
  if (job.state === "SUCCEEDED") return (await readAtlas(objects, dataset)).index;
  throw (await toldFailure(objects, order, attempt)) ?? jobFailure(job);
}

const failureSchema = z.object({ code: z.string(), message: z.string() });
export type ShareFailure = z.infer<typeof failureSchema>;

/** What a task that failed for good said of it. */
async function toldFailure(
  objects: ObjectStore,
  order: ImportOrder,
  attempt: number,
): Promise<HaystackError | undefined> {
  const done = new Set(await sharesDone(objects, order));
  for (let share = 0; share < order.tasks; share += 1) {
    const path = failurePath(importId(order), attempt, share);
    if ((done.has(share) && done.size < order.tasks) || (await objects.stat(path)) === undefined)
      continue;
    const { code, message } = failureSchema.parse(
      JSON.parse(await readFile(await objects.fetch({ path }), "utf8")),
    );
    return new HaystackError(code in ERROR_CATALOGUE ? (code as ErrorCode) : "INTERNAL", message);
  }
  return undefined;
}

const CODES = {
  transient: "JOB_FAILED",
  application: "JOB_FAILED",
  preempted: "JOB_PREEMPTED",
  over_time: "JOB_OVER_TIME",
} as const;

function jobFailure({ job_id: jobId, state, failure }: JobStatus): HaystackError {
  const why =
    state === "CANCELLED" ? "it was cancelled" : (failure?.reason ?? "no reason is known");
  return new HaystackError(
    CODES[failure?.kind ?? "transient"],
    `The import job ${jobId} did not succeed (${why.replace(/\.$/, "")}); import again, which does only what is left.`,
  );
}
