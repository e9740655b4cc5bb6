import { join } from "node:path";
import type { AgentModel } from "./actors/agents/session.ts";
import { createDispatch, type Dispatch } from "./actors/supervisor/dispatch.ts";
import { type Config, gpuMachine, gpuPrice, handedOn, listed, pairsOf } from "./config.ts";
import { HaystackError } from "./errors.ts";
import type { AccessStore } from "./services/access/index.ts";
import { openSqliteAccess } from "./services/access/sqlite.ts";
import type { GoogleBatchOptions } from "./services/batch/google/service.ts";
import type { GoogleJobSettings } from "./services/batch/google/job.ts";
import type { BatchService, RunJobs } from "./services/batch/index.ts";
import { BASELINE_PROGRAM, inferenceProgram } from "./services/batch/local/command.ts";
import { localBatch } from "./services/batch/local/service.ts";
import type { Clock } from "./services/clock/index.ts";
import { inProcessJobEvents } from "./services/job-events/in-process.ts";
import type { JobEvents } from "./services/job-events/index.ts";
import type { GeneLookUps } from "./services/look-ups/index.ts";
import type { LiteratureService } from "./services/literature/index.ts";
import type { MailService } from "./services/mail/index.ts";
import { directoryObjects } from "./services/objects/directory/store.ts";
import type { ObjectStore } from "./services/objects/index.ts";
import type { RunStore } from "./services/runs/index.ts";
import { openSqliteRuns } from "./services/runs/sqlite/store.ts";

/**
 * Which adapter each port gets, by configuration. A vendor's package is loaded where it is chosen:
 * most commands need none of them.
 */

export const sqliteFile = (config: Config): { readonly file: string } => ({
  file: join(config.dataDir, "runs.sqlite"),
});

export async function openRuns(config: Config): Promise<RunStore> {
  if (config.MONGODB_URI === undefined) return openSqliteRuns(sqliteFile(config));
  const { openMongoRuns } = await import("./services/runs/mongodb/store.ts");
  return openMongoRuns({ uri: config.MONGODB_URI, database: config.MONGODB_DATABASE });
}

/** Tokens and the audit log are kept where the runs are. */
export async function openAccess(config: Config): Promise<AccessStore> {
  if (config.MONGODB_URI === undefined)
    return openSqliteAccess({ file: join(config.dataDir, "access.sqlite") });
  const { openMongoAccess } = await import("./services/access/mongodb.ts");
  return openMongoAccess({ uri: config.MONGODB_URI, database: config.MONGODB_DATABASE });
}

/**
 * Google's clients look for credentials at an address outside of this machine, also when they speak
 * to servers on it.
 */
function stayOnThisMachine({ BATCH_ENDPOINT, GCS_ENDPOINT, PUBSUB_EMULATOR_HOST }: Config): void {
  if ((BATCH_ENDPOINT ?? GCS_ENDPOINT ?? PUBSUB_EMULATOR_HOST) !== undefined)
    process.env["METADATA_SERVER_DETECTION"] ??= "none";
}

/** The objects of a bucket that is not the configured one, or the configured ones. */
export async function openObjects(
  config: Config,
  bucket = config.GCS_BUCKET,
  prefix = config.GCS_PREFIX,
): Promise<ObjectStore> {
  if (bucket === undefined) return directoryObjects({ root: join(config.dataDir, "objects") });
  stayOnThisMachine(config);
  const { googleObjects } = await import("./services/objects/google/store.ts");
  return googleObjects({
    bucket,
    prefix,
    cacheDir: join(config.dataDir, "cache", bucket),
    cacheBytes: config.GCS_CACHE_GB * 1e9,
    ...(config.BATCH_PROJECT === undefined ? {} : { projectId: config.BATCH_PROJECT }),
    ...(config.GCS_ENDPOINT === undefined ? {} : { emulatorUrl: config.GCS_ENDPOINT }),
  });
}

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
  { clock, objects, onTrouble }: Surroundings,
): Promise<Inference> {
  if (config.BATCH_PROJECT !== undefined) {
    const [{ googleBatch }, { googlePubsubEvents }] = await Promise.all([
      import("./services/batch/google/service.ts"),
      import("./services/job-events/google/events.ts"),
    ]);
    const jobEvents = await googlePubsubEvents({
      projectId: config.BATCH_PROJECT,
      topic: configured(config, "PUBSUB_TOPIC"),
      subscription: configured(config, "PUBSUB_SUBSCRIPTION"),
      create: config.PUBSUB_CREATE,
      clock,
      onTrouble: (trouble: HaystackError) => onTrouble(trouble),
      onRefused: (_, thrown) => onTrouble(thrown),
      ...(config.PUBSUB_DEAD_LETTER_TOPIC === undefined
        ? {}
        : { deadLetterTopic: config.PUBSUB_DEAD_LETTER_TOPIC }),
      ...(config.PUBSUB_EMULATOR_HOST === undefined
        ? {}
        : { emulatorHost: config.PUBSUB_EMULATOR_HOST }),
    });
    const batch = googleBatch({
      ...googlePlace(config),
      ...googleSettings(config),
      image: configured(config, "BATCH_IMAGE"),
      machineType: config.BATCH_MACHINE_TYPE,
      cpuMilli: config.BATCH_CPU_MILLI,
      memoryMib: config.BATCH_MEMORY_MIB,
      environment: recordOf(config.BATCH_ENVIRONMENT),
      ...(config.BATCH_INSTALL_GPU_DRIVERS === undefined
        ? {}
        : { installGpuDrivers: config.BATCH_INSTALL_GPU_DRIVERS }),
      ...(config.BATCH_CONTAINER_OPTIONS === undefined
        ? {}
        : { containerOptions: config.BATCH_CONTAINER_OPTIONS }),
      ...(config.BATCH_ACCELERATOR === "none"
        ? {}
        : {
            accelerator: { type: config.BATCH_ACCELERATOR, count: config.BATCH_ACCELERATOR_COUNT },
          }),
      model: config.BATCH_MODEL,
      ...googlePrices(config),
      provisioning: config.BATCH_PROVISIONING,
      spotPreemptions: config.BATCH_SPOT_PREEMPTIONS,
    });
    return { batch, jobEvents };
  }
  const jobEvents = inProcessJobEvents({ clock, onRefused: (_, thrown) => onTrouble(thrown) });
  const batch = localBatch({
    root: join(config.dataDir, "batch"),
    location: (path) => objects.location(path),
    clock,
    onChange: (event) => jobEvents.publish(event),
    onError: onTrouble,
    program:
      config.INFERENCE_COMMAND === undefined
        ? BASELINE_PROGRAM
        : inferenceProgram(config.INFERENCE_COMMAND, config.INFERENCE_MODEL),
    maxConcurrent: config.LOCAL_JOBS,
  });
  return { batch, jobEvents };
}

