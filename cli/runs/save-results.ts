import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { resultObjects } from "../../actors/run-objects.ts";
import type { RunDocument } from "../../services/runs/document.ts";

export type ResultKind = keyof ReturnType<typeof resultObjects>;

/** Writes under a temporary name and renames, so that the file is whole or not there. */
export async function saveFile(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await pipeline(content, createWriteStream(temporary, { flags: "wx" }));
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/** The document with its three files in `folder`, where `save` has put them. */
export async function withFilesIn(folder: string, document: RunDocument, save: (kind: ResultKind, file: string) => Promise<void>): Promise<RunDocument> {
  const names = resultObjects(document.run_id);
  const fileOf = async (kind: ResultKind): Promise<string> => {
    const file = join(folder, basename(names[kind]));
    await save(kind, file);
    return file;
  };
  return { ...document, output_anndata_path: await fileOf("anndata"), output_report_path: await fileOf("report"), output_log_path: await fileOf("log") };
}
