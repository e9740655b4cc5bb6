import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "haystack-unpacked-";
/** No file takes as long to unpack: what is older, a killed process has left. */
const LEFT_MS = 24 * 60 * 60 * 1000;

/** Where a file is unpacked until it is open. */
export interface UnpackFolder {
  readonly file: string;
  remove(): Promise<void>;
}

/** A new temporary folder; those that killed processes have left are removed. */
export async function newUnpackFolder(): Promise<UnpackFolder> {
  await removeLeftovers();
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  return {
    file: join(folder, "unpacked.h5ad"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function removeLeftovers(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(PREFIX))) {
    const path = join(tmpdir(), name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < LEFT_MS) continue;
    // Another user's folder stays, and another process may be removing it.
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
