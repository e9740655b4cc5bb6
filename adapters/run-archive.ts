import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { resultObjects, resultsOf, workingFilesOf } from "../actors/run-objects.ts";
import { describeConfig, promptsPerRound, SECTIONS, type Config } from "../config.ts";
import { HaystackError, objectNotFound } from "../errors.ts";
import type { RunLog } from "../science/report/run-log.ts";
import type { Manifest } from "../services/archives/document.ts";
import { folderArchives } from "../services/archives/folder.ts";
import type { ArchiveReader } from "../services/archives/index.ts";
import { type RunDocument, runDocumentSchema } from "../services/runs/document.ts";
import type { JournalEntry, RunRecord, RunStore } from "../services/runs/index.ts";
import { about, filesBelow } from "./backup.ts";
import { dataFolder } from "./data-folder.ts";
import { openObjects } from "./objects.ts";

/**
 * One run as a folder: its document, transition log and journal, the settings that bear on its
 * result, the imported knowledge, its atlases, and the files that it wrote. Without its user's
 * address, and without secrets.
 */

const PARTS = {
  document: "document.json",
  history: "history.json",
  journal: "journal.json",
  configuration: "configuration.json",
} as const;

const ENDED: ReadonlySet<RunDocument["status"]> = new Set(["completed", "failed", "cancelled"]);
const BEARING = new Set(["Language model", "Literature and genes"]);
const OF_PREDICTION = ["INFERENCE_COMMAND", "INFERENCE_MODEL", "BATCH_MODEL", "BATCH_IMAGE"];
/** Kept beside an atlas, and computed anew where it is not. */
const COMPUTED = /^atlases\/[^/]+\/(halves|plausibility)\//;
const PERSONAL = new Set(["NCBI_EMAIL"]);

/** The settings of this configuration that bear on what a run answers; no secrets. */
function settingsOf(config: Config): Record<string, string> {
  const bearing = new Set([
    ...SECTIONS.filter(({ title }) => BEARING.has(title)).flatMap(({ names }) => [...names]),
    ...OF_PREDICTION,
  ]);
  const said = describeConfig(config)
    .filter(({ name, value }) => bearing.has(name) && !PERSONAL.has(name) && value !== null)
    .filter(({ value }) => !String(value).includes("(hidden)"))
    .map(({ name, value }) => [name, String(value)] as const);
  return { ...Object.fromEntries(said), PROMPTS_PER_ROUND: String(promptsPerRound(config)) };
}

/**
 * Errors: RUN_STATE_FORBIDS before the run has ended; OBJECT_NOT_FOUND when something that it
 * needs is gone; FOLDER_OCCUPIED, ARCHIVE_FAILED.
 */
export async function exportRun(
  config: Config,
  { runs, record, folder }: { runs: RunStore; record: RunRecord; folder: string },
): Promise<Manifest> {
  const { document } = record;
  const { run_id, status } = document;
  if (!ENDED.has(status) || (document.current_phase !== null && status === "cancelled"))
    throw new HaystackError(
      "RUN_STATE_FORBIDS",
      `Run ${run_id} has not ended (${status}); export it when it has.`,
      { details: { run_id } },
    );
  const objects = await openObjects(config);
  try {
    const archive = await folderArchives.begin(folder);
    const json = (path: string, value: unknown): Promise<void> =>
      archive.addText(path, `${JSON.stringify(value, null, 1)}\n`);
    await json(PARTS.document, { ...document, user_email: null });
    await json(PARTS.history, await runs.history(run_id));
    await json(PARTS.journal, await runs.journal(run_id));
    await json(PARTS.configuration, settingsOf(config));
    const { knowledge } = dataFolder(config);
    for (const file of await filesBelow(knowledge))
      await archive.add(`knowledge/${file}`, join(knowledge, file));
    const datasets = document.atlases?.map(({ dataset }) => dataset) ?? document.config.datasets;
    const prefixes = [
      ...(datasets.length > 0 ? datasets.map((dataset) => `atlases/${dataset}/`) : ["atlases/"]),
      workingFilesOf(run_id),
      resultsOf(run_id),
    ];
    for (const dataset of datasets) await objects.fetch({ path: `atlases/${dataset}/index.json` });
    // Runs of earlier releases have no findings; where there are some, they are listed.
    const { findings: _, ...delivered } = resultObjects(run_id);
    if (status === "completed")
      for (const path of Object.values(delivered)) await objects.fetch({ path });
    for (const prefix of prefixes)
      for await (const path of objects.list(prefix)) {
        if (COMPUTED.test(path)) continue;
        if (!(await archive.add(`objects/${path}`, await objects.fetch({ path }))))
          throw objectNotFound(path);
      }
    return await archive.finish(about("run"));
  } finally {
    await objects.close();
  }
}

export interface RunArchive {
  readonly document: RunDocument;
  readonly journal: readonly JournalEntry[];
  readonly settings: Readonly<Record<string, string>>;
  /** What the files that it delivered say made them. */
  readonly log: Pick<RunLog, "model" | "software">;
  /** The verified files that the run delivered. */
  readonly delivered: { readonly anndata: string; readonly log: string };
  /** Puts what the run read where a data folder has it. */
  unpack(config: Config): Promise<void>;
}

const journalSchema = z.array(z.strictObject({ key: z.string(), value: z.json() }));
const settingsSchema = z.record(z.string(), z.string());
const madeSchema = z.object({
  model: z.object({ name: z.string(), is_baseline: z.boolean() }),
  software: z.object({ name: z.string(), version: z.string() }),
});

/**
 * Errors: ARCHIVE_INVALID, ARCHIVE_UNSUPPORTED, and RUN_STATE_FORBIDS for a run that delivered
 * nothing.
 */
export async function openRunArchive(folder: string): Promise<RunArchive> {
  const archive = await folderArchives.open(folder, "run");
  const document = await read(archive, folder, PARTS.document, runDocumentSchema);
  if (document.status !== "completed")
    throw new HaystackError(
      "RUN_STATE_FORBIDS",
      `Run ${document.run_id} is ${document.status} and delivered nothing that another answer could be compared with; only a completed run is reproduced.`,
      { details: { run_id: document.run_id } },
    );
  const results = resultObjects(document.run_id);
  const delivered = {
    anndata: await archive.verified(`objects/${results.anndata}`),
    log: await archive.verified(`objects/${results.log}`),
  };
  return {
    document,
    journal: await read(archive, folder, PARTS.journal, journalSchema),
    settings: await read(archive, folder, PARTS.configuration, settingsSchema),
    log: await read(archive, folder, `objects/${results.log}`, madeSchema),
    delivered,
    async unpack(config) {
      const place = dataFolder(config);
      for (const { path } of archive.manifest.files) {
        const [part = "", ...rest] = path.split("/");
        if (part === "knowledge") await archive.copyTo(path, join(place.knowledge, ...rest), 0o600);
        else if (part === "objects" && rest[0] === "atlases")
          await archive.copyTo(path, join(place.objects, ...rest), 0o444);
        else await archive.verified(path);
      }
    },
  };
}

async function read<Content>(
  archive: ArchiveReader,
  folder: string,
  path: string,
  schema: z.ZodType<Content>,
): Promise<Content> {
  const text = await readFile(await archive.verified(path), "utf8");
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HaystackError(
      "ARCHIVE_UNSUPPORTED",
      `${join(folder, path)} has another form than this release reads; use the release that wrote it.`,
      { cause },
    );
  }
}
