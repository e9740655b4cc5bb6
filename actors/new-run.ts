import { createHash, randomInt, randomUUID } from "node:crypto";

export const newRunId = (): string => `run-${randomUUID().slice(0, 18).replaceAll("-", "")}`;
export const newSeed = (): number => randomInt(0x1_0000_0000);

/**
 * Id and seed of the run that an owner asked for under a key: the same for the same key, however
 * often it is sent.
 */
export function namedByKey(
  owner: string,
  key: string,
): { readonly run_id: string; readonly random_seed: number } {
  const hash = createHash("sha256")
    .update(JSON.stringify([owner, key]))
    .digest();
  return { run_id: `run-${hash.toString("hex", 0, 16)}`, random_seed: hash.readUInt32BE(16) };
}
