import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
import { HaystackError } from "./errors.ts";

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** Every environment variable, with its default. Empty means unset. */
const environmentSchema = z.object({
  HAYSTACK_DATA_DIR: z.string().default("haystack-data").describe("Folder of the embedded store, objects, jobs and mails"),
  MONGODB_URI: z.string().optional().describe("MongoDB that several daemons share; an SQLite file in the data folder when unset"),
  MONGODB_DATABASE: z.string().default("haystack").describe("Database of the runs in MongoDB"),
  DAEMON_ID: z.string().optional().describe("Name that a daemon keeps over restarts, unique among those that share a MongoDB: its runs go on at once after a restart"),
  MAX_ACTIVE_RUNS: whole(1, 100_000).default(8).describe("Runs that work at the same time"),
  MAX_ACTIVE_RUNS_PER_USER: whole(1, 100_000).default(4).describe("Runs of one user that work at the same time"),
  MAX_GPU_JOBS: whole(2, 100_000).optional().describe("GPU jobs at the same time; a run has up to two, so half as many runs are admitted"),
  MAX_GPU_JOBS_PER_USER: whole(2, 100_000).optional().describe("GPU jobs of one user at the same time"),
  LOCAL_JOBS: whole(1, 1_000).default(2).describe("Inference jobs at the same time on this machine"),
  COMPUTE_THREADS: whole(1, 256).default(Math.max(1, availableParallelism() - 1)).describe("Worker threads for heavy computation"),
  INFERENCE_COMMAND: z.string().optional().describe("Program that predicts, with {prompt} {query} {output} {seed}; the built-in baseline when unset"),
  INFERENCE_MODEL: z.string().default("stack").describe("Name of the model that INFERENCE_COMMAND runs"),
  RECONCILE_SECONDS: whole(1, 3_600).default(10).describe("Pause between two looks at a waiting job"),
  LEASE_SECONDS: whole(3, 3_600).default(30).describe("How long a run stays with a daemon that no longer answers"),
  POLL_MILLISECONDS: whole(20, 60_000).default(250).describe("Pause between two looks for new runs and events"),
  PASSIVATE_SECONDS: whole(1, 86_400).default(60).describe("A run that waits longer than this leaves memory until its next event or time"),
  GRACE_SECONDS: whole(1, 3_600).default(20).describe("Time to stop cleanly after SIGTERM"),
  MAIL_FROM: z.string().default("haystack@localhost").describe("Sender of the mails"),
});

export type Environment = z.infer<typeof environmentSchema>;

export interface Config extends Environment {
  /** Absolute. */
  readonly dataDir: string;
}

/** Parses the environment once; all bad variables are reported together (CONFIG_INVALID). */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>, dataDir?: string): Readonly<Config> {
  const given = Object.fromEntries(Object.entries(environment).filter(([name, value]) => name in environmentSchema.shape && value !== undefined && value !== ""));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")} (${message})`).join("; ");
    throw new HaystackError("CONFIG_INVALID", `The configuration has variables to correct: ${problems}.`);
  }
  return Object.freeze({ ...parsed.data, dataDir: resolve(dataDir ?? parsed.data.HAYSTACK_DATA_DIR) });
}

/** Each variable with its meaning and present value; secrets hidden. */
export function describeConfig(config: Config): { readonly name: string; readonly value: string | number | null; readonly meaning: string }[] {
  return Object.entries(environmentSchema.shape).map(([name, schema]) => ({
    name,
    value: /KEY|SECRET|TOKEN|PASSWORD|URI$/.test(name) && config[name as keyof Environment] !== undefined ? "(hidden)" : name === "HAYSTACK_DATA_DIR" ? config.dataDir : (config[name as keyof Environment] ?? null),
    meaning: schema.description ?? "",
  }));
}
