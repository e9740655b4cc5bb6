import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { HaystackError } from "../errors.ts";

/** What lies where in the data folder. */
export const dataFolder = ({ dataDir }: Pick<Config, "dataDir">) => ({
  runs: join(dataDir, "runs.sqlite"),
  access: join(dataDir, "access.sqlite"),
  objects: join(dataDir, "objects"),
  jobs: join(dataDir, "batch"),
  knowledge: join(dataDir, "knowledge"),
  mail: join(dataDir, "mail"),
  /** Files on their way to become atlases. */
  uploads: join(dataDir, "uploads"),
  /** There while a restore is under way, and after one that did not end. */
  restoring: join(dataDir, ".restoring"),
});

/** Nothing is read or written where a restore has not ended. Error RESTORE_UNFINISHED. */
export function checkRestored(config: Pick<Config, "dataDir">): void {
  if (!existsSync(dataFolder(config).restoring)) return;
  throw new HaystackError(
    "RESTORE_UNFINISHED",
    `The restore into ${config.dataDir} has not ended; wait for it, or, if it was stopped, do it again with \`haystack restore\`.`,
  );
}

/** Read, write and search for everybody else: what a folder or file of ours gives nobody. */
const OTHERS = 0o077;
const PERMISSIONS = 0o7777;
/** Of a folder that many use, such as /tmp. */
const STICKY = 0o1000;
/** Files of the embedded stores, and those that SQLite keeps beside them. */
const STORES = /\.sqlite(?:-\w+)?$/;

/**
 * Makes the data folder its owner's alone, also one that an earlier release made, with the stores
 * in it. A folder of somebody else, or for other things too, is left as it is.
 */
export function keepPrivate({ dataDir }: Pick<Config, "dataDir">): void {
  const names = namesIn(dataDir);
  if (names === undefined) return;
  const isOurs =
    names.length === 0 || names.some((name) => STORES.test(name) || name === "objects");
  if (!isOurs || (statSync(dataDir).mode & STICKY) !== 0) return;
  const stores = names.filter((name) => STORES.test(name)).map((name) => join(dataDir, name));
  for (const path of [dataDir, ...stores]) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && (found.mode & OTHERS) !== 0 && found.uid === process.getuid?.())
      chmodSync(path, found.mode & ~OTHERS & PERMISSIONS);
  }
}

/** Made where it is not there; undefined where that cannot be, which whoever opens it tells. */
function namesIn(folder: string): string[] | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}
