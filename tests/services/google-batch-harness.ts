import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { googleBatch, type GoogleBatchOptions } from "../../services/batch/google-batch.ts";
import type { InferenceJobSpec, JobState } from "../../services/batch/index.ts";
import { type BatchServer, batchServer, type BatchServerOptions } from "../support/batch-server.ts";
import { type BatchHarness, eventLog } from "./batch.contract.ts";
import { fileAppears, PROGRAM } from "./local-batch-harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const IMAGE = "europe-docker.pkg.dev/p/haystack/worker:1";
const EVERY_STATE = ["QUEUED", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLATION_IN_PROGRESS", "CANCELLED"] as const;

export interface GoogleHarness extends BatchHarness {
  readonly server: BatchServer;
  readonly options: GoogleBatchOptions;
  readonly putInputs: (spec: InferenceJobSpec, behaviour: Parameters<BatchHarness["putInputs"]>[1]) => Promise<void>;
}

/** The adapter with the real client against a server on this machine, with a folder as the bucket. */
export async function googleHarness(changes: Partial<GoogleBatchOptions> = {}, serverChanges: Partial<BatchServerOptions> = {}): Promise<GoogleHarness> {
  const folder = await temporaryFolder();
  const events = eventLog();
  const server = await batchServer({
    images: { [IMAGE]: [process.execPath, PROGRAM] },
    volumes: { "the-bucket": folder },
    tells: EVERY_STATE,
    publish(_topic, attributes) {
      const { JobName = "", JobUID, NewJobState } = attributes;
      events.onChange({ event_id: `${JobUID}.${NewJobState}`, job_id: JobName.split("/").at(-1) ?? "", state: NewJobState as JobState });
    },
    ...serverChanges,
  });
  onTestFinished(() => server.close());
  const options: GoogleBatchOptions = {
    project: "p",
    location: "us-central1",
    endpoint: server.endpoint,
    patienceMs: 5_000,
    image: IMAGE,
    machineType: "g2-standard-8",
    bucket: "the-bucket",
    topic: "projects/p/topics/batch-events",
    model: "stack",
    usdPerHour: { SPOT: 0.4, STANDARD: 1 },
    ...changes,
  };
  const batch = googleBatch(options);
  onTestFinished(() => batch.close());
  const file = (object: string): string => join(folder, object);
  const put = async (object: string, text: string): Promise<void> => {
    await mkdir(dirname(file(object)), { recursive: true });
    await writeFile(file(object), text);
  };
  const read = (object: string): Promise<string | undefined> => readFile(file(object), "utf8").catch(() => undefined);
  let gates = 0;
  return {
    batch,
    events,
    server,
    options,
    seesExitCodeOnly: true,
    async putInputs(spec, behaviour) {
      await put(spec.prompt, JSON.stringify(behaviour));
      await put(spec.query, "query cells");
    },
    output: (spec) => read(spec.output),
    started: (spec) => fileAppears(`${file(spec.output)}.started`),
    runs: async (spec) => (await read(`${spec.output}.runs`))?.length ?? 0,
    gate() {
      const gate = join(folder, `gate-${++gates}`);
      return { file: gate, release: () => writeFile(gate, "") };
    },
  };
}
