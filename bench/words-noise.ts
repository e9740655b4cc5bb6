import { readFileSync } from "node:fs";
import { z } from "zod";

const names = z.array(z.string()).min(1);

/** Names that the knowledge has no response for, made-up codes, and statements that ask nothing. */
export function noiseNames(): z.infer<typeof noiseSchema> {
  const file = new URL("./data/words-noise.json", import.meta.url);
  return noiseSchema.parse(JSON.parse(readFileSync(file, "utf8")));
}

const noiseSchema = z.object({ drugs: names, lines: names, codes: names, definitions: names });
