import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { openAtlas } from "../atlas/open.ts";
import { readGroup } from "../atlas/read-group.ts";
import { evaluateResponse } from "../grounding/evaluate.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { stackRows } from "../prompting/csr-rows.ts";
import type { PromptCandidate } from "../prompting/prompt-plan.ts";
import { perturbedGroups } from "../prompting/retrieval.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { CHANGE_THRESHOLDS } from "../response/expected-changes.ts";
import { FOLD_CHANGE_PSEUDOCOUNT } from "../response/predicted-response.ts";
import { compareExpression } from "../statistics/differential-expression.ts";

/** A measured response: perturbed groups and their matched controls. */
export interface MeasuredResponse {
  readonly treated: readonly CellGroup[];
  readonly control: readonly CellGroup[];
}

/** Those of most cells; more say little of what measured responses get. */
const MOST_RESPONSES = 6;
const LEAST_CELLS = 10;

const count = (groups: readonly CellGroup[]): number =>
  groups.reduce((sum, { n_cells }) => sum + n_cells, 0);

/**
 * Measured responses to the perturbation that a prompt shows, one a cell type or, where the atlas
 * has one cell type under it, one a donor.
 */
export function measuredResponses(
  candidate: PromptCandidate,
  atlases: readonly OpenAtlas[],
): { readonly atlas: OpenAtlas; readonly responses: readonly MeasuredResponse[] } | null {
  const all = perturbedGroups(atlases);
  const shown = all.find(({ group }) => group.group_id === candidate.parts[0]?.group_id);
  if (shown === undefined) return null;
  const alike = all.filter(
    ({ atlas, group, control }) =>
      atlas === shown.atlas && group.perturbation === shown.group.perturbation && control !== null,
  );
  const byDonor = new Set(alike.map(({ group }) => group.cell_type)).size === 1;
  const responses = [
    ...Map.groupBy(alike, ({ group }) => (byDonor ? group.donor : group.cell_type)).values(),
  ]
    .map((members) => ({
      treated: members.map(({ group }) => group),
      control: [...new Set(members.flatMap(({ control }) => control ?? []))],
    }))
    .filter(({ treated, control }) => Math.min(count(treated), count(control)) >= LEAST_CELLS)
    .toSorted((a, b) => count(b.treated) - count(a.treated));
  return { atlas: shown.atlas, responses: responses.slice(0, MOST_RESPONSES) };
}

/**
 * The grounding score that measured cells get, judged as a prediction of theirs would be; the
 * literature, which is asked about predicted genes, is left out.
 */
export async function scoreMeasured(
  dir: string,
  { treated, control }: MeasuredResponse,
  asked: { readonly query: StructuredQuery; readonly knowledge: Knowledge; readonly seed: number },
): Promise<number> {
  const { genes } = (await openAtlas(dir)).index;
  const cells = async (groups: readonly CellGroup[]) => {
    const read = [];
    for (const group of groups) read.push((await readGroup(dir, group)).counts);
    const X = stackRows(read, genes.length);
    const index = Array.from({ length: X.nRows }, (_, cell) => String(cell));
    return { X, obs: { index, columns: {} }, var: { index: genes, columns: {} }, uns: {} };
  };
  const { maxAdjustedP, minChange } = CHANGE_THRESHOLDS;
  const compared = compareExpression(await cells(treated), await cells(control), {
    maxAdjustedP,
    minLog2FoldChange: 0,
    minMeanDifference: minChange,
  });
  const log2_fold_change = compared.meanTreated.map((mean, gene) =>
    Math.log2(
      (Math.expm1(mean) + FOLD_CHANGE_PSEUDOCOUNT) /
        (Math.expm1(compared.meanControl[gene]!) + FOLD_CHANGE_PSEUDOCOUNT),
    ),
  );
  const { grounding } = evaluateResponse(
    { ...compared, de: { ...compared.de, log2_fold_change } },
    { ...asked, controlStrategyEffective: "synthetic_control" },
  );
  return grounding.score;
}