/** A variable that the rules of the configuration ask for here. */
function configured(
  config: Config,
  name:
    | "BATCH_PROJECT"
    | "BATCH_IMAGE"
    | "GCS_BUCKET"
    | "PUBSUB_TOPIC"
    | "PUBSUB_SUBSCRIPTION"
    | "DISPATCH_IMAGE",
): string {
  const value = config[name];
  if (value === undefined) throw new HaystackError("CONFIG_INVALID", `${name} is not set.`);
  return value;
}

function googlePrices(config: Config): Pick<GoogleBatchOptions, "machine" | "usdPerHour"> {
  const [machine, usdPerHour] = [gpuMachine(config), gpuPrice(config)];
  if (usdPerHour === undefined)
    throw new HaystackError("CONFIG_INVALID", `BATCH_PRICES has no price of ${machine}.`);
  return { machine, usdPerHour };
}

const googlePlace = (config: Config) => ({
  project: configured(config, "BATCH_PROJECT"),
  location: config.BATCH_LOCATION,
  ...(config.BATCH_ENDPOINT === undefined ? {} : { endpoint: config.BATCH_ENDPOINT }),
});

const googleSettings = (config: Config): Omit<GoogleJobSettings, "image" | "machineType"> => ({
  bucket: [configured(config, "GCS_BUCKET"), config.GCS_PREFIX]
    .filter((part) => part !== "")
    .join("/"),
  topic: `projects/${configured(config, "BATCH_PROJECT")}/topics/${configured(config, "PUBSUB_TOPIC")}`,
  bootDisk: {
    sizeGb: config.BATCH_BOOT_DISK_GB,
    ...(config.BATCH_BOOT_DISK_IMAGE === undefined ? {} : { image: config.BATCH_BOOT_DISK_IMAGE }),
    ...(config.BATCH_BOOT_DISK_TYPE === undefined ? {} : { type: config.BATCH_BOOT_DISK_TYPE }),
  },
  ...(config.BATCH_ALLOWED_LOCATIONS === ""
    ? {}
    : { allowedLocations: listed(config.BATCH_ALLOWED_LOCATIONS) }),
  ...(config.BATCH_MOUNT_OPTIONS === undefined
    ? {}
    : { mountOptions: listed(config.BATCH_MOUNT_OPTIONS) }),
  labels: recordOf(config.BATCH_LABELS),
  network: {
    noExternalIp: config.BATCH_NO_EXTERNAL_IP,
    ...(config.BATCH_NETWORK === undefined ? {} : { network: config.BATCH_NETWORK }),
    ...(config.BATCH_SUBNETWORK === undefined ? {} : { subnetwork: config.BATCH_SUBNETWORK }),
  },
  ...(config.BATCH_SERVICE_ACCOUNT === undefined
    ? {}
    : { serviceAccount: config.BATCH_SERVICE_ACCOUNT }),
});

