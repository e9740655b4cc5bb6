import { createHash } from "node:crypto";
import type { CellGroup } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import type { ControlStrategy, StructuredQuery } from "../query/structured-query.ts";
import { conditionsOf } from "./asked-amounts.ts";
import type { ControlSimilarity } from "./control-similarity.ts";
import { krigingWeights } from "./kriging.ts";
import type { LeaveOneOut } from "./leave-one-out.ts";
import { HALF_RELIABLE_CELLS, allocateCells, groupWeights } from "./mixture.ts";
import type { MixtureMember } from "./mixture.ts";
import type { PromptCandidate, PromptPart, PromptStrategy } from "./prompt-plan.ts";
import { isAskedPerturbation, isTheAnswer } from "./retrieval.ts";
import type { Proposal } from "./retrieval.ts";

/** A proposal with the similarity of its matched controls to the query cells. */
export interface RankedProposal extends Proposal {
  readonly similarity: number | null;
}

export interface CandidateSettings {
  readonly query: StructuredQuery;
  readonly knowledge: Knowledge;
  readonly controlStrategy: ControlStrategy;
  readonly promptCells: number;
  readonly likeness: ControlSimilarity;
}

/** Direct evidence ranks from here to 1, everything else below. */
const DIRECT_FLOOR = 0.9;
const UNMEASURED_PRIOR = 0.5;

/** Content id: same strategy and cells, same id. */
export function candidateId(strategy: PromptStrategy, parts: readonly PromptPart[]): string {
  return `${strategy}-${createHash("sha256")
    .update(
      JSON.stringify(
        parts.map((part) => [
          part.group_id,
          part.n_cells,
          part.control_group_id,
          part.n_control_cells,
        ]),
      ),
    )
    .digest("hex")
    .slice(0, 12)}`;
}

/**
 * Cells that a difference of two means over n and m cells is worth: its variance falls with 1 / n +
 * 1 / m, 2 / n for equal sides.
 */
function cellsOfResponse(n: number, m = n): number {
  return 2 / (1 / n + 1 / m);
}

/** The share of each cell type by kriging; null where some type has no controls to compare. */
function sharesOfTypes(
  proposals: readonly RankedProposal[],
  members: readonly MixtureMember[],
  likeness: ControlSimilarity,
): number[] | null {
  const { atlas } = proposals[0]!;
  const types = [...Map.groupBy(proposals, ({ group }) => group.cell_type).values()].map((own) =>
    own.flatMap(({ control }) => control ?? []),
  );
  if (types.length === 1) return [1];
  const toQuery = types.map((controls) => likeness.toQuery(atlas, controls));
  if (toQuery.includes(null)) return null;
  return krigingWeights({
    toQuery: toQuery.map(Number),
    between: (i, j) => likeness.between(atlas, types[i]!, types[j]!) ?? 0,
    cells: [...Map.groupBy(members, ({ cellType }) => cellType).values()].map((own) =>
      own.reduce((sum, { cells }) => sum + cells, 0),
    ),
  });
}

/**
 * Parts of a prompt of at most `promptCells` cells. Under synthetic control a mixture draws as many
 * controls as perturbed cells of every group: otherwise the difference of the two predictions would
 * show the cell types' share.
 */
function partsOf(
  proposals: readonly RankedProposal[],
  { controlStrategy, promptCells, likeness }: CandidateSettings,
): PromptPart[] {
  const synthetic = controlStrategy === "synthetic_control";
  const single = proposals.length === 1;
  const sizes = proposals.map(({ group, control }) =>
    synthetic && !single ? Math.min(group.n_cells, control?.n_cells ?? 0) : group.n_cells,
  );
  const members = proposals.map(({ group, control, similarity }) => ({
    cellType: group.cell_type,
    similarity,
    cells: cellsOfResponse(group.n_cells, synthetic ? control?.n_cells : undefined),
  }));
  const weights = groupWeights(members, sharesOfTypes(proposals, members, likeness));
  const cells = allocateCells(weights, sizes, promptCells);
  const total = cells.reduce((sum, n) => sum + n, 0);
  return proposals.flatMap(({ group, control }, i) => {
    const n = cells[i]!;
    const matched = synthetic ? control : null;
    const nControl = matched === null ? 0 : Math.min(single ? promptCells : n, matched.n_cells);
    return n === 0
      ? []
      : [
          {
            group_id: group.group_id,
            n_cells: n,
            control_group_id: matched?.group_id ?? null,
            n_control_cells: nControl,
            weight: n / total,
          },
        ];
  });
}

