import { createHash } from "node:crypto";
import { lstat, mkdir, opendir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { HaystackError } from "../../errors.ts";
import { eachApart, rethrow } from "../../each-apart.ts";
import { sparing } from "../../spared.ts";
import { removeUnfinished, unfinishedName } from "../../unfinished.ts";

/** Answers of a look-up service by address, one file each, forgotten after `maxAgeMs`. */
export interface AnswerCache {
  /** Undefined when there is none, or it is too old or damaged. */
  read(address: string): Promise<unknown>;
  /** Where that fails, nothing is kept. */
  write(address: string, body: unknown): Promise<void>;
}

const entrySchema = z.object({ address: z.string(), stored_at: z.number(), body: z.unknown() });

export interface AnswerCacheOptions {
  readonly folder: string;
  readonly maxAgeMs: number;
  readonly now: () => number;
  /** Told once that answers cannot be kept, until they can. */
  readonly onTrouble?: ((trouble: HaystackError) => void) | undefined;
}

const UNFINISHED = ".tmp";

async function shelvesOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).map((shelf) => join(folder, shelf));
  } catch (thrown) {
    if (isAbsent(thrown)) return [];
    throw thrown;
  }
}

/** Milliseconds; undefined where somebody else was faster to remove it. */
async function writtenAt(file: string): Promise<number | undefined> {
  try {
    return (await lstat(file)).mtimeMs;
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  }
}

const isAbsent = (thrown: unknown): boolean => (thrown as NodeJS.ErrnoException).code === "ENOENT";

/** Removes the answers that are too old to be given, and what killed processes left. */
export async function removeExpired(
  { folder, maxAgeMs, now }: AnswerCacheOptions,
  signal?: AbortSignal,
): Promise<void> {
  const failures = await eachApart(await shelvesOf(folder), String, async (shelf) => {
    for await (const { name } of await opendir(shelf)) {
      if (signal?.aborted === true) return;
      const file = join(shelf, name);
      const storedAt = name.endsWith(UNFINISHED) ? undefined : await writtenAt(file);
      if (storedAt !== undefined && now() - storedAt >= maxAgeMs) await rm(file, { force: true });
    }
    await removeUnfinished(shelf, (name) => name.endsWith(UNFINISHED));
  });
  rethrow(failures);
}

export function folderCache(options: AnswerCacheOptions): AnswerCache {
  const { folder, maxAgeMs, now, onTrouble } = options;
  const kept = sparing(
    {
      what: `Answers of databases cannot be kept in ${folder}`,
      instead: "they are asked for anew each time until that is put right",
    },
    onTrouble,
  );
  const fileOf = (address: string): string => {
    const hash = createHash("sha256").update(address).digest("hex");
    return join(folder, hash.slice(0, 2), `${hash}.json`);
  };
  return {
    async read(address) {
      let entry: z.infer<typeof entrySchema>;
      try {
        entry = entrySchema.parse(JSON.parse(await readFile(fileOf(address), "utf8")));
      } catch {
        return undefined; // absent or damaged: the service is asked again
      }
      const age = now() - entry.stored_at;
      return entry.address === address && age >= 0 && age < maxAgeMs ? entry.body : undefined;
    },
    write: (address, body) =>
      kept(() => store(fileOf(address), { address, stored_at: now(), body })),
  };
}

async function store(file: string, entry: z.infer<typeof entrySchema>): Promise<void> {
  const temporary = `${file}.${unfinishedName()}${UNFINISHED}`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(temporary, JSON.stringify(entry), { flag: "wx" });
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}
