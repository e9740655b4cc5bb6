import { access, constants, mkdir, statfs } from "node:fs/promises";
import type { Command } from "commander";
import { loadConfig, redactor, type Config } from "../../config.ts";
import { openInference, openObjects, openRuns } from "../../adapters.ts";
import { openWorkbench, type Workbench } from "../../daemon.ts";
import { toHaystackError } from "../../errors.ts";
import { systemClock } from "../../services/clock/system.ts";
import { inferenceProgram } from "../../services/batch/local-command.ts";
import { print, table } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../program.ts";

interface Finding {
  readonly what: string;
  readonly state: "ok" | "advice" | "problem";
  readonly finding: string;
}

const LEAST_FREE_GB = 2;

type Check = (config: Config) => Promise<Omit<Finding, "what">>;

const CHECKS: Readonly<Record<string, Check>> = {
  node: () => {
    const ok = Number(process.versions.node.split(".")[0]) >= 24;
    return Promise.resolve({ state: ok ? "ok" : "problem", finding: ok ? `Node ${process.versions.node}` : `Node ${process.versions.node} is too old: run through npx or npm scripts, which bring Node 24` });
  },
  "data folder": async ({ dataDir }) => {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.W_OK);
    const { bavail, bsize } = await statfs(dataDir);
    const gigabytes = (bavail * bsize) / 1e9;
    return { state: gigabytes < LEAST_FREE_GB ? "advice" : "ok", finding: `${dataDir}, ${gigabytes.toFixed(0)} GB free` };
  },
  "run store": async (config) => {
    const runs = await openRuns(config);
    await runs.list({ limit: 1 });
    await runs.close();
    return { state: "ok", finding: config.MONGODB_URI === undefined ? "SQLite, every commit on disk" : `MongoDB, database ${config.MONGODB_DATABASE}` };
  },
  atlases: async (config) => {
    const workbench = await openWorkbench(config);
    const atlases = await listAndClose(workbench);
    if (atlases.length === 0) return { state: "advice", finding: "none imported: `haystack atlas import FILE`, or `haystack atlas simulate`" };
    return { state: "ok", finding: atlases.map(({ dataset, n_cells, simulated }) => `${dataset} (${n_cells} cells${simulated ? ", simulated" : ""})`).join(", ") };
  },
  objects: async (config) => {
    const objects = await openObjects(config);
    try {
      const started = Date.now();
      const ref = await objects.putText("doctor.txt", "Written by `haystack doctor`.\n");
      await objects.fetch(ref);
      return { state: "ok", finding: `${objects.location("doctor.txt")} written and read in ${Date.now() - started} ms` };
    } finally {
      await objects.close();
    }
  },
  "GPU jobs": async (config) => {
    if (config.BATCH_PROJECT === undefined) return { state: "ok", finding: "on this machine" };
    return checkGoogle(config);
  },
  inference: ({ INFERENCE_COMMAND, INFERENCE_MODEL, BATCH_PROJECT, BATCH_MODEL, BATCH_IMAGE }) => {
    if (BATCH_PROJECT !== undefined) return Promise.resolve({ state: "ok", finding: `${BATCH_MODEL} in the image ${BATCH_IMAGE ?? ""}, which the first job looks up` });
    if (INFERENCE_COMMAND === undefined) return Promise.resolve({ state: "advice", finding: "the built-in baseline delta-transfer; set INFERENCE_COMMAND to run STACK" });
    return Promise.resolve({ state: "ok", finding: `${INFERENCE_MODEL}: ${inferenceProgram(INFERENCE_COMMAND, INFERENCE_MODEL).command[0] ?? ""}` });
  },
  mail: ({ dataDir, MAIL_FROM, SENDGRID_API_KEY }) => Promise.resolve({ state: "ok", finding: `${SENDGRID_API_KEY === undefined ? `.eml files in ${dataDir}/mail` : "SendGrid"}, from ${MAIL_FROM}` }),
  "language model": ({ OPENAI_API_KEY, OPENAI_MODEL, OPENAI_BASE_URL, OPENAI_PRICE_INPUT, OPENAI_PRICE_OUTPUT }) =>
    Promise.resolve(
      OPENAI_API_KEY === undefined
        ? { state: "advice", finding: "none: questions are understood by rules and curated knowledge; set OPENAI_API_KEY to use one" }
        : { state: "ok", finding: `${OPENAI_MODEL} at ${OPENAI_BASE_URL}, counted with $${OPENAI_PRICE_INPUT} and $${OPENAI_PRICE_OUTPUT} per million tokens of input and output` },
    ),
  literature: ({ LITERATURE, NCBI_BASE_URL }) =>
    Promise.resolve(
      LITERATURE === "none"
        ? { state: "advice", finding: "none: literature support is not measured and left out of the score; set LITERATURE=pubmed to measure it" }
        : { state: "ok", finding: `PubMed at ${NCBI_BASE_URL}` },
    ),
};

async function listAndClose({ atlases, close }: Workbench): ReturnType<Workbench["atlases"]["list"]> {
  try {
    return await atlases.list();
  } finally {
    await close();
  }
}

/** Whether Batch lists jobs to this account, and Pub/Sub gives it their events. */
async function checkGoogle(config: Config): Promise<Omit<Finding, "what">> {
  const objects = await openObjects(config);
  try {
    const { batch, jobEvents } = await openInference(config, { clock: systemClock, objects, onTrouble: () => undefined });
    try {
      await batch.check?.();
      await jobEvents.check?.();
    } finally {
      await jobEvents.close();
      await batch.close();
    }
  } finally {
    await objects.close();
  }
  return { state: "ok", finding: `Google Batch in project ${config.BATCH_PROJECT}, ${config.BATCH_LOCATION}; events by the Pub/Sub subscription ${config.PUBSUB_SUBSCRIPTION}` };
}

export function addDoctorCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command("doctor")
    .description("What is configured, reachable or missing, and what to do.")
    .action(async (options: CommonOptions) => {
      const config = loadConfig(process.env, options.dataDir);
      const redact = redactor(config);
      const findings: Finding[] = [];
      for (const [what, check] of Object.entries(CHECKS)) {
        const found = await check(config).catch((thrown: unknown) => ({ state: "problem" as const, finding: toHaystackError(thrown).message }));
        findings.push({ what, state: found.state, finding: redact(found.finding) });
      }
      print(options.json === true, { findings }, table(["", "", "finding"], findings.map(({ what, state, finding }) => [what, state, finding])));
      if (findings.some(({ state }) => state === "problem")) setExitCode(1);
    });
}
