import { existsSync } from "node:fs";
import { mkdir, readdir, realpath, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { resultObjects, resultsOf } from "../actors/run-objects.ts";
import type { Config } from "../config.ts";
import { HaystackError } from "../errors.ts";
import { given } from "../given.ts";
import { RUN_MACHINE } from "../machines/run.ts";
import type { Manifest } from "../services/archives/document.ts";
import { folderArchives, namesIn } from "../services/archives/folder.ts";
import type { About, ArchiveWriter } from "../services/archives/index.ts";
import { copiesOfJobs } from "../services/batch/local/copy-of-jobs.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import { copySqlite, moveOutputs, namedIn } from "../services/runs/sqlite/copy.ts";
import { lockSqliteRuns } from "../services/runs/sqlite/lock.ts";
import { SOFTWARE } from "../software.ts";
import { checkRestored, dataFolder } from "./data-folder.ts";
import { openObjects } from "./objects.ts";
import { sqliteFile } from "./runs.ts";

/**
 * Copies of the data folder. The database is copied first: an object is written before the database
 * names it, so the objects that are copied after it have all that it names. Of the jobs only those
 * that it names are copied, as they stand: a job that came later may rest on another choice of the
 * step that the copy will do again.
 */

const STORES = ["runs.sqlite", "access.sqlite"];
const FOLDERS = ["objects", "batch", "knowledge", "mail", "validations"];
/** What a restore may find in an empty data folder: its own lock and its own unfinished work. */
const OF_A_RESTORE = ["runs.sqlite.lock", "runs.sqlite.lock-journal", ".restoring"];

export const about = (kind: About["kind"]): Omit<About, "data_dir"> => ({
  kind,
  created_at: new Date().toISOString(),
  software: SOFTWARE,
  machine: RUN_MACHINE,
  platform: { node: process.version, system: `${process.platform} ${process.arch}` },
});

export interface BackupOptions {
  /** Share the objects with the data folder in place of copying them. */
  readonly link: boolean;
  /** Told of each part that begins. */
  readonly onPart?: (part: string) => void | Promise<void>;
}

/**
 * Copies the data folder, also of a daemon that runs. Errors: USAGE where the runs or objects are not
 * in the data folder, FOLDER_OCCUPIED, ARCHIVE_FAILED, STORE_UNAVAILABLE, FILE_DAMAGED.
 */
export async function backUp(
  config: Config,
  folder: string,
  { link, onPart }: BackupOptions,
): Promise<Manifest> {
  checkIsHere(config);
  checkRestored(config);
  const place = dataFolder(config);
  const present = await namesIn(config.dataDir);
  if (![...STORES, ...FOLDERS].some((name) => present.includes(name)))
    throw new HaystackError(
      "FILE_NOT_FOUND",
      `There is nothing to back up in ${config.dataDir}; name the data folder with --data-dir.`,
    );
  await checkIsOutside(config.dataDir, folder);
  const archive = await folderArchives.begin(folder);
  let named: ReturnType<typeof namedIn> = { jobs: new Set(), completed: [] };
  await onPart?.("runs");
  for (const name of STORES.filter((store) => present.includes(store)))
    await archive.addMade(name, async (copy) => {
      await copySqlite(join(config.dataDir, name), copy);
      if (name === basename(place.runs)) named = namedIn(copy);
    });
  await onPart?.("jobs");
  await addJobs(archive, place.jobs, named.jobs);
  await onPart?.("objects");
  const objects = await openObjects(config);
  try {
    if (objects.inventory === undefined && present.includes("objects"))
      for await (const path of objects.list(""))
        await archive.add(`objects/${path}`, objects.location(path), { link });
    const bucket = await bucketOf(config, objects);
    for (const runId of named.completed)
      if ((await objects.stat(resultObjects(runId).log)) === undefined)
        archive.leaveOut(
          `objects/${resultsOf(runId).replace(/\/$/, "")}`,
          "it is not there, or was deleted after the runs were copied",
        );
    await onPart?.("knowledge and mails");
    for (const name of ["knowledge", "mail", "validations"])
      for (const file of await filesBelow(join(config.dataDir, name)))
        await archive.add(`${name}/${file}`, join(config.dataDir, name, file));
    return await archive.finish({
      ...about("backup"),
      data_dir: config.dataDir,
      ...given({ bucket }),
    });
  } finally {
    await objects.close();
  }
}

/** The objects that are in a bucket stay there; undefined where they are in the data folder. */
async function bucketOf(
  { GCS_BUCKET, GCS_PREFIX }: Config,
  { inventory }: ObjectStore,
): Promise<Manifest["bucket"]> {
  if (GCS_BUCKET === undefined || inventory === undefined) return undefined;
  const objects: NonNullable<Manifest["bucket"]>["objects"] = [];
  for await (const { path, size, version, checksum } of inventory(""))
    objects.push({ path, bytes: size, generation: version, crc32c: checksum });
  return { name: GCS_BUCKET, prefix: GCS_PREFIX, objects };
}

function checkIsHere({ MONGODB_URI }: Config): void {
  if (MONGODB_URI !== undefined)
    throw new HaystackError(
      "USAGE",
      "The runs are kept in MongoDB, so back them up with mongodump (--oplog of a replica set), and the objects by the versioning of their bucket; `haystack backup` copies a data folder.",
    );
}

async function checkIsOutside(dataDir: string, folder: string): Promise<void> {
  const below = relative(await realPathOf(dataDir), await realPathOf(resolve(folder)));
  if (below !== ".." && !below.startsWith(`..${sep}`))
    throw new HaystackError(
      "USAGE",
      `The folder ${folder} lies in the data folder ${dataDir}; choose one outside of it.`,
    );
}

/** Of what does not exist yet, by the part that does. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPathOf(parent), basename(path));
  }
}

async function addJobs(
  archive: ArchiveWriter,
  root: string,
  named: ReadonlySet<string>,
): Promise<void> {
  for await (const { jobId, folder, files, end } of copiesOfJobs(root, Date.now)) {
    const path = `batch/jobs/${jobId}`;
    if (!named.has(jobId)) {
      archive.leaveOut(path, "it was begun after the runs were copied");
      continue;
    }
    for (const name of files) await archive.add(`${path}/${name}`, join(folder, name));
    if (end !== undefined) await archive.addText(`${path}/${end.name}`, end.text);
  }
}

/** Relative paths of the plain files, without what is being written. */
export async function filesBelow(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".part"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

/**
 * Makes the data folder anew from a backup. Nothing has its name before every file was found to be
 * what was written; a folder where that has not ended is refused by every command but this one.
 * Errors: ARCHIVE_INVALID, ARCHIVE_UNSUPPORTED, ARCHIVE_FAILED, FOLDER_OCCUPIED, STORE_LOCKED, USAGE.
 */
export async function restore(
  config: Config,
  folder: string,
  { onPart }: Pick<BackupOptions, "onPart"> = {},
): Promise<Restored> {
  checkIsHere(config);
  const archive = await folderArchives.open(folder, "backup");
  const { manifest } = archive;
  checkIsReadable(folder, manifest);
  checkIsOfBucket(config, folder, manifest);
  const { restoring } = dataFolder(config);
  await checkIsFree(config);
  const unlock = lockSqliteRuns(sqliteFile(config));
  try {
    if (existsSync(restoring))
      for (const name of [...STORES, ...FOLDERS, ".restoring"])
        await rm(join(config.dataDir, name), { recursive: true, force: true });
    await onPart?.("files");
    let changed: Restored["changed"];
    try {
      // From here on others are refused; what one of them was about to make is theirs.
      await mkdir(restoring);
      for (const { path } of manifest.files)
        await archive.copyTo(path, join(restoring, path), isObject(path) ? 0o444 : 0o600);
      await archive.flush();
      const runs = join(restoring, basename(dataFolder(config).runs));
      if (existsSync(runs)) moveOutputs(runs, (runId, present) => resultIn(config, runId, present));
      changed = await changedIn(config, manifest);
      await checkIsFree(config, OF_A_RESTORE);
    } catch (thrown) {
      await rm(restoring, { recursive: true, force: true });
      throw thrown;
    }
    await archive.name(restoring, config.dataDir);
    return { manifest, changed };
  } finally {
    unlock();
  }
}

/**
 * A result below the folder of objects, whichever that was: the data folder may have been moved
 * before it was backed up. What is in a bucket stays.
 */
function resultIn(config: Config, runId: string, present: string): string {
  const path = Object.values(resultObjects(runId)).find((name) =>
    present.endsWith(`${sep}${basename(dataFolder(config).objects)}${sep}${name}`),
  );
  return path === undefined || present.includes("://")
    ? present
    : join(dataFolder(config).objects, path);
}

export interface Restored {
  readonly manifest: Manifest;
  /** Objects of a bucket that are not as they were when the backup was made. */
  readonly changed: readonly { readonly path: string; readonly why: string }[];
}

/** The objects of a backup are in its bucket or in its files. */
function checkIsOfBucket(
  { GCS_BUCKET, GCS_PREFIX }: Config,
  folder: string,
  { bucket }: Manifest,
): void {
  const here = GCS_BUCKET === undefined ? "the data folder" : `${GCS_BUCKET}/${GCS_PREFIX}`;
  const there = bucket === undefined ? "the data folder" : `${bucket.name}/${bucket.prefix}`;
  if (here === there) return;
  throw new HaystackError(
    "USAGE",
    `The objects of ${folder} are in ${there}, and those of this configuration in ${here}; ${bucket === undefined ? "unset" : "set"} GCS_BUCKET and GCS_PREFIX as they were.`,
  );
}

async function changedIn(config: Config, { bucket }: Manifest): Promise<Restored["changed"]> {
  if (bucket === undefined) return [];
  const objects = await openObjects(config);
  try {
    const now = (await bucketOf(config, objects))?.objects ?? [];
    const present = new Map(now.map((object) => [object.path, object]));
    return bucket.objects.flatMap(({ path, bytes, crc32c, generation }) => {
      const found = present.get(path);
      if (found?.crc32c === crc32c && found.bytes === bytes) return [];
      const name = `gs://${bucket.name}/${bucket.prefix === "" ? "" : `${bucket.prefix.replace(/\/+$/, "")}/`}${path}`;
      const why = found === undefined ? "it is gone" : "it has other content";
      return [{ path, why: `${why}; bring back ${name}#${generation}` }];
    });
  } finally {
    await objects.close();
  }
}

const isObject = (path: string): boolean => path.startsWith("objects/");

/** A restore that was stopped left nothing but its own. */
async function checkIsFree(config: Config, allowed?: readonly string[]): Promise<void> {
  const present = await namesIn(config.dataDir);
  const own =
    allowed ??
    (present.includes(".restoring") ? [...OF_A_RESTORE, ...STORES, ...FOLDERS] : OF_A_RESTORE);
  const foreign = present.filter((name) => !own.includes(name));
  if (foreign.length > 0)
    throw new HaystackError(
      "FOLDER_OCCUPIED",
      `The data folder ${config.dataDir} holds ${foreign.slice(0, 3).join(", ")} already; choose one that is empty or does not exist with --data-dir.`,
    );
}

function checkIsReadable(folder: string, { software }: Manifest): void {
  if (isLater(software.version, SOFTWARE.version))
    throw new HaystackError(
      "ARCHIVE_UNSUPPORTED",
      `${folder} was made by ${software.name} ${software.version}, and this is ${SOFTWARE.version}; restore it with that release or a newer one.`,
    );
}

/** Of two versions such as 1.2.3. */
function isLater(one: string, other: string): boolean {
  const numbers = (version: string): number[] => version.split(/[.+-]/).slice(0, 3).map(Number);
  const [a, b] = [numbers(one), numbers(other)];
  const at = a.findIndex((number, index) => number !== b[index]);
  return at !== -1 && (a[at] ?? 0) > (b[at] ?? 0);
}
