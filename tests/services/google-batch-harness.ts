import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { googleBatch, type GoogleBatchOptions } from "../../services/batch/google/service.ts";
import {
  type BatchService,
  type JobState,
  manifestOf,
  TERMINAL_JOB_STATES,
} from "../../services/batch/index.ts";
import { type BatchServer, batchServer, type BatchServerOptions } from "../support/batch-server.ts";
import { type BatchHarness, eventLog, jobSpec, pairOf } from "./batch.contract.ts";
import type { Behaviour } from "./inference-program.ts";
import { fileAppears, PROGRAM } from "./local-batch-harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const IMAGE = "europe-docker.pkg.dev/p/haystack/worker:1";
const EVERY_STATE = [
  "QUEUED",
  "SCHEDULED",
  "RUNNING",
  "SUCCEEDED",
  "FAILED",
  "CANCELLATION_IN_PROGRESS",
  "CANCELLED",
] as const;

export const ONE_SENTENCE = expect.stringMatching(/^[A-Z][^\n]*[^.\s]\.$/) as string;
export const UNAVAILABLE = { code: "BATCH_UNAVAILABLE", retryable: true, message: ONE_SENTENCE };

/** A Spot machine, then a standard one. */
export const offersOf = (machine: string): GoogleBatchOptions["offers"] => [
  { project: "p", region: "us-central1", machine, provisioning: "SPOT", usd_per_hour: 0.4 },
  { project: "p", region: "us-central1", machine, provisioning: "STANDARD", usd_per_hour: 1 },
];

export interface GoogleHarness extends BatchHarness {
  /** Another adapter, which gives up after 300 ms. */
  readonly impatient: BatchService;
  readonly server: BatchServer;
  readonly options: GoogleBatchOptions;
}

/**
 * The adapter with the real client against a server on this machine, with a folder as the bucket.
 */
export async function googleHarness(
  changes: Partial<GoogleBatchOptions> = {},
  serverChanges: Partial<BatchServerOptions> = {},
): Promise<GoogleHarness> {
  const folder = await temporaryFolder();
  const events = eventLog();
  const server = await batchServer({
    images: { [IMAGE]: [process.execPath, PROGRAM] },
    volumes: { "the-bucket": folder },
    tells: EVERY_STATE,
    publish(_topic, attributes) {
      const { JobName = "", JobUID, NewJobState } = attributes;
      events.onChange({
        event_id: `${JobUID}.${NewJobState}`,
        job_id: JobName.split("/").at(-1) ?? "",
        state: NewJobState as JobState,
      });
    },
    ...serverChanges,
  });
  onTestFinished(() => server.close());
  const options: GoogleBatchOptions = {
    project: "p",
    location: "us-central1",
    endpoint: server.endpoint,
    patienceMs: 60_000,
    image: IMAGE,
    bucket: "the-bucket",
    topic: "projects/p/topics/batch-events",
    model: "stack",
    offers: offersOf("g2-standard-8"),
    lossesPerOffer: 2,
    moveAfterMs: 30 * 60_000,
    ...changes,
  };
  const batch = googleBatch(options);
  const impatient = googleBatch({ ...options, patienceMs: 300 });
  for (const adapter of [batch, impatient]) onTestFinished(() => adapter.close());
  const file = (object: string): string => join(folder, object);
  const put = async (object: string, text: string): Promise<void> => {
    await mkdir(dirname(file(object)), { recursive: true });
    await writeFile(file(object), text);
  };
  const read = (object: string): Promise<string | undefined> =>
    readFile(file(object), "utf8").catch(() => undefined);
  let gates = 0;
  return {
    batch,
    impatient,
    events,
    server,
    options,
    seesExitCodeOnly: true,
    async putInputs(spec, ...behaviours) {
      for (const [index, behaviour] of behaviours.entries())
        await put(spec.pairs[index]?.prompt ?? "", JSON.stringify(behaviour));
      await put(pairOf(spec).query, "query cells");
      await put(spec.manifest, manifestOf(spec.manifest, spec.pairs));
    },
    output: (spec) => read(pairOf(spec).output),
    started: (spec) => fileAppears(`${file(pairOf(spec).output)}.started`),
    runs: async (spec, { output } = pairOf(spec)) => (await read(`${output}.runs`))?.length ?? 0,
    gate() {
      const gateFile = join(folder, `gate-${++gates}`);
      return { file: gateFile, release: () => writeFile(gateFile, "") };
    },
  };
}

/** A promise and the means to resolve it; resolved at the latest when the test ends. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  onTestFinished(() => resolve());
  return { promise, open: resolve };
}

/** Puts the inputs, submits, and waits for the end. */
export const endOf = async (
  harness: GoogleHarness,
  spec = jobSpec(),
  behaviour: Behaviour = {},
): ReturnType<BatchService["get"]> => {
  await harness.putInputs(spec, behaviour);
  await harness.batch.submit(spec);
  await harness.events.until(spec.job_id, TERMINAL_JOB_STATES);
  return harness.batch.get(spec.job_id);
};
