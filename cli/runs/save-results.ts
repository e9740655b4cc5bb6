import { randomUUID } from "node:crypto";
import { access, constants, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { resultObjects } from "../../actors/run-objects.ts";
import { HaystackError } from "../../errors.ts";
import { systemWords } from "../../system-words.ts";
import type { RunDocument } from "../../services/runs/document.ts";

export type ResultKind = keyof ReturnType<typeof resultObjects>;

/** Error RUN_STATE_FORBIDS. */
export function checkHasReport({ run_id, status, output_report_path }: RunDocument): void {
  if (output_report_path === null)
    throw new HaystackError(
      "RUN_STATE_FORBIDS",
      `Run ${run_id} is ${status} and has no report; a run has one when it is completed.`,
      { details: { run_id } },
    );
}

/** Makes the folder that a user named. Error USAGE. */
export async function resultFolder(path: string): Promise<string> {
  const folder = resolve(path);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return folder;
  } catch (thrown) {
    throw new HaystackError(
      "USAGE",
      `The folder ${folder} cannot be written to (${systemWords(thrown) ?? String(thrown)}); choose another with --output.`,
      { cause: thrown },
    );
  }
}

/** Writes under a temporary name and renames, so that the file is whole or not there. */
export async function saveFile(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.tmp`;
  // Opened before anything can fail: a stream that opens it itself may do so after it was removed.
  const handle = await open(temporary, "wx");
  try {
    await pipeline(content, handle.createWriteStream());
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/** The document with its three files in `folder`, where `save` has put them. */
export async function withFilesIn(
  folder: string,
  document: RunDocument,
  save: (kind: ResultKind, file: string) => Promise<void>,
): Promise<RunDocument> {
  const names = resultObjects(document.run_id);
  const fileOf = async (kind: ResultKind): Promise<string> => {
    const file = join(folder, basename(names[kind]));
    await save(kind, file);
    return file;
  };
  return {
    ...document,
    output_anndata_path: await fileOf("anndata"),
    output_report_path: await fileOf("report"),
    output_log_path: await fileOf("log"),
  };
}
