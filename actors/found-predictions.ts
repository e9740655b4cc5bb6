import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { eachApart, type Failures } from "../each-apart.ts";
import { type HaystackError, toHaystackError } from "../errors.ts";
import type { FoundPair, PairName } from "../machines/pair-types.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import { pairNameSchema } from "../services/runs/iteration.ts";
import { sparing } from "../spared.ts";
import { workingFilesOf } from "./run-objects.ts";

/**
 * Equal work is not paid for twice: where the same program predicted from the same prompt and query
 * cells under the same seed before, its prediction is found again. It is looked for in the run
 * itself and, where the operator has named the version of the program and its weights, in the other
 * runs of the same user; never in those of somebody else.
 */
export interface FoundPredictions {
  /** Where a prediction of this work is noted; null where none is. */
  noteFor(work: PredictedWork): string | null;
  /** One that is still there, unchanged. */
  find(note: string, signal: AbortSignal): Promise<NotedPrediction | undefined>;
  /** Of a prediction that was found valid. */
  note(note: string, prediction: NotedPrediction, signal: AbortSignal): Promise<void>;
}

export interface PredictedWork {
  readonly run_id: string;
  readonly user_email: string | null;
  /** Digests. */
  readonly prompt: string;
  readonly query: string;
  readonly seed: number;
}

export interface NotedPrediction extends FoundPair {
  readonly pair: PairName;
}

export interface FoundPredictionsOptions {
  readonly objects: Pick<ObjectStore, "fetch" | "list" | "putText" | "remove">;
  /** All that the batch service says of its program; absent where nothing is to be found again. */
  readonly predictor: string | undefined;
  /** Of program and weights; without it runs find their own predictions only. */
  readonly version: string | undefined;
  /** Most predictions of a user that other runs find. */
  readonly most: number;
  /** Told once that notes cannot be read, or made, until they can. */
  readonly onTrouble?: (trouble: HaystackError) => void;
}

const ALL = "found-predictions/";

const noteSchema = z.object({
  path: z.string(),
  sha256: z.string(),
  run_id: z.string(),
  iteration: z.number().int(),
  pair: pairNameSchema as z.ZodType<PairName>,
});

const sha256 = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex");

export function foundPredictions(options: FoundPredictionsOptions): FoundPredictions {
  const { objects, predictor, version, most, onTrouble } = options;
  const looking = sparing(
    {
      what: "Earlier predictions cannot be looked for",
      instead: "what was predicted before is predicted anew",
    },
    onTrouble,
  );
  const noting = sparing(
    { what: "Predictions cannot be noted for later runs", instead: "those predict anew" },
    onTrouble,
  );

  /** Any goes as well as another: they are named by digests. */
  const makeRoom = async (folder: string, signal: AbortSignal): Promise<void> => {
    let kept = 0;
    for await (const path of objects.list(folder)) {
      kept += 1;
      if (kept > most - 1) await objects.remove(path, signal);
    }
  };

  return {
    noteFor({ run_id, user_email, prompt, query, seed }) {
      if (predictor === undefined || most === 0) return null;
      const digest = sha256({ predictor, version, prompt, query, seed });
      return version === undefined
        ? `${workingFilesOf(run_id)}found/${digest}.json`
        : `${ALL}${sha256(user_email)}/${digest}/${run_id}.json`;
    },
    find: (note, signal) => looking(() => firstOf(note, signal), signal),
    note: (note, prediction, signal) =>
      noting(async () => {
        const folder = /^found-predictions\/[^/]+\//.exec(note)?.[0];
        if (folder !== undefined) await makeRoom(folder, signal);
        await objects.putText(note, `${JSON.stringify(prediction)}\n`, signal);
      }, signal),
  };

  async function firstOf(note: string, signal: AbortSignal): Promise<NotedPrediction | undefined> {
    for await (const path of notesOf(note)) {
      const noted = await read(path, signal);
      if (noted !== undefined) return noted;
    }
    return undefined;
  }

  /** Those of the same work, each of another run. */
  function notesOf(note: string): AsyncIterable<string> | readonly string[] {
    return note.startsWith(ALL) ? objects.list(note.slice(0, note.lastIndexOf("/") + 1)) : [note];
  }

  async function read(note: string, signal: AbortSignal): Promise<NotedPrediction | undefined> {
    try {
      const noted: NotedPrediction = noteSchema.parse(
        JSON.parse(await readFile(await objects.fetch({ path: note }, signal), "utf8")),
      );
      await objects.fetch({ path: noted.path, sha256: noted.sha256 }, signal);
      return noted;
    } catch (thrown) {
      signal.throwIfAborted();
      const { code } = toHaystackError(thrown);
      // Its run was removed, or the note is not whole: the prediction is made anew, and noted.
      if (
        thrown instanceof SyntaxError ||
        thrown instanceof z.ZodError ||
        code === "OBJECT_NOT_FOUND" ||
        code === "OBJECT_DAMAGED"
      )
        return undefined;
      throw thrown;
    }
  }
}

/** Removes the notes of these runs, and tells of those that it cannot; all are walked once. */
export async function forgetFound(
  objects: Pick<ObjectStore, "list" | "remove">,
  isMeant: (runId: string) => boolean,
): Promise<Failures> {
  const runOf = (path: string): string => /([^/]+)\.json$/.exec(path)?.[1] ?? "";
  return eachApart(objects.list(ALL), runOf, async (path) => {
    if (isMeant(runOf(path))) await objects.remove(path);
  });
}