function describeCells(proposals: readonly RankedProposal[]): string {
  const types = [...new Set(proposals.map(({ group }) => group.cell_type))];
  const donors = new Set(proposals.map(({ group }) => group.donor)).size;
  const named =
    types.length > 5
      ? `${types.slice(0, 4).join("; ")} and ${types.length - 4} more cell types`
      : types.join("; ");
  return `${named} with ${proposals[0]!.group.perturbation} (${donors === 1 ? `donor ${proposals[0]!.group.donor}` : `${donors} donors`})`;
}

function describeLikeness(
  proposals: readonly RankedProposal[],
  evidence: LeaveOneOut | null,
): string {
  const { similarity, group } = proposals[0]!;
  if (similarity === null)
    return "Their matched controls are missing, so their similarity to the query cells is unknown and all groups count the same.";
  const pearson = similarity.toFixed(2);
  if (proposals.every((other) => other.group.cell_type === group.cell_type))
    return `Their untreated cells resemble the query cells with Pearson ${pearson}.`;
  const weighting = `They are weighted by how much their untreated cells resemble the query cells, ${group.cell_type} most (Pearson ${pearson}).`;
  if (evidence === null) return weighting;
  return `${weighting} Leaving out each of ${evidence.cellTypes} cell types in turn, such a mixture predicted its response with Pearson ${evidence.mixture.toFixed(2)}, the nearest type alone with ${evidence.nearest.toFixed(2)}.`;
}

const SHOWN = 5;
const some = (values: readonly string[]): string =>
  `${values.slice(0, SHOWN).join(", ")}${values.length > SHOWN ? ` and ${values.length - SHOWN} more` : ""}`;

function standInBy(
  { perturbation, perturbation_id }: CellGroup,
  { perturbations }: Knowledge,
): Pick<PromptCandidate, "stand_in" | "stand_in_name"> {
  const name = perturbations.find(({ id }) => id === perturbation_id)?.name;
  return {
    stand_in: perturbation_id ?? perturbation,
    ...(name === undefined ? {} : { stand_in_name: name }),
  };
}

/**
 * One way to prompt with these proposals (most similar first). rank_score = knowledge match of the
 * most similar part, times its prior, times the `gain` of mixing, times sqrt(n / (n + 15)): the
 * share of a correlation that sampling noise leaves to a mean over n cells (attenuation, Spearman
 * 1904).
 */
export function buildCandidate(
  strategy: PromptStrategy,
  proposals: readonly RankedProposal[],
  settings: CandidateSettings,
  mixing: { readonly gain: number; readonly evidence: LeaveOneOut | null } = {
    gain: 1,
    evidence: null,
  },
): PromptCandidate {
  const parts = partsOf(proposals, settings);
  const used = proposals.filter(({ group }) =>
    parts.some((part) => part.group_id === group.group_id),
  );
  const first = used[0]!;
  const nCells = parts.reduce((sum, part) => sum + part.n_cells, 0);
  const reliability = Math.sqrt(nCells / (nCells + HALF_RELIABLE_CELLS));
  const prior = Math.max(0, first.similarity ?? UNMEASURED_PRIOR);
  const merit = Math.min(1, prior * mixing.gain) * reliability;
  const rank =
    strategy === "direct"
      ? DIRECT_FLOOR + (1 - DIRECT_FLOOR) * merit
      : DIRECT_FLOOR * first.match * merit;
  const similarities = used.map(({ similarity }) => similarity);
  const measurable = similarities.every((similarity) => similarity !== null);
  const answers = new Set(
    used
      .filter(({ group }) => isTheAnswer(settings.query, group))
      .map(({ group }) => group.group_id),
  );
  const read = parts.filter(({ group_id }) => answers.has(group_id));
  const pooled = conditionsOf(used.map(({ group }) => group)).map(
    ({ column, values }) => `${column} (${some(values)})`,
  );
  const why = `${describeCells(used)}: shown because ${first.because}.`;
  return {
    candidate_id: candidateId(strategy, parts),
    strategy,
    parts,
    rank_score: rank,
    control_similarity: measurable
      ? parts.reduce((sum, part, i) => sum + part.weight * similarities[i]!, 0)
      : null,
    rationale: `${why} ${describeLikeness(used, mixing.evidence)}`,
    ...(read.length === 0
      ? {}
      : { reads: read.reduce((sum, part) => sum + part.n_cells, 0) / nCells }),
    ...(pooled.length === 0 ? {} : { pooled }),
    ...(isAskedPerturbation(settings.query, first.group)
      ? {}
      : standInBy(first.group, settings.knowledge)),
  };
}
