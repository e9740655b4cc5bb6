import { readFile } from "node:fs/promises";
import {
  plausibilityScaleSchema,
  type PlausibilityScale,
} from "../../science/accuracy/accuracy-schema.ts";
import type { PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import { openAtlases, type StepPorts } from "../ports.ts";

const NOT_SHOWN: PlausibilityScale = {
  known: false,
  reason:
    "The prompt shows no measured response to the asked perturbation, so the score is read against none.",
};

/**
 * What the score of a prediction is read against. Computed once for an atlas and kept beside its
 * index, under the digest of all that it rests on.
 */
export async function plausibilityScale(
  { atlases, compute, objects, knowledge }: StepPorts,
  {
    config,
    query,
    chosen,
  }: {
    readonly config: RunConfig;
    readonly query: StructuredQuery;
    readonly chosen: Pick<PromptCandidate, "parts">;
  },
  signal: AbortSignal,
): Promise<PlausibilityScale> {
  const { opened, places } = await openAtlases(atlases, config, signal);
  const task = { places, query, chosen: { parts: chosen.parts }, knowledge };
  const found = await compute.run("findMeasured", task, signal);
  if (found === null) return NOT_SHOWN;
  const path = `atlases/${found.dataset}/plausibility/${found.digest}.json`;
  if ((await objects.stat(path)) !== undefined) {
    const kept: unknown = JSON.parse(await readFile(await objects.fetch({ path }, signal), "utf8"));
    const parsed = plausibilityScaleSchema.safeParse(kept);
    if (parsed.success) return parsed.data;
  }
  await atlases.fetchGroups(found.groups, opened, signal);
  const scale = await compute.run("scoreMeasured", task, signal);
  await objects.putText(path, `${JSON.stringify(scale)}\n`, signal);
  return scale;
}
