import { link, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unfinishedName } from "../../../unfinished.ts";

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeSynced(file: string, content: unknown): Promise<void> {
  const handle = await open(file, "wx");
  try {
    await handle.writeFile(`${JSON.stringify(content)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isTaken = (thrown: unknown): boolean =>
  ["EEXIST", "ENOTEMPTY"].includes(String((thrown as NodeJS.ErrnoException).code));

/**
 * Makes `draft`, puts it in place with `publish`, and removes it. False when the name was taken
 * before; then nothing has changed.
 */
async function publishOnce(
  draft: string,
  target: string,
  make: () => Promise<void>,
  publish: (from: string, to: string) => Promise<void>,
): Promise<boolean> {
  try {
    await make();
    await publish(draft, target);
    await sync(dirname(target));
    return true;
  } catch (thrown) {
    if (isTaken(thrown)) return false;
    throw thrown;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * Where something for a job is drafted before it gets its name: `{job_id}.{unique}`. Whoever
 * watches the folder hears of every change.
 */
const draftOf = (drafts: string, jobId: string): string =>
  join(drafts, `${jobId}.${unfinishedName()}`);

export const jobOfDraft = (name: string): string => name.slice(0, name.indexOf("."));

/**
 * Creates a JSON file that is complete and on disk when its name appears. False when the name is
 * taken.
 */
export async function createFile(
  drafts: string,
  jobId: string,
  target: string,
  content: unknown,
): Promise<boolean> {
  const draft = draftOf(drafts, jobId);
  return publishOnce(draft, target, () => writeSynced(draft, content), link);
}

/**
 * Creates a folder of JSON files that is complete and on disk when its name appears. False when the
 * name is taken.
 */
export async function createFolder(
  drafts: string,
  jobId: string,
  target: string,
  files: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const draft = draftOf(drafts, jobId);
  const make = async (): Promise<void> => {
    await mkdir(draft);
    for (const [name, content] of Object.entries(files))
      await writeSynced(join(draft, name), content);
    await sync(draft);
  };
  return publishOnce(draft, target, make, rename);
}