/** The language model and its limits; none without a key. */
export async function openModel(config: Config, clock: Clock): Promise<AgentModel | undefined> {
  if (config.OPENAI_API_KEY === undefined) return undefined;
  const { openaiModel } = await import("./services/language-model/openai.ts");
  return {
    model: openaiModel({
      apiKey: config.OPENAI_API_KEY,
      baseURL: config.OPENAI_BASE_URL,
      model: config.OPENAI_MODEL,
      effort: config.OPENAI_EFFORT === "off" ? null : config.OPENAI_EFFORT,
      temperature: config.OPENAI_TEMPERATURE ?? null,
      price: {
        input: config.OPENAI_PRICE_INPUT,
        cached_input: config.OPENAI_PRICE_CACHED_INPUT,
        output: config.OPENAI_PRICE_OUTPUT,
      },
      embedding:
        config.OPENAI_EMBEDDING_MODEL === "off"
          ? null
          : { model: config.OPENAI_EMBEDDING_MODEL, price: config.OPENAI_PRICE_EMBEDDING },
      clock,
      random: Math.random,
    }),
    limits: {
      max_turns: config.MODEL_MAX_TURNS,
      max_tokens: config.MODEL_MAX_TOKENS,
      max_usd: config.MODEL_MAX_USD,
      timeout_ms: config.MODEL_TIMEOUT_SECONDS * 1_000,
    },
  };
}

/** Mails by SendGrid, or as files in the data folder. */
export async function openMail(config: Config, clock: Clock): Promise<MailService> {
  const from = config.MAIL_FROM;
  if (config.SENDGRID_API_KEY === undefined) {
    const { emlMail } = await import("./services/mail/eml-file.ts");
    return emlMail({ folder: join(config.dataDir, "mail"), from, clock });
  }
  const { sendgridMail } = await import("./services/mail/sendgrid.ts");
  return sendgridMail({
    apiKey: config.SENDGRID_API_KEY,
    baseUrl: config.SENDGRID_BASE_URL,
    from,
    sandbox: config.SENDGRID_SANDBOX,
    timeoutMs: config.SENDGRID_TIMEOUT_SECONDS * 1_000,
    clock,
  });
}

/** The literature search; none unless configured. */
export async function openLiterature(
  config: Config,
  clock: Clock,
): Promise<LiteratureService | undefined> {
  if (config.LITERATURE === "none") return undefined;
  const { pubmedLiterature } = await import("./services/literature/pubmed.ts");
  return pubmedLiterature({
    baseUrl: config.NCBI_BASE_URL,
    cacheFolder: join(config.dataDir, "cache", "literature"),
    cacheMs: config.LITERATURE_CACHE_DAYS * 86_400_000,
    timeoutMs: config.LITERATURE_TIMEOUT_SECONDS * 1_000,
    now: () => clock.now(),
    ...(config.NCBI_API_KEY === undefined ? {} : { apiKey: config.NCBI_API_KEY }),
    ...(config.NCBI_EMAIL === undefined ? {} : { email: config.NCBI_EMAIL }),
  });
}

/** Look-ups of genes; none unless configured. */
export async function openLookUps(config: Config, clock: Clock): Promise<GeneLookUps | undefined> {
  const databases = listed(config.LOOKUPS);
  if (databases.length === 0) return undefined;
  const { uniprotLookUps } = await import("./services/look-ups/uniprot.ts");
  return uniprotLookUps({
    uniprotUrl: config.UNIPROT_BASE_URL,
    ...(databases.includes("reactome") ? { reactomeUrl: config.REACTOME_BASE_URL } : {}),
    ...(databases.includes("kegg") ? { keggUrl: config.KEGG_BASE_URL } : {}),
    cacheFolder: join(config.dataDir, "cache", "look-ups"),
    cacheMs: config.LITERATURE_CACHE_DAYS * 86_400_000,
    timeoutMs: config.LITERATURE_TIMEOUT_SECONDS * 1_000,
    now: () => clock.now(),
  });
}

/** Imported knowledge, beside the curated one. */
export const knowledgeFolder = (config: Config): string => join(config.dataDir, "knowledge");

/**
 * A run's time limit as a job: Google Batch's own, as the run keeps deadlines for everything it
 * waits for.
 */
const LONGEST_RUN_SECONDS = 14 * 86_400;

const recordOf = (text: string): Record<string, string> => Object.fromEntries(pairsOf(text));

export interface RunDispatch {
  readonly dispatch: Dispatch;
  readonly runJobs: RunJobs;
}

export async function openDispatch(
  config: Config,
  runs: RunStore,
  clock: Clock,
  environment: NodeJS.ProcessEnv,
  onTrouble: (thrown: unknown) => void,
): Promise<RunDispatch | undefined> {
  if (config.DISPATCH !== "batch") return undefined;
  const { googleRunJobs } = await import("./services/batch/google/run-jobs.ts");
  const open = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && handedOn(entry[0], entry[1]) === "openly",
  );
  const runJobs = googleRunJobs({
    ...googlePlace(config),
    ...googleSettings(config),
    image: configured(config, "DISPATCH_IMAGE"),
    machineType: config.DISPATCH_MACHINE_TYPE,
    environment: Object.fromEntries(open),
    secretEnvironment: recordOf(config.DISPATCH_SECRETS),
    maxRunSeconds: LONGEST_RUN_SECONDS,
  });
  return {
    runJobs,
    dispatch: createDispatch({
      runs,
      runJobs,
      clock,
      watchMs: config.DISPATCH_WATCH_SECONDS * 1_000,
      maxJobs: config.DISPATCH_MAX_JOBS,
      onTrouble,
    }),
  };
}
