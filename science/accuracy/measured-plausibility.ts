import { createHash } from "node:crypto";
import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { compositeOf } from "../grounding/component.ts";
import { evaluateResponse } from "../grounding/evaluate.ts";
import { scaleOf } from "../grounding/measured-scale.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { isAskedPerturbation, isTheAnswer, perturbedGroups } from "../prompting/retrieval.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { CHANGE_THRESHOLDS } from "../response/expected-changes.ts";
import { canTellChange, drawGroups, MOST_CELLS } from "../response/measured-cells.ts";
import { FOLD_CHANGE_PSEUDOCOUNT } from "../response/predicted-response.ts";
import { randomStream, uniform } from "../simulate/seeded-random.ts";
import {
  compareExpression,
  type ExpressionComparison,
} from "../statistics/differential-expression.ts";
import type { PlausibilityScale } from "./accuracy-schema.ts";

/** Those of most cells; more say little of what measured responses get. */
const MOST_RESPONSES = 6;
/** Of each measured response with its genes shuffled. */
const SHUFFLES = 6;
/** The scale belongs to the atlas and not to a run. */
const SEED = 1;
/** Raised when the same cells would give another scale. */
const METHOD = 1;

/** A measured response: perturbed groups and their matched controls. */
export interface MeasuredResponse {
  readonly treated: readonly CellGroup[];
  readonly control: readonly CellGroup[];
}

export interface MeasuredElsewhere {
  readonly atlas: OpenAtlas;
  readonly responses: readonly MeasuredResponse[];
}

const count = (groups: readonly CellGroup[]): number =>
  groups.reduce((sum, { n_cells }) => sum + n_cells, 0);

/**
 * Measured responses to the asked perturbation in other cells than the asked ones, in the atlas of
 * the prompt: one a cell type or, where there is one cell type, one a donor. Only those of cells
 * enough to call a gene changed. Null where the prompt shows another perturbation.
 */
export function measuredElsewhere(
  query: StructuredQuery,
  { parts }: { readonly parts: readonly { readonly group_id: string }[] },
  atlases: readonly OpenAtlas[],
): MeasuredElsewhere | null {
  const all = perturbedGroups(atlases);
  const shown = all.find(({ group }) => group.group_id === parts[0]?.group_id);
  if (shown === undefined || !isAskedPerturbation(query, shown.group)) return null;
  const { atlas } = shown;
  const alike = all.filter(
    (each) =>
      each.atlas === atlas &&
      each.group.perturbation === shown.group.perturbation &&
      each.control !== null,
  );
  const byDonor = new Set(alike.map(({ group }) => group.cell_type)).size === 1;
  const elsewhere = alike.filter(({ group }) => !isTheAnswer(query, group));
  const responses = [
    ...Map.groupBy(elsewhere, ({ group }) => (byDonor ? group.donor : group.cell_type)).values(),
  ]
    .map((members) => ({
      treated: members.map(({ group }) => group),
      control: [...new Set(members.flatMap(({ control }) => control ?? []))],
    }))
    .filter(({ treated, control }) =>
      canTellChange(count(treated), count(control), atlas.index.n_genes),
    )
    .toSorted((a, b) => count(b.treated) - count(a.treated));
  return { atlas, responses: responses.slice(0, MOST_RESPONSES) };
}

interface Asked {
  readonly query: StructuredQuery;
  readonly knowledge: Knowledge;
}

/** Of all that the scale rests on: equal digests, equal scales. */
export function scaleDigest({ atlas, responses }: MeasuredElsewhere, asked: Asked): string {
  const { expected_targets, expected_pathways, perturbation } = asked.query;
  const cells = (groups: readonly CellGroup[]) =>
    groups.map(({ group_id, n_cells, rows }) => [group_id, n_cells, rows && [...rows]]);
  const { source_sha256, columns, genes } = atlas.index;
  return createHash("sha256")
    .update(
      JSON.stringify([
        METHOD,
        source_sha256,
        columns,
        genes,
        responses.map(({ treated, control }) => [cells(treated), cells(control)]),
        [expected_targets, expected_pathways, perturbation],
        asked.knowledge.pathways,
      ]),
    )
    .digest("hex");
}

/**
 * What measured cells score, judged as a prediction of theirs would be, and what they score with
 * their genes shuffled; the literature, which is asked about predicted genes, is left out.
 */
export async function measuredScale(
  { atlas, responses }: MeasuredElsewhere,
  asked: Asked,
): Promise<PlausibilityScale> {
  const measured: number[] = [];
  const nonsense: number[] = [];
  for (const response of responses) {
    const compared = await compareMeasured(atlas, response);
    measured.push(rawScore(compared, asked));
    for (let i = 0; i < SHUFFLES; i += 1)
      nonsense.push(rawScore(shuffled(compared, `shuffle/${i}`), asked));
  }
  return scaleOf(measured, nonsense);
}

/** The score of measured cells before it is rounded. */
export const scoreMeasured = async (
  atlas: OpenAtlas,
  response: MeasuredResponse,
  asked: Asked,
): Promise<number> => rawScore(await compareMeasured(atlas, response), asked);

async function compareMeasured(
  atlas: OpenAtlas,
  { treated, control }: MeasuredResponse,
): Promise<ExpressionComparison> {
  const { maxAdjustedP, minChange } = CHANGE_THRESHOLDS;
  const cellsOf = (groups: readonly CellGroup[]) =>
    drawGroups(groups, [atlas], SEED, Math.ceil(MOST_CELLS / groups.length));
  const compared = compareExpression(await cellsOf(treated), await cellsOf(control), {
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
  return { ...compared, de: { ...compared.de, log2_fold_change } };
}

const rawScore = (compared: ExpressionComparison, { query, knowledge }: Asked): number =>
  compositeOf(
    evaluateResponse(compared, {
      query,
      knowledge,
      seed: SEED,
      controlStrategyEffective: "synthetic_control",
    }).grounding.components,
  );

/** Each gene with the change of another. */
function shuffled(compared: ExpressionComparison, name: string): ExpressionComparison {
  const { de, meanTreated, meanControl } = compared;
  const random = randomStream(SEED, name);
  const keys = de.genes.map(() => uniform(random));
  const from = [...keys.keys()].toSorted((a, b) => keys[a]! - keys[b]!);
  const moved = (values: Float64Array): Float64Array => values.map((_, i) => values[from[i]!]!);
  return {
    meanControl,
    meanTreated: meanControl.map((mean, i) =>
      Math.max(0, mean + meanTreated[from[i]!]! - meanControl[from[i]!]!),
    ),
    de: {
      genes: de.genes,
      log2_fold_change: moved(de.log2_fold_change),
      p_value: moved(de.p_value),
      p_adjusted: moved(de.p_adjusted),
      is_de: de.is_de.map((_, i) => de.is_de[from[i]!]!),
    },
  };
}
