import { access, constants, mkdir, statfs } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { localProgram } from "../../adapters/inference.ts";
import { openObjects } from "../../adapters/objects.ts";
import { openRuns } from "../../adapters/runs.ts";
import { type BatchAdapter, batchAdapter, mongodbOf } from "../../config.ts";
import { openWorkbench } from "../../workbench.ts";
import { advice, type Check, ok, problem } from "./check.ts";

const LEAST_FREE_GB = 2;

const node: Check = async () => {
  const { node: version } = process.versions;
  return Number(version.split(".")[0]) >= 24
    ? ok(`Node ${version}`)
    : problem(`Node ${version} is too old: run through npx or npm scripts, which use Node 24`);
};

const dataFolder: Check = async ({ dataDir }) => {
  await mkdir(dataDir, { recursive: true });
  await access(dataDir, constants.W_OK);
  const { bavail, bsize } = await statfs(dataDir);
  const gigabytes = (bavail * bsize) / 1e9;
  const finding = `${dataDir}, ${gigabytes.toFixed(0)} GB free`;
  return gigabytes < LEAST_FREE_GB ? advice(finding) : ok(finding);
};

const runStore: Check = async (config) => {
  const runs = await openRuns(config);
  try {
    await runs.list({ limit: 1 });
  } finally {
    await runs.close();
  }
  const mongodb = mongodbOf(config);
  return ok(
    mongodb === undefined
      ? "SQLite, every commit on disk"
      : `MongoDB, database ${mongodb.database}`,
  );
};

const atlases: Check = async (config) => {
  const damaged: string[] = [];
  const workbench = await openWorkbench(config, ({ message }) => damaged.push(message));
  try {
    const all = await workbench.atlases.list();
    if (damaged.length > 0) return problem(damaged.join(" "));
    if (all.length === 0)
      return advice("none imported: `haystack atlas import FILE`, or `haystack atlas simulate`");
    return ok(
      all
        .map(
          ({ dataset, n_cells, simulated }) =>
            `${dataset} (${n_cells} cells${simulated ? ", simulated" : ""})`,
        )
        .join(", "),
    );
  } finally {
    await workbench.close();
  }
};

const objects: Check = async (config) => {
  const store = await openObjects(config);
  try {
    const started = performance.now();
    await store.fetch(await store.putText("doctor.txt", "Written by `haystack doctor`.\n"));
    return ok(
      `${store.location("doctor.txt")} written and read in ${Math.round(performance.now() - started)} ms`,
    );
  } finally {
    await store.close();
  }
};

/** Where a program is that is named as in a shell; undefined when there is none. */
async function programAt(name: string): Promise<string | undefined> {
  const places = name.includes("/")
    ? [resolve(name)]
    : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name));
  for (const place of places) {
    const found = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  return undefined;
}

const predictsHere: Check = async (config) => {
  const { INFERENCE_COMMAND, INFERENCE_MODEL } = config;
  if (INFERENCE_COMMAND === undefined)
    return advice("the built-in baseline delta-transfer; set INFERENCE_COMMAND to run STACK");
  const [program = ""] = localProgram(config).command;
  const place = await programAt(program);
  return place === undefined
    ? problem(
        `INFERENCE_COMMAND names the program ${program}, which does not exist or is not executable; correct the path`,
      )
    : ok(`${INFERENCE_MODEL}: ${place}`);
};

const INFERENCE: Readonly<Record<BatchAdapter, Check>> = {
  local: predictsHere,
  google: async ({ BATCH_MODEL }) => ok(`${BATCH_MODEL} in GPU jobs`),
};
const inference: Check = (config, signal) => INFERENCE[batchAdapter(config)](config, signal);

export const THIS_MACHINE: Readonly<Record<string, Check>> = {
  node,
  "data folder": dataFolder,
  "run store": runStore,
  atlases,
  objects,
  inference,
};
