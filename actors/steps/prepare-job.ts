import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PrepareJobInput } from "../../machines/run-types.ts";
import type { PromptPart, PromptPlan } from "../../science/prompting/prompt-plan.ts";
import { given } from "../../given.ts";
import { runNotFound } from "../../errors.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../host/step.ts";
import type { DrawInput } from "../tasks/prompt.ts";
import { openPlaces, type StepPorts } from "../ports.ts";

type Parts = DrawInput["parts"];

const promptCells = (parts: readonly PromptPart[]): Parts =>
  parts.map(({ group_id, n_cells }) => ({ group_id, n_cells }));
const controlCells = (parts: readonly PromptPart[]): Parts =>
  parts.flatMap(({ control_group_id, n_control_cells }) =>
    control_group_id === null ? [] : [{ group_id: control_group_id, n_cells: n_control_cells }],
  );

/** Draws the planned cells and stores them as the inputs of one inference job. */
export function prepareJob({
  runs,
  atlases,
  compute,
  objects,
}: StepPorts): Effect<PrepareJobInput, void> {
  return async ({ run_id, iteration, kind, plan: planObject }, { signal }) => {
    const run = await runs.get(run_id);
    if (run === undefined) throw runNotFound(run_id);
    const { config, structured_query: query } = run.document;
    const plan = JSON.parse(
      await readFile(await objects.fetch(planObject, signal), "utf8"),
    ) as PromptPlan;
    const opened = await atlases.open(config.datasets, signal);
    const places = await openPlaces(atlases, config, signal);
    const paths = iterationObjects(run_id, iteration);
    const scratch = await objects.scratch();
    const { chosen, transfer } = plan;
    const learned =
      query !== null && transfer?.kind === "learned" && kind === "prediction"
        ? { query, chosen, coefficients: transfer.coefficients }
        : undefined;
    const store = async (
      path: string,
      parts: Parts,
      more: Pick<DrawInput, "learned"> = {},
    ): Promise<void> => {
      await atlases.fetchGroups(
        parts.map(({ group_id }) => group_id),
        opened,
        signal,
      );
      const output = join(scratch, "cells.h5ad");
      await compute.run("draw", { places, parts, seed: plan.seed, output, ...more }, signal);
      await objects.put(path, output, signal);
    };
    try {
      await store(
        paths.prompt(kind),
        kind === "prediction" ? promptCells(chosen.parts) : controlCells(chosen.parts),
        given({ learned }),
      );
      await store(paths.query, plan.query_parts);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
}
