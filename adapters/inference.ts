import { type BatchAdapter, batchAdapter, type Config, redactor } from "../config.ts";
import type { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import type { BatchService, JobOffer, JobOutput } from "../services/batch/index.ts";
import {
  BASELINE_PROGRAM,
  type InferenceProgram,
  inferenceProgram,
  wordsOf,
} from "../services/batch/local/command.ts";
import { redactedBatch } from "../services/batch/redacted.ts";
import { localBatch } from "../services/batch/local/service.ts";
import type { Clock } from "../services/clock/index.ts";
import type { JobEvents } from "../services/job-events/index.ts";
import { inProcessJobEvents } from "../services/job-events/in-process.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import { dataFolder } from "./data-folder.ts";
import { configured, googleOffers, googlePlace, googleSettings, recordOf } from "./google-jobs.ts";

interface Surroundings {
  readonly clock: Clock;
  readonly objects: ObjectStore;
  readonly onTrouble: (thrown: unknown) => void;
}

export interface Inference {
  readonly batch: BatchService;
  readonly jobEvents: JobEvents;
}

/** Jobs and the news of them belong together: on this machine, or on Google Batch with Pub/Sub. */
export async function openInference(
  config: Config,
  surroundings: Surroundings,
): Promise<Inference> {
  const { batch, jobEvents } = await INFERENCE[batchAdapter(config)](config, surroundings);
  return { batch: redactedBatch(batch, redactor(config)), jobEvents };
}

const INFERENCE: Readonly<
  Record<
    BatchAdapter,
    (config: Config, surroundings: Surroundings) => Inference | Promise<Inference>
  >
> = { local: onThisMachine, google: onGoogleBatch };

/** What a job on this machine runs. Error INFERENCE_COMMAND_INVALID. */
export const localProgram = (config: Config): InferenceProgram =>
  config.INFERENCE_COMMAND === undefined
    ? BASELINE_PROGRAM
    : inferenceProgram(config.INFERENCE_COMMAND, config.INFERENCE_MODEL);

function onThisMachine(config: Config, { clock, objects, onTrouble }: Surroundings): Inference {
  const jobEvents = inProcessJobEvents({ clock, onRefused: (_, thrown) => onTrouble(thrown) });
  const batch = localBatch({
    root: localRoot(config),
    location: (path) => objects.location(path),
    clock,
    onChange: (event) => jobEvents.publish(event),
    onError: onTrouble,
    program: localProgram(config),
    maxConcurrent: config.LOCAL_JOBS,
  });
  return { batch, jobEvents };
}

/** What the programs of jobs said, without a part that executes jobs or hears of them. */
export interface JobOutputs {
  of(jobId: string, at?: JobOffer): Promise<JobOutput | undefined>;
  close(): Promise<void>;
}

export const openJobOutputs = (config: Config): Promise<JobOutputs> =>
  OUTPUTS[batchAdapter(config)](config);

const OUTPUTS: Readonly<Record<BatchAdapter, (config: Config) => Promise<JobOutputs>>> = {
  async local(config) {
    const { outputOfJob } = await import("../services/batch/local/output-of-job.ts");
    return { of: (jobId) => outputOfJob(localRoot(config), jobId), close: () => Promise.resolve() };
  },
  async google(config) {
    const batch = await googleService(config);
    return { of: (jobId, at) => batch.output(jobId, undefined, at), close: () => batch.close() };
  },
};

/** What is kept of jobs here, without a part that executes jobs. */
export const keptJobs = (config: Config): Pick<BatchService, "forget"> =>
  batchAdapter(config) === "local"
    ? {
        async forget(isMeant) {
          const { forgetJobs } = await import("../services/batch/local/forget-jobs.ts");
          return forgetJobs(localRoot(config), isMeant);
        },
      }
    : {};

const localRoot = (config: Config): string => dataFolder(config).jobs;

async function onGoogleBatch(
  config: Config,
  { clock, onTrouble }: Surroundings,
): Promise<Inference> {
  const { googlePubsubEvents } = await import("../services/job-events/google/events.ts");
  const jobEvents = await googlePubsubEvents({
    projectId: configured(config, "BATCH_PROJECT"),
    topic: configured(config, "PUBSUB_TOPIC"),
    subscription: configured(config, "PUBSUB_SUBSCRIPTION"),
    create: config.PUBSUB_CREATE,
    clock,
    onTrouble: (trouble: HaystackError) => onTrouble(trouble),
    onRefused: (_, thrown) => onTrouble(thrown),
    ...given({
      deadLetterTopic: config.PUBSUB_DEAD_LETTER_TOPIC,
      emulatorHost: config.PUBSUB_EMULATOR_HOST,
    }),
  });
  return { batch: await googleService(config), jobEvents };
}

export async function googleService(config: Config): Promise<BatchService> {
  const { googleBatch } = await import("../services/batch/google/service.ts");
  return googleBatch({
    ...googlePlace(config),
    ...googleSettings(config),
    image: configured(config, "BATCH_IMAGE"),
    entrypoint: config.BATCH_ENTRYPOINT === "image" ? "image" : wordsOf(config.BATCH_ENTRYPOINT),
    cpuMilli: config.BATCH_CPU_MILLI,
    memoryMib: config.BATCH_MEMORY_MIB,
    environment: recordOf(config.BATCH_ENVIRONMENT),
    isImageStreamed: config.BATCH_IMAGE_STREAMING,
    model: config.BATCH_MODEL,
    ...googleOffers(config),
    ...given({
      installGpuDrivers: config.BATCH_INSTALL_GPU_DRIVERS,
      containerOptions: config.BATCH_CONTAINER_OPTIONS,
      reservation: config.BATCH_RESERVATION,
    }),
  });
}
