import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

/** Answers of a look-up service by address, one file each, forgotten after `maxAgeMs`. */
export interface AnswerCache {
  /** Undefined when there is none, or it is too old or damaged. */
  read(address: string): Promise<unknown>;
  write(address: string, body: unknown): Promise<void>;
}

const entrySchema = z.object({ address: z.string(), stored_at: z.number(), body: z.unknown() });

export function folderCache({
  folder,
  maxAgeMs,
  now,
}: {
  readonly folder: string;
  readonly maxAgeMs: number;
  readonly now: () => number;
}): AnswerCache {
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
    async write(address, body) {
      const file = fileOf(address);
      const temporary = `${file}.${randomUUID()}.tmp`;
      await mkdir(dirname(file), { recursive: true });
      try {
        await writeFile(temporary, JSON.stringify({ address, stored_at: now(), body }), {
          flag: "wx",
        });
        await rename(temporary, file);
      } catch (thrown) {
        await rm(temporary, { force: true });
        throw thrown;
      }
    },
  };
}
