import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { pairsOf } from "../../machines/job-id.ts";
import type {
  FoundPair,
  ObjectReference,
  PairName,
  PreparedJob,
} from "../../machines/pair-types.ts";
import type { PrepareJobInput } from "../../machines/step-types.ts";
import type { PromptPart, PromptPlan } from "../../science/prompting/prompt-plan.ts";
import { given } from "../../given.ts";
import { runNotFound } from "../../errors.ts";
import { manifestOf } from "../../services/batch/index.ts";
import { inferencePairs } from "../inference-pairs.ts";
import { controlParts, pairedPrompts } from "../round-prompts.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../host/step.ts";
import type { DrawInput } from "../tasks/prompt.ts";
import { openPlaces, type StepPorts } from "../ports.ts";

type Parts = DrawInput["parts"];

const promptCells = (parts: readonly PromptPart[]): Parts =>
  parts.map(({ group_id, n_cells }) => ({ group_id, n_cells }));

/**
 * Draws the planned cells and stores them as the inputs of one inference job; what was predicted
 * from the same cells before is stored as this job's, too.
 */
export function prepareJob(ports: StepPorts): Effect<PrepareJobInput, PreparedJob> {
  const { runs, atlases, compute, objects } = ports;
  return async (input, { signal }) => {
    const { run_id, iteration, kind, pairs = pairsOf(kind), plan: planObject, random_seed } = input;
    const run = await runs.get(run_id);
    if (run === undefined) throw runNotFound(run_id);
    const { config, structured_query: query, user_email } = run.document;
    const plan = JSON.parse(
      await readFile(await objects.fetch(planObject, signal), "utf8"),
    ) as PromptPlan;
    const opened = await atlases.open(config.datasets, signal);
    const places = await openPlaces(atlases, config, signal);
    const paths = iterationObjects(run_id, iteration);
    const scratch = await objects.scratch();
    const store = async (
      path: string,
      parts: Parts,
      more: Pick<DrawInput, "learned"> = {},
    ): Promise<ObjectReference> => {
      await atlases.fetchGroups(
        parts.map(({ group_id }) => group_id),
        opened,
        signal,
      );
      const output = join(scratch, "cells.h5ad");
      await compute.run("draw", { places, parts, seed: plan.seed, output, ...more }, signal);
      return objects.put(path, output, signal);
    };
    try {
      const prompts = new Map<PairName, ObjectReference>();
      const planned = pairedPrompts(plan, "synthetic_control");
      for (const pair of pairs) {
        const { prediction, chosen, transfer } = planned.find(
          (each) => each.prediction === pair || each.control === pair,
        )!;
        const learned =
          query !== null && transfer?.kind === "learned"
            ? { query, chosen, coefficients: transfer.coefficients }
            : undefined;
        prompts.set(
          pair,
          await (pair === prediction
            ? store(paths.prompt(pair), promptCells(chosen.parts), given({ learned }))
            : store(paths.prompt(pair), controlParts(chosen.parts))),
        );
      }
      const queryCells = await store(paths.query, plan.query_parts);
      const prepared = await lookFor(
        ports,
        { run_id, iteration, user_email, seed: random_seed, query: queryCells, prompts },
        signal,
      );
      const manifest = paths.manifest(kind);
      const left = inferencePairs(input, prepared.found);
      await objects.putText(manifest, manifestOf(manifest, left), signal);
      return prepared;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
}

interface Sought {
  readonly run_id: string;
  readonly iteration: number;
  readonly user_email: string | null;
  /** Undefined for a job that an earlier release prepared: nothing is looked for. */
  readonly seed: number | undefined;
  readonly query: ObjectReference;
  readonly prompts: ReadonlyMap<PairName, ObjectReference>;
}

/** Stores again what is found, so that no run needs the files of another. */
async function lookFor(
  { foundPredictions, objects }: StepPorts,
  { run_id, iteration, user_email, seed, query, prompts }: Sought,
  signal: AbortSignal,
): Promise<PreparedJob> {
  const found: Partial<Record<PairName, FoundPair>> = {};
  const notes: Partial<Record<PairName, string>> = {};
  if (seed === undefined || foundPredictions === undefined) return { found, notes };
  for (const [pair, prompt] of prompts) {
    const work = { run_id, user_email, prompt: prompt.sha256, query: query.sha256, seed };
    const note = foundPredictions.noteFor(work);
    if (note === null) continue;
    const earlier = await foundPredictions.find(note, signal);
    if (earlier === undefined) notes[pair] = note;
    else {
      const file = await objects.fetch(earlier, signal);
      const path = iterationObjects(run_id, iteration).predictions(pair);
      const stored = await objects.put(path, file, signal);
      found[pair] = { ...stored, run_id: earlier.run_id, iteration: earlier.iteration };
    }
  }
  return { found, notes };
}
