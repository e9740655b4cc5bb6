import type { OpenAtlas } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import type { ControlStrategy, StructuredQuery } from "../query/structured-query.ts";
import { atAskedAmounts, withAmounts } from "./asked-amounts.ts";
import { buildCandidate } from "./build-candidate.ts";
import type { CandidateSettings, RankedProposal } from "./build-candidate.ts";
import { controlSimilarity } from "./control-similarity.ts";
import { orderByHistory } from "./history.ts";
import { leaveOneOut } from "./leave-one-out.ts";
import type { IterationFeedback, PromptCandidate, PromptStrategy } from "./prompt-plan.ts";
import { findQueryCells } from "./query-cells.ts";
import { isAskedCellType, perturbedGroups } from "./retrieval.ts";
import type { EmbeddedLikeness } from "./retrieval.ts";
import { weighStandIns } from "./stand-ins.ts";
import { ALL_STRATEGIES } from "./strategies/all-strategies.ts";

export interface RetrievalRequest {
  readonly query: StructuredQuery;
  readonly atlases: readonly OpenAtlas[];
  readonly knowledge: Knowledge;
  /** Effective control strategy: synthetic control asks for groups with matched controls. */
  readonly controlStrategy: ControlStrategy;
  /** Most cells a prompt may hold. */
  readonly promptCells: number;
  /**
   * Likeness in meaning, for the semantic strategy; without it names are compared by their letters.
   */
  readonly embedded?: EmbeddedLikeness | null;
}

/**
 * Bounds the list on atlases with many donors and cell types: the best by similarity are kept, a
 * perturbation.
 */
const MAX_TYPES = 8;
const MAX_SINGLES = 12;
/** Gain of mixing when the atlas cannot tell: that measured on Kang 2018 (0.88 against 0.866). */
const USUAL_MIXING_GAIN = 1.02;
const GAIN_RANGE = [0.8, 1.2] as const;

function bySimilarity(x: RankedProposal, y: RankedProposal): number {
  return (
    (y.similarity ?? -1) - (x.similarity ?? -1) ||
    y.group.n_cells - x.group.n_cells ||
    (x.group.group_id < y.group.group_id ? -1 : 1)
  );
}

/**
 * Candidates from one perturbation of one data set: the mixture of cell types, each cell type over
 * its donors, single groups.
 */
function fromOnePerturbation(
  strategy: PromptStrategy,
  proposals: readonly RankedProposal[],
  settings: CandidateSettings,
): PromptCandidate[] {
  const sorted = proposals.toSorted(bySimilarity);
  const types = [...Map.groupBy(sorted, ({ group }) => group.cell_type).values()];
  const candidates = [
    ...types
      .slice(0, MAX_TYPES)
      .filter((members) => members.length > 1)
      .map((members) => buildCandidate(strategy, members, settings)),
    ...sorted
      .slice(0, MAX_SINGLES)
      .map((proposal) => buildCandidate(strategy, [proposal], settings)),
  ];
  const others = types
    .filter((members) => !isAskedCellType(settings.query, members[0]!.group))
    .flat();
  if (new Set(others.map(({ group }) => group.cell_type)).size > 1) {
    const evidence = leaveOneOut(others[0]!.atlas, others);
    const measured =
      evidence === null || evidence.nearest <= 0
        ? USUAL_MIXING_GAIN
        : evidence.mixture / evidence.nearest;
    const gain = Math.min(GAIN_RANGE[1], Math.max(GAIN_RANGE[0], measured));
    candidates.push(
      buildCandidate(strategy, others.toSorted(bySimilarity), settings, { gain, evidence }),
    );
  }
  return candidates;
}

/**
 * Every way to prompt that some strategy proposes, best first; cells proposed twice keep the
 * earlier strategy's name. Costs index and profiles, not cells. Throws CELL_TYPE_NOT_IN_ATLAS when
 * there are no query cells to compare with.
 */
export function allCandidates(request: RetrievalRequest): PromptCandidate[] {
  const { query, atlases, knowledge, controlStrategy, embedded = null } = request;
  const queryCells = findQueryCells(query, atlases);
  const likeness = controlSimilarity(queryCells.atlas, queryCells.groups);
  const perturbed = atAskedAmounts(
    query,
    perturbedGroups(atlases).filter(
      ({ control }) => controlStrategy === "query_as_control" || control !== null,
    ),
  );
  const candidates = ALL_STRATEGIES.flatMap((strategy) => {
    const proposed = withAmounts(strategy.propose({ query, knowledge, perturbed, embedded }));
    const proposals = proposed.map((proposal) => ({
      ...proposal,
      similarity: likeness.toQuery(
        proposal.atlas,
        proposal.control === null ? [] : [proposal.control],
      ),
    }));
    const families = Map.groupBy(
      proposals,
      ({ group }) => `${group.dataset}/${group.perturbation}`,
    );
    return [...families.values()].flatMap((members) =>
      fromOnePerturbation(strategy.name, members, { ...request, likeness }),
    );
  });
  const merged = new Map<string, PromptCandidate>();
  for (const candidate of candidates) {
    const content = JSON.stringify(candidate.parts);
    const earlier = merged.get(content) ?? candidate;
    merged.set(content, {
      ...earlier,
      rank_score: Math.max(earlier.rank_score, candidate.rank_score),
    });
  }
  return [...merged.values()].toSorted((x, y) => y.rank_score - x.rank_score);
}

/**
 * Candidates not yet used, best next: what earlier iterations scored lowers their lookalikes,
 * stand-ins that showed or promise little of the biology, and stalled strategies.
 */
export function rankCandidates(
  request: RetrievalRequest & { readonly history: readonly IterationFeedback[] },
  all = allCandidates(request),
): PromptCandidate[] {
  return orderByHistory(weighStandIns(all, request), request.history);
}
