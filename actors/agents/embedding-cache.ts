import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import pLimit from "p-limit";
import { z } from "zod";
import type { HaystackError } from "../../errors.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import { sparing } from "../../spared.ts";

const AT_ONCE = 8;
const keptSchema = z.strictObject({
  model: z.string(),
  text: z.string(),
  vector: z.array(z.number()).min(1),
});

export interface EmbeddingCache {
  /** The vectors on record, by text: of one length, as others cannot be compared with them. */
  read(texts: readonly string[], signal: AbortSignal): Promise<Map<string, readonly number[]>>;
  write(
    vectors: readonly (readonly [text: string, vector: readonly number[]])[],
    signal: AbortSignal,
  ): Promise<void>;
}

/**
 * Vectors as objects `embeddings/MODEL/SHA-256 of the text.json`, for all runs. What is on record
 * and cannot be read counts as absent, and what cannot be kept is asked for anew.
 */
export function embeddingCache(
  objects: ObjectStore,
  model: string,
  onTrouble?: (trouble: HaystackError) => void,
): EmbeddingCache {
  const instead = "they are asked for anew";
  const reading = sparing({ what: "Embeddings on record cannot be read", instead }, onTrouble);
  const keeping = sparing({ what: "Embeddings cannot be kept", instead }, onTrouble);
  const folder = `embeddings/${model.replaceAll(/[^\w-]+/gu, "_")}`;
  const pathOf = (text: string): string =>
    `${folder}/${createHash("sha256")
      .update(JSON.stringify([model, text]))
      .digest("hex")}.json`;

  const readOne = async (text: string, signal: AbortSignal): Promise<readonly number[] | null> => {
    const path = pathOf(text);
    if ((await objects.stat(path)) === undefined) return null;
    const kept = keptSchema.safeParse(
      parsed(await readFile(await objects.fetch({ path }, signal), "utf8")),
    );
    return kept.success && kept.data.model === model && kept.data.text === text
      ? kept.data.vector
      : null;
  };

  return {
    async read(texts, signal) {
      const vectors = await pLimit(AT_ONCE).map(texts, (text) =>
        reading(() => readOne(text, signal), signal),
      );
      const length = vectors.find((vector) => vector != null)?.length;
      return new Map(
        texts.flatMap((text, i) =>
          vectors[i]?.length === length && vectors[i] != null ? [[text, vectors[i]] as const] : [],
        ),
      );
    },
    async write(vectors, signal) {
      await pLimit(AT_ONCE).map(vectors, ([text, vector]) =>
        keeping(
          () =>
            objects.putText(pathOf(text), `${JSON.stringify({ model, text, vector })}\n`, signal),
          signal,
        ),
      );
    },
  };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
