import { availableParallelism } from "node:os";
import { z } from "zod";

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

export const LOCAL_SENDER = "haystack@localhost";

/** A list separated by commas, each part in the given form. */
const listOf = (part: RegExp, form: string, standard = "") =>
  z
    .string()
    .refine(
      (text) => listed(text).every((entry) => part.test(entry)),
      `has a part that is not of the form ${form}`,
    )
    .default(standard);

/** Every environment variable, with its default. */
export const variables = z.object({
  HAYSTACK_DATA_DIR: z
    .string()
    .default("haystack-data")
    .describe("Folder of the embedded store, objects, jobs and mails"),
  HAYSTACK_SERVER: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Server that the commands about runs talk to; the store of this machine when unset"),
  HAYSTACK_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, "a token has no spaces")
    .optional()
    .describe("Token for that server"),
  HAYSTACK_INSECURE_HTTP: z
    .stringbool()
    .default(false)
    .describe("The token may go unencrypted to another machine"),
  MONGODB_URI: z
    .string()
    .optional()
    .describe("MongoDB that several daemons share; an SQLite file in the data folder when unset"),
  MONGODB_DATABASE: z.string().default("haystack").describe("Database of the runs in MongoDB"),
  DAEMON_ID: z
    .string()
    .optional()
    .describe(
      "Name that a daemon keeps over restarts, unique among those that share a MongoDB: its runs go on at once after a restart",
    ),
  MAX_ACTIVE_RUNS: whole(1, 100_000).default(8).describe("Runs that work at the same time"),
  MAX_ACTIVE_RUNS_PER_USER: whole(1, 100_000)
    .default(4)
    .describe("Runs of one user that work at the same time"),
  MAX_GPU_JOBS: whole(2, 100_000)
    .optional()
    .describe("GPU jobs at the same time; a run has up to two, so half as many runs are admitted"),
  MAX_GPU_JOBS_PER_USER: whole(2, 100_000)
    .optional()
    .describe("GPU jobs of one user at the same time"),
  LOCAL_JOBS: whole(1, 1_000)
    .default(2)
    .describe("Inference jobs at the same time on this machine"),
  COMPUTE_PROCESSES: whole(1, 256)
    .default(Math.max(1, availableParallelism() - 1))
    .describe("Processes for heavy computation"),
  COMPUTE_MINUTES: whole(1, 10_000)
    .default(60)
    .describe(
      "Longest time of one computation, in minutes; the import of a very large atlas may need more",
    ),
  INFERENCE_COMMAND: z
    .string()
    .optional()
    .describe(
      "Program that predicts, with {prompt} {query} {output} {seed}; the built-in baseline when unset",
    ),
  INFERENCE_MODEL: z
    .string()
    .default("stack")
    .describe("Name of the model that INFERENCE_COMMAND runs"),
  RECONCILE_SECONDS: whole(1, 3_600)
    .default(10)
    .describe("Pause between two looks at a waiting job"),
  LEASE_SECONDS: whole(3, 3_600)
    .default(30)
    .describe("How long a run stays with a daemon that no longer answers"),
  POLL_MILLISECONDS: whole(20, 60_000)
    .default(250)
    .describe("Pause between two looks for new runs and events"),
  PASSIVATE_SECONDS: whole(1, 86_400)
    .default(60)
    .describe("A run that waits longer than this leaves memory until its next event or time"),
  GRACE_SECONDS: whole(1, 3_600).default(20).describe("Time to stop cleanly after SIGTERM"),
  MAIL_FROM: z
    .string()
    .regex(/^[^\p{Cc}]*$/u)
    .default(LOCAL_SENDER)
    .describe("Sender of the mails"),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Address under which users reach this server, for the links in mails"),
  SENDGRID_API_KEY: z
    .string()
    .regex(/^SG\.[\w.-]+$/, "a key of SendGrid begins with SG.")
    .optional()
    .describe("Sends mails by SendGrid; files in the data folder when unset"),
  SENDGRID_BASE_URL: z
    .url()
    .default("https://api.sendgrid.com/")
    .describe("Server of SendGrid's API"),
  SENDGRID_SANDBOX: z
    .stringbool()
    .default(false)
    .describe("SendGrid checks mails and delivers none"),
  SENDGRID_TIMEOUT_SECONDS: whole(1, 600).default(30).describe("Longest call of SendGrid"),

  METRICS: z.enum(["admin", "public", "off"]).default("admin").describe("Who may read /metrics"),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("Least weight of a line in the daemon's log"),
  LOG_FORMAT: z
    .enum(["json", "plain"])
    .default("json")
    .describe("Form of the daemon's log on stderr: JSON lines, or words for a person"),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe("OpenTelemetry collector for traces, as http://host:4318; none when unset"),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .optional()
    .describe("Headers for the collector, as name=value,..."),
  OTEL_SERVICE_NAME: z.string().default("haystack").describe("Name of this service in traces"),

  HTTP_HOST: z
    .string()
    .default("127.0.0.1")
    .describe(
      "Address that the daemon listens on; others than this machine's need AUTH=token or AUTH=iap",
    ),
  HTTP_PORT: whole(0, 65_535)
    .default(8_080)
    .describe("Port that the daemon listens on; 0 for any that is free"),
  HTTP_BODY_BYTES: whole(1_024, 16_777_216).default(65_536).describe("Largest body of a request"),
  HTTP_REQUEST_SECONDS: whole(1, 600)
    .default(15)
    .describe("Time for a client to send a whole request"),
  HTTP_REQUESTS_PER_MINUTE: whole(1, 1_000_000)
    .default(600)
    .describe("Requests of one user in a minute"),
  HTTP_FAILURES_PER_MINUTE: whole(1, 1_000_000)
    .default(30)
    .describe("Requests from one address in a minute that fail to say who asks"),
  HTTP_STREAMS: whole(1, 100_000)
    .default(1_000)
    .describe("Event streams that are open at the same time"),
  HTTP_STREAMS_PER_USER: whole(1, 100_000)
    .default(20)
    .describe("Event streams of one user at the same time"),
  HTTP_TRUST_PROXY: z
    .string()
    .default("")
    .describe(
      "Addresses or networks of proxies whose X-Forwarded-For is believed, as 10.0.0.0/8,...",
    ),
  CORS_ORIGINS: z
    .string()
    .default("")
    .describe("Web origins whose pages may call the API, as https://a.example,..."),
  INSPECT_ORIGINS: z
    .string()
    .default("")
    .describe("Web origins whose pages may open the inspection socket, as https://stately.ai,..."),
  AUTH: z
    .enum(["none", "token", "iap"])
    .default("none")
    .describe(
      "How users say who they are: not at all (on this machine only), by bearer token, by Google's Identity-Aware Proxy",
    ),
  ADMINS: z
    .string()
    .default("")
    .describe("E-mail addresses of administrators, separated by commas"),
  IAP_AUDIENCE: z
    .string()
    .optional()
    .describe("Audience of the proxy's assertions, as /projects/N/global/backendServices/ID"),
  IAP_JWKS_URL: z
    .url()
    .default("https://www.gstatic.com/iap/verify/public_key-jwk")
    .describe("Keys that the proxy signs with"),

  GCS_BUCKET: z
    .string()
    .optional()
    .describe("Cloud Storage bucket of the objects; a folder of the data folder when unset"),
  GCS_PREFIX: z.string().default("").describe("Folder in the bucket"),
  GCS_CACHE_GB: z.coerce
    .number()
    .min(0.1)
    .max(10_000)
    .default(20)
    .describe("Size of the local cache of objects"),
  SIGNED_URL_SECONDS: whole(60, 604_800)
    .default(3_600)
    .describe("Life of the links to results in the bucket"),
  GCS_ENDPOINT: z.url().optional().describe("Cloud Storage emulator, http://host:port"),

  BATCH_PROJECT: z
    .string()
    .optional()
    .describe("Google Cloud project of the GPU jobs; they run on this machine when unset"),
  BATCH_LOCATION: z.string().default("us-central1").describe("Region of the jobs"),
  BATCH_IMAGE: z.string().optional().describe("Image of the STACK worker"),
  BATCH_MODEL: z.string().default("stack").describe("Name of the model in that image"),
  BATCH_MACHINE_TYPE: z.string().default("g2-standard-8").describe("Machine of a GPU job"),
  BATCH_ACCELERATOR: z
    .string()
    .default("nvidia-l4")
    .describe("Accelerator of a GPU job; none for a machine without"),
  BATCH_ACCELERATOR_COUNT: whole(1, 16).default(1).describe("Accelerators of a GPU job"),
  BATCH_INSTALL_GPU_DRIVERS: z
    .stringbool()
    .optional()
    .describe("Batch installs the drivers of the accelerators; true unless there are none"),
  BATCH_PROVISIONING: z
    .enum(["SPOT", "STANDARD"])
    .default("SPOT")
    .describe("Provisioning of the first attempts"),
  BATCH_SPOT_PREEMPTIONS: whole(0, 100)
    .default(2)
    .describe("After so many lost Spot machines a job gets a standard one"),
  BATCH_PRICES: listOf(
    /^[^=]+=\s*\d+(\.\d+)?\/\d+(\.\d+)?$/,
    "MACHINE=SPOT/STANDARD",
    "g2-standard-8 with 1 nvidia-l4=0.35/0.85",
  ).describe(
    "US dollars per hour of machines with their accelerators, Spot and standard, as MACHINE with COUNT ACCELERATOR=SPOT/STANDARD,...",
  ),
  BATCH_BOOT_DISK_GB: whole(10, 65_536).default(100).describe("Boot disk of a job"),
  BATCH_BOOT_DISK_IMAGE: z
    .string()
    .optional()
    .describe("Image of the boot disk, such as batch-cos"),
  BATCH_BOOT_DISK_TYPE: z.string().optional().describe("Type of the boot disk, such as pd-ssd"),
  BATCH_CPU_MILLI: whole(1, 1_000_000)
    .default(8_000)
    .describe("Thousandths of a processor that a GPU job takes of its machine"),
  BATCH_MEMORY_MIB: whole(1, 16_777_216)
    .default(30_000)
    .describe("Memory that a GPU job takes of its machine"),
  BATCH_ALLOWED_LOCATIONS: listOf(
    /^(regions|zones)\/[a-z0-9-]+$/,
    "regions/NAME or zones/NAME",
  ).describe(
    "Region or zones for the machines, as zones/us-central1-a,...; the region of the jobs when empty",
  ),
  BATCH_CONTAINER_OPTIONS: z
    .string()
    .optional()
    .describe("Options of docker run, such as --shm-size=8g"),
  BATCH_MOUNT_OPTIONS: z.string().optional().describe("Options of gcsfuse, separated by commas"),
  BATCH_ENVIRONMENT: listOf(/^[^=\s]+\s*=/, "NAME=value").describe(
    "Variables of the worker, as STACK_CHECKPOINT=/path,...",
  ),
  BATCH_SERVICE_ACCOUNT: z.string().optional().describe("Service account of the jobs"),
  BATCH_NETWORK: z.string().optional().describe("Network of the jobs"),
  BATCH_SUBNETWORK: z.string().optional().describe("Subnetwork of the jobs"),
  BATCH_NO_EXTERNAL_IP: z.stringbool().default(false).describe("Jobs get no external address"),
  BATCH_LABELS: listOf(/^[^=\s]+\s*=/, "name=value").describe(
    "Further labels, as name=value,name=value",
  ),
  BATCH_ENDPOINT: z
    .string()
    .optional()
    .describe("Batch server on this machine instead of Google's, host:port"),
  PUBSUB_TOPIC: z.string().optional().describe("Topic that Batch tells of job changes"),
  PUBSUB_SUBSCRIPTION: z
    .string()
    .optional()
    .describe("Pull subscription on it, of this deployment alone"),
  PUBSUB_DEAD_LETTER_TOPIC: z
    .string()
    .optional()
    .describe("Topic for messages that were refused too often"),
  PUBSUB_CREATE: z.stringbool().default(false).describe("Make missing topics and subscriptions"),
  PUBSUB_EMULATOR_HOST: z.string().optional().describe("Pub/Sub emulator, host:port"),

  OPENAI_API_KEY: z
    .string()
    .optional()
    .describe("Turns the language model on; rules and curated knowledge when unset"),
  OPENAI_BASE_URL: z
    .url()
    .default("https://api.openai.com/v1")
    .describe("Server of the Responses API, version included"),
  OPENAI_MODEL: z.string().default("gpt-5-mini").describe("Model with structured outputs"),
  OPENAI_EFFORT: z
    .enum(["off", "none", "minimal", "low", "medium", "high", "xhigh"])
    .default("medium")
    .describe("Reasoning effort; off for models that do not reason"),
  OPENAI_TEMPERATURE: z.coerce
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe("Temperature; leave unset for reasoning models"),
  OPENAI_PRICE_INPUT: z.coerce
    .number()
    .min(0)
    .default(0.25)
    .describe("US dollars per million input tokens"),
  OPENAI_PRICE_CACHED_INPUT: z.coerce
    .number()
    .min(0)
    .default(0.025)
    .describe("US dollars per million cached input tokens"),
  OPENAI_PRICE_OUTPUT: z.coerce
    .number()
    .min(0)
    .default(2)
    .describe("US dollars per million output tokens"),
  OPENAI_EMBEDDING_MODEL: z
    .string()
    .default("text-embedding-3-small")
    .describe(
      "Model whose embeddings compare perturbations and cell types; off for a comparison by letters",
    ),
  OPENAI_PRICE_EMBEDDING: z.coerce
    .number()
    .min(0)
    .default(0.02)
    .describe("US dollars per million tokens of embeddings"),
  MODEL_MAX_TURNS: whole(1, 100).default(8).describe("Calls of the model per question"),
  MODEL_MAX_TOKENS: whole(1, 100_000_000).default(200_000).describe("Tokens of a run"),
  MODEL_MAX_USD: z.coerce.number().min(0).default(1).describe("US dollars of a run for the model"),
  MODEL_TIMEOUT_SECONDS: whole(1, 3_600).default(120).describe("Longest call of the model"),

  LITERATURE: z
    .enum(["none", "pubmed"])
    .default("none")
    .describe("Source of literature_support: PubMed, or none"),
  NCBI_API_KEY: z.string().optional().describe("Key for ten requests a second in place of three"),
  NCBI_EMAIL: z.string().optional().describe("Address that NCBI may write to"),
  NCBI_BASE_URL: z
    .url()
    .default("https://eutils.ncbi.nlm.nih.gov/entrez/eutils")
    .describe("Server of the E-utilities"),
  LITERATURE_CACHE_DAYS: z.coerce
    .number()
    .min(0)
    .max(3_650)
    .default(30)
    .describe("Age at which an answer of PubMed, UniProt, Reactome or KEGG is asked for again"),
  LOOKUPS: z
    .string()
    .refine(
      isLookUps,
      "is empty, or uniprot alone or with reactome and kegg, as uniprot,reactome,kegg",
    )
    .default("")
    .describe(
      "Databases that the language model may ask about genes: uniprot, alone or with reactome and kegg (kegg for academic use only), as uniprot,reactome,kegg",
    ),
  UNIPROT_BASE_URL: z.url().default("https://rest.uniprot.org").describe("Server of UniProt"),
  REACTOME_BASE_URL: z
    .url()
    .default("https://reactome.org/ContentService")
    .describe("Content service of Reactome"),
  KEGG_BASE_URL: z.url().default("https://rest.kegg.jp").describe("REST service of KEGG"),
  LITERATURE_TIMEOUT_SECONDS: whole(1, 600)
    .default(10)
    .describe("Longest request to PubMed, UniProt, Reactome or KEGG"),

  DISPATCH: z
    .enum(["host", "batch"])
    .default("host")
    .describe("Host runs in the daemon, or submit each as a CPU job on Google Batch"),
  DISPATCH_IMAGE: z.string().optional().describe("Image of the orchestrator for such jobs"),
  DISPATCH_MACHINE_TYPE: z.string().default("e2-standard-4").describe("Machine of such a job"),
  DISPATCH_SECRETS: listOf(/^[^=\s]+\s*=\s*\S/, "NAME=projects/P/secrets/S/versions/V").describe(
    "Secret Manager versions for such jobs, as MONGODB_URI=projects/P/secrets/S/versions/V,...",
  ),
  DISPATCH_MAX_JOBS: whole(1, 100)
    .default(5)
    .describe("After so many lost jobs of a run the daemon hosts it"),
  DISPATCH_WATCH_SECONDS: whole(1, 3_600)
    .default(30)
    .describe("Pause between two looks at a dispatched run"),
});

/** The parts of a variable that lists some. */
export const listed = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

/** The pairs of a variable that lists some, as name=value. */
export const pairsOf = (text: string): [string, string][] =>
  listed(text).map((pair) => [
    pair.slice(0, pair.indexOf("=")).trim(),
    pair.slice(pair.indexOf("=") + 1).trim(),
  ]);

function isLookUps(text: string): boolean {
  const names = listed(text);
  return (
    names.length === 0 ||
    (names.includes("uniprot") &&
      names.every((name) => ["uniprot", "reactome", "kegg"].includes(name)))
  );
}

export type Environment = z.infer<typeof variables>;
