import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { DONE_NOTES, type InferencePair } from "../index.ts";
import type { LocalJob } from "./job.ts";

/**
 * Which pairs of a job are predicted already, where its program knows single pairs only. Beside an
 * output stands of what work it came, `OUTPUT.work.json`; it counts for nothing once either differs.
 */

interface DoneWork {
  readonly work_sha256: string;
  readonly output_sha256: string;
}

const [METRICS, NOTE] = DONE_NOTES;

const noteOf = ({ output }: InferencePair): string => `${output}${NOTE}`;

async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** SHA-256 of all that decides the prediction: program, inputs, seed. */
export async function workOf(
  { command, cwd, spec }: LocalJob,
  { prompt, query }: InferencePair,
): Promise<string> {
  const inputs = [await sha256Of(prompt), await sha256Of(query)];
  return createHash("sha256")
    .update(JSON.stringify({ command, cwd, inputs, seed: spec.seed }))
    .digest("hex");
}

export async function isDone(pair: InferencePair, work: string): Promise<boolean> {
  try {
    const noted = JSON.parse(await readFile(noteOf(pair), "utf8")) as DoneWork;
    return noted.work_sha256 === work && noted.output_sha256 === (await sha256Of(pair.output));
  } catch {
    return false; // no note, no output, or a note that was cut short: it is predicted anew
  }
}

export async function noteDone(pair: InferencePair, work: string): Promise<void> {
  const done: DoneWork = { work_sha256: work, output_sha256: await sha256Of(pair.output) };
  const draft = `${noteOf(pair)}.${process.pid}.partial`;
  await writeFile(draft, `${JSON.stringify(done)}\n`, { flush: true });
  await rename(draft, noteOf(pair));
}

/** A file that an earlier attempt left must not count as this one's result. */
export async function removeLeft(pair: InferencePair): Promise<void> {
  for (const left of [pair.output, `${pair.output}${METRICS}`, noteOf(pair)])
    await rm(left, { force: true });
}
